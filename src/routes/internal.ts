import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { answerErrors } from './answer-errors.js'
import { hostGuard } from './guard-access.js'
import { healthRoutes } from './health.js'
import { sendMetrics } from './metrics.js'
import type { RequestTimes } from './request-times.js'
import { plainHttpOptions, serverOptions } from './server-options.js'
import type { Service } from './service.js'

/** Of the descriptors that are kept back from connections of clients, these may take a half. */
const maxConnections = 32

/** What the server of `INTERNAL_PORT` is made with. */
export interface InternalParts {
  readonly logger: FastifyBaseLogger
  /** Whether the service has no credentials, and so is for this machine alone. */
  readonly open: boolean
  readonly times: RequestTimes
}

/**
 * The server of `INTERNAL_PORT`: `GET /livez`, `/readyz` and `/metrics`, without a key, and nothing
 * else. It is always plain HTTP. It has no CORS headers, so that no page of another origin can read
 * what it says, and asks for no name, since Prometheus and probes ask by whatever they have; but
 * while the service is open a page could, by a name of its own that leads here (DNS rebinding).
 */
export function internalServer(
  service: Service,
  { logger, open, times }: InternalParts,
): FastifyInstance {
  const http = fastify({
    ...serverOptions(times),
    loggerInstance: logger,
    http: plainHttpOptions(times),
  })
  http.server.maxConnections = maxConnections
  const refusal = hostGuard(open)
  http.addHook('onRequest', (request, _reply, done) => {
    done(refusal(request))
  })
  answerErrors(http, () => {
    // Only pushes are counted, and there are none here.
  })
  // No route reads a body: what has one is told what is wrong with its path, not with its type.
  http.removeAllContentTypeParsers()
  http.addContentTypeParser('*', (_request, _body, done) => {
    done(null)
  })
  healthRoutes(http, service)
  http.get('/metrics', sendMetrics(service))
  return http
}
