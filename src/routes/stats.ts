import type { FastifyInstance } from 'fastify'
import { statsOperation } from '../openapi/admin-operations.js'
import { administratorsOnly } from './access.js'
import { checkNames, type Query } from './query.js'
import type { Service } from './service.js'

/** `GET /api/stats`: the figures that the dashboard shows, of all workers of the node. */
export function statsRoute(app: FastifyInstance, service: Service): void {
  const options = { schema: statsOperation, onRequest: administratorsOnly(service) }
  app.get('/api/stats', options, (request) => {
    checkNames(request.query as Query, [])
    return service.figures()
  })
}
