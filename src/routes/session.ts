import { stringifySetCookie } from 'cookie'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { findCredential, sessionCookie } from '../auth/credentials.js'
import { unauthenticated } from '../auth/grants.js'
import { RingcastError } from '../errors.js'
import { endSessionOperation, sessionOperation } from '../openapi/credential-operations.js'
import { identified } from './access.js'
import { checkNames, type Query } from './query.js'
import type { Service } from './service.js'

/** What browsers keep of a cookie, its name and value, in bytes (RFC 6265 section 6.1). */
const maxCookieBytes = 4096
/** The longest that browsers keep a cookie: 400 days, in seconds. */
const maxCookieSeconds = 400 * 24 * 3600

/**
 * `POST /api/session`: makes a cookie of a token, which scripts cannot read, for EventSource and
 * pages of the same site. `DELETE /api/session`: takes it back, whatever it is worth.
 */
export function sessionRoutes(app: FastifyInstance, service: Service): void {
  const options = { schema: sessionOperation, onRequest: identified(service) }
  app.post('/api/session', options, (request, reply) => {
    checkNames(request.query as Query, [])
    // An open service has nothing to remember.
    if (!service.credentials.configured) return reply.code(204).send()
    const given = findCredential(request.headers, {})
    if (given?.from !== 'header') throw unauthenticated('a session')
    const { expiresAt } = request.caller
    const seconds = expiresAt === undefined ? undefined : Math.ceil((expiresAt - Date.now()) / 1000)
    const cookie = cookieOf(request, given.text, seconds)
    if (cookie.indexOf(';') > maxCookieBytes) {
      throw new RingcastError(
        'RINGCAST_TOKEN_TOO_LARGE',
        `the token is larger than the ${maxCookieBytes} bytes that browsers keep as a cookie: use tickets`,
      )
    }
    return reply.header('set-cookie', cookie).header('cache-control', 'no-store').code(204).send()
  })
  app.delete('/api/session', { schema: endSessionOperation }, (request, reply) => {
    checkNames(request.query as Query, [])
    return reply
      .header('set-cookie', cookieOf(request, '', 0))
      .code(204)
      .send()
  })
}

/** @param seconds how long the browser keeps it; until it is closed, if undefined. */
function cookieOf(request: FastifyRequest, value: string, seconds: number | undefined): string {
  return stringifySetCookie({
    name: sessionCookie,
    value,
    path: '/',
    httpOnly: true,
    sameSite: 'lax',
    secure: isSecure(request),
    ...(seconds === undefined ? {} : { maxAge: Math.min(Math.max(0, seconds), maxCookieSeconds) }),
  })
}

/** Whether the request came over https, perhaps to a proxy: pages of https ask no others. */
function isSecure({ protocol, headers }: FastifyRequest): boolean {
  return protocol === 'https' || headers.origin?.toLowerCase().startsWith('https://') === true
}
