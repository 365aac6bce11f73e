import swagger from '@fastify/swagger'
import type { FastifyInstance, FastifyServerOptions } from 'fastify'
import { documentOperation } from '../openapi/admin-operations.js'
import { documentFrame } from '../openapi/document.js'
import { administratorsOnly } from './access.js'
import { checkNames, type Query } from './query.js'
import type { Service } from './service.js'

/**
 * Has routes keep their schemas for the document alone: they check what they get themselves, since
 * their answers say more than a validator's, and the push is quicker without. Fastify's own compilers
 * are not even loaded: they would be a hundred modules more, to the 440 of a start.
 */
export const documentOnly = {
  compilersFactory: {
    buildValidator: () => () => () => true,
    buildSerializer: () => () => (data: unknown) => JSON.stringify(data),
  },
  // The types want what Ajv makes; Fastify calls it, and no more.
} as object as NonNullable<FastifyServerOptions['schemaController']>

/** Collects the routes that are registered from now on, for the document. */
export async function prepareDocument(app: FastifyInstance, version: string): Promise<void> {
  await app.register(swagger, {
    openapi: documentFrame(version),
    // The server's URL is relative, which has no path to strip.
    stripBasePath: false,
    exposeHeadRoutes: true,
    // OpenAPI 3.1 has it.
    convertConstToEnum: false,
  })
}

/** `GET /openapi.json`: what the routes say of themselves, as OpenAPI 3.1; made when it is first asked for. */
export function documentRoute(app: FastifyInstance, service: Service): void {
  let text: string | undefined
  const options = { onRequest: administratorsOnly(service), schema: documentOperation }
  app.get('/openapi.json', options, (request, reply) => {
    checkNames(request.query as Query, [])
    text ??= JSON.stringify(app.swagger())
    return reply.type('application/json; charset=utf-8').send(text)
  })
}
