import type { FastifyInstance } from 'fastify'
import type { Hub } from '../hub/hub.js'
import type { Service } from './service.js'

/** `GET /livez`: the process is up. `GET /readyz`: it wants traffic. Open to all. */
export function healthRoutes(app: FastifyInstance, { hub }: Service): void {
  // Many a probe asks with HEAD.
  const options = { exposeHeadRoute: true }
  app.get('/livez', options, (_request, reply) => reply.send({ status: 'up' }))
  app.get('/readyz', options, (_request, reply) =>
    notReady(hub) === undefined
      ? reply.send({ status: 'ready' })
      : reply.code(503).send({ status: notReady(hub) }),
  )
}

function notReady({ draining, problem }: Hub): string | undefined {
  if (draining) return 'draining'
  return problem === undefined ? undefined : `log unavailable: ${problem}`
}
