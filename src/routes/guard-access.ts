import cors from '@fastify/cors'
import type { FastifyInstance, FastifyRequest } from 'fastify'
import { isLoopbackHost } from '../auth/loopback.js'
import { isAllowedOrigin, isNamedOrigin, isSameOrigin, type OriginPolicy } from '../auth/origins.js'
import { RingcastError } from '../errors.js'
import { hostOf } from './host.js'
import { rememberLast } from './remember-last.js'

/** How long a browser may keep the answer to a preflight, in seconds. */
const preflightSeconds = 600

/**
 * What a request's `Host` may not be: absent, and while the service is open, any but a name of this
 * machine, so that no page can come by a name of its own that leads here (DNS rebinding).
 *
 * @returns what answers with the error, if there is one.
 */
export function hostGuard(open: boolean): (request: FastifyRequest) => RingcastError | undefined {
  const isOwnHost = rememberLast(isLoopbackHost)
  return (request) => {
    const host = hostOf(request)
    if (host === undefined) {
      // HTTP/1.0 may come without a Host; no browser does.
      return request.raw.httpVersion === '1.0'
        ? undefined
        : new RingcastError('RINGCAST_BAD_REQUEST', 'a request needs a Host header')
    }
    if (!open || isOwnHost(host)) return undefined
    return new RingcastError(
      'RINGCAST_HOST_REFUSED',
      'the service is open to this machine alone: ask for it as localhost or 127.0.0.1',
    )
  }
}

/**
 * Lets in only whom the service means: while it is open, requests for this machine by its own name;
 * and of web pages, those of allowed origins. The rest is refused before anything is done for it.
 */
export async function guardAccess(
  app: FastifyInstance,
  policy: OriginPolicy,
  open: boolean,
): Promise<void> {
  const refusalOfHost = hostGuard(open)
  app.addHook('onRequest', (request, reply, done) => {
    const { origin } = request.headers
    const refusal = refusalOfHost(request)
    if (refusal !== undefined) {
      done(refusal)
      return
    }
    if (request.routeOptions.config.anyOrigin === true) {
      done()
      return
    }
    if (
      origin === undefined ? !isCrossSiteChange(request) : isSameOrigin(origin, hostOf(request))
    ) {
      done()
      return
    }
    if (origin !== undefined && isAllowedOrigin(policy, origin)) {
      // With cookies, of which `*` must not have the answers.
      if (isNamedOrigin(policy, origin)) reply.header('access-control-allow-credentials', 'true')
      done()
      return
    }
    request.log.warn(
      { reqId: request.id, origin: origin?.slice(0, 256) ?? 'withheld', setting: 'ORIGINS' },
      'origin refused: not in ORIGINS',
    )
    done(
      new RingcastError(
        'RINGCAST_ORIGIN_REFUSED',
        'pages of this origin may not use the service: the setting ORIGINS names those that may',
      ),
    )
  })
  await app.register(cors, {
    origin: (origin, decide) => {
      decide(null, origin !== undefined && isAllowedOrigin(policy, origin))
    },
    methods: ['GET', 'HEAD', 'POST', 'DELETE'],
    allowedHeaders: [
      'Accept',
      'Authorization',
      'Cache-Control',
      'Content-Type',
      'Last-Event-ID',
      'X-Request-Id',
    ],
    exposedHeaders: ['Retry-After', 'WWW-Authenticate', 'X-Request-Id'],
    maxAge: preflightSeconds,
    // An OPTIONS that is no preflight would be refused in another shape than all other errors.
    strictPreflight: false,
  })
}

/**
 * Whether a browser says that a page of another site wants to change something, and keeps its origin
 * to itself (Fetch Metadata). Browsers send an `Origin` with every POST and DELETE; this is in case.
 */
function isCrossSiteChange({ method, headers }: FastifyRequest): boolean {
  if (method !== 'POST' && method !== 'DELETE') return false
  return ['cross-site', 'same-site'].includes(String(headers['sec-fetch-site']))
}
