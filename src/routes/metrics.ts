import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { metricsOperation } from '../openapi/admin-operations.js'
import { administratorsOnly } from './access.js'
import { checkNames, type Query } from './query.js'
import type { Service } from './service.js'

/** `GET /metrics`: the metrics of the node, all its workers together, as Prometheus reads them. */
export function metricsRoute(app: FastifyInstance, service: Service): void {
  const options = { schema: metricsOperation, onRequest: administratorsOnly(service) }
  app.get('/metrics', options, sendMetrics(service))
}

/** Answers with the metrics, whoever asks. */
export function sendMetrics(service: Service) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> => {
    checkNames(request.query as Query, [])
    const { contentType, text } = await service.metrics()
    return reply.header('content-type', contentType).send(text)
  }
}
