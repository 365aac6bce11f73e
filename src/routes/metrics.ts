import type { FastifyInstance } from 'fastify'
import { administratorsOnly } from './access.js'
import { checkNames, type Query } from './query.js'
import type { Service } from './service.js'

/** `GET /metrics`: the metrics of the node, all its workers together, as Prometheus reads them. */
export function metricsRoute(app: FastifyInstance, service: Service): void {
  app.get('/metrics', { onRequest: administratorsOnly(service) }, async (request, reply) => {
    checkNames(request.query as Query, [])
    const { contentType, text } = await service.metrics()
    return reply.header('content-type', contentType).send(text)
  })
}
