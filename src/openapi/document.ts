import { sessionCookie } from '../auth/credentials.js'
import { errorCodes, type ErrorCode } from '../errors.js'
import { controlSchemas } from './control-schemas.js'
import { credentialSchemas } from './credential-operations.js'
import { errorSchemas } from './error-schemas.js'
import { historySchemas } from './event-operations.js'
import { eventSchemas } from './event-schemas.js'
import { figureSchemas } from './figure-schemas.js'
import type { JsonSchema } from './json-schema.js'
import { tags, type SecurityScheme } from './operation.js'
import { streamSchemas } from './stream-schemas.js'
import { webSocketSchemas } from './websocket-schemas.js'

const securitySchemes: Record<SecurityScheme, JsonSchema> = {
  bearer: {
    type: 'http',
    scheme: 'bearer',
    description: 'An API key, or a token (JWT). Of several credentials this one counts.',
  },
  ticket: {
    type: 'apiKey',
    in: 'query',
    name: 'ticket',
    description: 'A ticket of `POST /api/tickets`, for one use.',
  },
  token: {
    type: 'apiKey',
    in: 'query',
    name: 'token',
    description: 'An API key or a token, for a quick look: URLs are written down in many places.',
  },
  session: {
    type: 'apiKey',
    in: 'cookie',
    name: sessionCookie,
    description: 'The cookie of `POST /api/session`.',
  },
}

const schemas: Readonly<Record<string, JsonSchema>> = {
  ...eventSchemas,
  ...controlSchemas,
  ...historySchemas,
  ...webSocketSchemas,
  ...streamSchemas,
  ...figureSchemas,
  ...credentialSchemas,
  ...errorSchemas,
}

function when(code: ErrorCode): string {
  return `\`${code}\` (${errorCodes[code][0]})`
}

const description = `Real-time push without loss: what services push, browsers and other clients receive over Server-Sent Events or a WebSocket, in order, each once.

**Errors** have one shape, \`Error\`; match on \`code\`. Those that any route may give stand with it. Beside them a path that is no route is answered ${when('RINGCAST_NOT_FOUND')}, and a route by another method ${when('RINGCAST_METHOD_NOT_ALLOWED')}.

**Unknown parameters** are refused where a route has parameters; those that begin with \`_\` are ignored.

**Credentials**: a service that has none configured asks for none.`

/** All of the document but its paths, which come from the routes. */
export function documentFrame(version: string): JsonSchema {
  return {
    openapi: '3.1.1',
    info: {
      title: 'Ringcast',
      version,
      description,
      license: { name: 'MIT', identifier: 'MIT' },
    },
    // Relative to where the document is: a proxy may have the whole under a path.
    servers: [{ url: '.', description: 'Where this document is.' }],
    tags: Object.entries(tags).map(([name, description]) => ({ name, description })),
    components: { securitySchemes, schemas },
  }
}
