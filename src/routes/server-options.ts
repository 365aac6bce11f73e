import { LogController, type FastifyServerOptions } from 'fastify'
import { onBadUrl, onClientError } from './answer-errors.js'
import { documentOnly } from './openapi.js'
import type { RequestTimes } from './request-times.js'

/** What Fastify is told of each server that there is, of the service's port and of `INTERNAL_PORT`. */
export function serverOptions({ requestMs, idleMs }: RequestTimes): FastifyServerOptions {
  return {
    // A push is one line at debug, a stream one when it ends; a line for each request says no more.
    logController: new LogController({ disableRequestLogging: true }),
    exposeHeadRoutes: false,
    schemaController: documentOnly,
    requestTimeout: requestMs,
    keepAliveTimeout: idleMs,
    connectionTimeout: idleMs,
    clientErrorHandler: onClientError,
    frameworkErrors: onBadUrl,
    return503OnClosing: false,
    // Closes what is idle and what is not: streams have said goodbye by then, and who scrapes keeps
    // the connection open.
    forceCloseConnections: true,
  }
}

/** What Node is told of a server in the clear. */
export function plainHttpOptions({ headersMs, checkMs }: RequestTimes) {
  return {
    headersTimeout: headersMs,
    connectionsCheckingInterval: checkMs,
    // The guard refuses these itself: Node's answer has no code.
    requireHostHeader: false,
  } as const
}
