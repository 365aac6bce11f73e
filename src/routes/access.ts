import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { Caller } from '../auth/caller.js'
import { findCredential, type Credentials, type Given } from '../auth/credentials.js'
import { checkAdmin, checkMayPublish } from '../auth/grants.js'
import { isNamedOrigin, isSameOrigin, type OriginPolicy } from '../auth/origins.js'
import { RingcastError } from '../errors.js'
import { hostOf } from './host.js'
import { invalidQuery, single, user, type Query } from './query.js'
import type { Service } from './service.js'

declare module 'fastify' {
  interface FastifyRequest {
    /** Who asks; set by the hooks of this file, on the routes that have one. */
    caller: Caller
  }
}

/** What a caller has to be allowed before anything of a request is read; throws if it is not. */
type Check = (caller: Caller) => void

/** Finds out who asks. To be the first hook of a route that is not open to all. */
export function identified(service: Service): onRequestHookHandler {
  return identify(service, () => {
    // What is granted depends on the topics, which the route reads.
  })
}

/** Finds out who asks, and lets in only who may push something. */
export function publishersOnly(service: Service): onRequestHookHandler {
  return identify(service, checkMayPublish)
}

/** Finds out who asks, and lets in only administrators. */
export function administratorsOnly(service: Service): onRequestHookHandler {
  return identify(service, checkAdmin)
}

/** Makes room for the caller on every request. */
export function prepareCallers(app: FastifyInstance): void {
  app.decorateRequest('caller', null as unknown as Caller)
}

/** The user that a stream or a page of history is for. Only an open service takes it from the query. */
export function userOf(
  service: Service,
  { query, caller }: Pick<FastifyRequest, 'query' | 'caller'>,
): string | undefined {
  const asked = user(query as Query)
  if (!service.credentials.configured) return asked
  if (asked === undefined) return caller.user
  throw invalidQuery(
    'user',
    '"user" is for a service without credentials: here the credential says who one is',
  )
}

function identify({ credentials, origins }: Service, check: Check): onRequestHookHandler {
  return (request, _reply, done) => {
    const admit = (caller: Caller): void => {
      check(caller)
      request.caller = caller
    }
    let admitted: Promise<void> | undefined
    try {
      const caller = callerOf(credentials, origins, request)
      // Only a token that is new, or a ticket of another process, has to be waited for.
      if (caller instanceof Promise) admitted = caller.then(admit)
      else admit(caller)
    } catch (error) {
      done(error as Error)
      return
    }
    if (admitted === undefined) done()
    else admitted.then(() => done(), done)
  }
}

function callerOf(
  credentials: Credentials,
  origins: OriginPolicy,
  request: FastifyRequest,
): Caller | Promise<Caller> {
  return credentials.callerOf(givenBy(credentials, origins, request))
}

/**
 * The credential that comes with a request, if an open service would look at it.
 *
 * @throws RingcastError as `findCredential`; `RINGCAST_ORIGIN_REFUSED` for a cookie that a page uses
 * which may not.
 */
export function givenBy(
  { configured }: Credentials,
  origins: OriginPolicy,
  request: FastifyRequest,
): Given | undefined {
  if (!configured) return undefined
  const query = request.query as Query
  const [ticket, token] = [single(query, 'ticket'), single(query, 'token')]
  const given = findCredential(request.headers, { ticket, token })
  if (given?.from === 'cookie') checkCookieOrigin(origins, request)
  return given
}

/** A browser adds a cookie unasked: a page that uses it has to be named, not just not excluded. */
function checkCookieOrigin(origins: OriginPolicy, request: FastifyRequest): void {
  const { origin } = request.headers
  if (origin === undefined || isSameOrigin(origin, hostOf(request))) return
  if (isNamedOrigin(origins, origin)) return
  request.log.warn(
    { origin: origin.slice(0, 256), setting: 'ORIGINS' },
    'cookie refused: only * has this',
  )
  throw new RingcastError(
    'RINGCAST_ORIGIN_REFUSED',
    'pages of this origin may not use cookies: ORIGINS has to name it, * is not enough',
  )
}
