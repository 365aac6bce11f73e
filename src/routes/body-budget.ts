import type { FastifyInstance, FastifyRequest } from 'fastify'
import { RingcastError } from '../errors.js'
import type { ByteBudget } from '../limits/byte-budget.js'
import { carrierOf, http2StreamOf } from '../transports/carrier.js'

/** Bodies up to this size are always read: slow clients must not keep small pushes out. */
const smallBody = 64 * 1024

/** How many bodies of the largest size may be on their way at once. */
export const largestBodies = 8

/**
 * Bounds what the large bodies of all requests hold together while they arrive. Without it a
 * thousand slow clients, each within `MAX_BODY_BYTES`, would hold gigabytes. A body of unknown
 * length counts as the largest.
 *
 * @param budget what they may hold together; messages over WebSocket claim of it too.
 */
export function limitBodies(app: FastifyInstance, maxBodyBytes: number, budget: ByteBudget): void {
  app.addHook('onRequest', (request, reply, done) => {
    const announced = announcedBytes(request, maxBodyBytes)
    // What comes with a GET is dropped as it comes.
    if (announced <= smallBody || request.method === 'GET' || request.method === 'HEAD') {
      done()
      return
    }
    const bytes = Math.min(announced, maxBodyBytes)
    if (!budget.claim(bytes)) {
      done(
        new RingcastError(
          'RINGCAST_BUSY',
          'the bodies of other requests take all the memory that is for them: push again in a moment',
          { retryAfterSeconds: 1 },
        ),
      )
      return
    }
    const carrier = carrierOf(request.raw)
    const release = (): void => {
      reply.raw.removeListener('close', release)
      carrier.removeListener('close', release)
      budget.release(bytes)
    }
    // An answer that waits behind another one when the connection breaks is not told of it.
    reply.raw.once('close', release)
    carrier.once('close', release)
    done()
  })
}

/** How large a request says that its body is; where it says nothing, `maxBodyBytes`. */
function announcedBytes({ raw, headers }: FastifyRequest, maxBodyBytes: number): number {
  const { 'content-length': length, 'transfer-encoding': encoding } = headers
  if (length !== undefined) return Number(length)
  const http2 = http2StreamOf(raw)
  const hasBody = http2 === undefined ? encoding !== undefined : !http2.endAfterHeaders
  return hasBody ? maxBodyBytes : 0
}
