import type { FastifyInstance } from 'fastify'
import type { RawRequest } from '../transports/carrier.js'

/** What is taken for an id: it goes into a header again, and into the log. */
const goodId = /^[\x21-\x7e]{1,128}$/

/**
 * Gives each request an id: that which it brought in `X-Request-Id`, as proxies do, else one of its own.
 *
 * @param process the name of this process, the first part of the ids that it gives.
 */
export function requestIds(process: string): (request: RawRequest) => string {
  let given = 0
  return ({ headers }) => {
    const brought = headers['x-request-id']
    return typeof brought === 'string' && goodId.test(brought)
      ? brought
      : `${process}-${(++given).toString(36)}`
  }
}

/** Says the id of a request in the head of its answer, `X-Request-Id`. */
export function tellRequestIds(app: FastifyInstance): void {
  app.addHook('onRequest', ({ id }, reply, done) => {
    reply.header('x-request-id', id)
    done()
  })
}
