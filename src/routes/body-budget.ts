import type { FastifyInstance } from 'fastify'
import { RingcastError } from '../errors.js'

/** Bodies up to this size are always read: slow clients must not keep small pushes out. */
const smallBody = 64 * 1024

/** How many bodies of the largest size may be on their way at once. */
const largestBodies = 8

/**
 * Bounds what the large bodies of all requests hold together while they arrive. Without it a
 * thousand slow clients, each within `MAX_BODY_BYTES`, would hold gigabytes. A body of unknown
 * length counts as the largest.
 */
export function limitBodies(app: FastifyInstance, maxBodyBytes: number): void {
  let claimed = 0
  app.addHook('onRequest', (request, reply, done) => {
    const { 'content-length': length, 'transfer-encoding': encoding } = request.headers
    const announced = Number(length ?? (encoding === undefined ? 0 : maxBodyBytes))
    // What comes with a GET is dropped as it comes.
    if (announced <= smallBody || request.method === 'GET' || request.method === 'HEAD') {
      done()
      return
    }
    const bytes = Math.min(announced, maxBodyBytes)
    if (claimed + bytes > maxBodyBytes * largestBodies) {
      done(
        new RingcastError(
          'RINGCAST_BUSY',
          'the bodies of other requests take all the memory that is for them: push again in a moment',
          { retryAfterSeconds: 1 },
        ),
      )
      return
    }
    claimed += bytes
    const { socket } = request.raw
    const release = (): void => {
      reply.raw.removeListener('close', release)
      socket.removeListener('close', release)
      claimed -= bytes
    }
    // An answer that waits behind another one when the connection breaks is not told of it.
    reply.raw.once('close', release)
    socket.once('close', release)
    done()
  })
}
