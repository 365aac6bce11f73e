import type { EventEmitter } from 'node:events'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import type { RawRequest } from '../transports/carrier.js'

const header = 'x-request-id'
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
    const brought = headers[header]
    return typeof brought === 'string' && goodId.test(brought)
      ? brought
      : `${process}-${(++given).toString(36)}`
  }
}

/** Says the id of a request in the head of its answer, `X-Request-Id`. */
export function tellRequestIds(app: FastifyInstance): void {
  app.addHook('onRequest', ({ id }, reply, done) => {
    reply.header(header, id)
    done()
  })
}

/**
 * Does the same for handshakes that are agreed to, whose answer `ws` writes.
 *
 * @param webSockets the server of `ws`.
 * @returns what is to be told of a request before `ws` gets it.
 */
export function tellUpgradeIds(webSockets: EventEmitter): (request: FastifyRequest) => void {
  const ids = new WeakMap<RawRequest, string>()
  webSockets.on('headers', (head: string[], request: RawRequest) => {
    head.push(`${header}: ${ids.get(request)!}`)
  })
  return ({ raw, id }) => {
    ids.set(raw, id)
  }
}
