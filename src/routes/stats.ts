import type { FastifyInstance } from 'fastify'
import type { Service } from './service.js'

/** `GET /api/stats`: the figures that the dashboard shows. */
export function statsRoute(app: FastifyInstance, { figures }: Service): void {
  app.get('/api/stats', () => figures())
}
