import type { FastifyInstance } from 'fastify'
import { RingcastError } from '../errors.js'
import type { ByteBudget } from '../limits/byte-budget.js'

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
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    const announced = Number(length ?? (encoding === undefined ? 0 : maxBodyBytes))
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
    const { socket } = request.raw
    const release = (): void => {
      reply.raw.removeListener('close', release)
      socket.removeListener('close', release)
      budget.release(bytes)
    }
    // An answer that waits behind another one when the connection breaks is not told of it.
    reply.raw.once('close', release)
    socket.once('close', release)
    done()
  })
}
