import type { FastifyInstance } from 'fastify'
import { livezOperation, readyzOperation } from '../openapi/open-operations.js'
import type { Service } from './service.js'

/**
 * `GET /livez`: the process is up. `GET /readyz`: the node wants traffic, which it does as long as
 * one of its workers does. Open to all.
 */
export function healthRoutes(app: FastifyInstance, { peers }: Service): void {
  // Many a probe asks with HEAD.
  const forProbes = { exposeHeadRoute: true }
  app.get('/livez', { ...forProbes, schema: livezOperation }, (_request, reply) =>
    reply.send({ status: 'up' }),
  )
  app.get('/readyz', { ...forProbes, schema: readyzOperation }, async (_request, reply) => {
    const reason = await peers.notReady()
    return reason === null
      ? reply.send({ status: 'ready' })
      : reply.code(503).send({ status: reason })
  })
}
