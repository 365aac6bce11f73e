import type { FastifyInstance } from 'fastify'
import { administratorsOnly } from './access.js'
import type { Service } from './service.js'

/** `GET /api/stats`: the figures that the dashboard shows, of all workers of the node. */
export function statsRoute(app: FastifyInstance, service: Service): void {
  app.get('/api/stats', { onRequest: administratorsOnly(service) }, () => service.figures())
}
