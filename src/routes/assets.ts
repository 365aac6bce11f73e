import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { RingcastError } from '../errors.js'
import { docsOperation } from '../openapi/admin-operations.js'
import {
  assetsOperation,
  clientOperation,
  dashboardOperation,
  feedOperation,
} from '../openapi/open-operations.js'
import { administratorsOnly } from './access.js'
import { checkNames, type Query } from './query.js'
import type { Service } from './service.js'

declare module 'fastify' {
  interface FastifyContextConfig {
    /** Whether pages of all origins may have what the route answers, without credentials. */
    anyOrigin?: boolean
  }
}

/** A file as it is served. */
interface Asset {
  readonly body: Buffer
  readonly etag: string
  readonly type: string
}

/** What was built for browsers; the same place from src/ and from dist/. */
const built = new URL('../web/', import.meta.url)

const types: Record<string, string> = {
  js: 'text/javascript; charset=utf-8',
  css: 'text/css; charset=utf-8',
  html: 'text/html; charset=utf-8',
}

/** Kept, and asked for each time whether it still holds: a new version counts at once. */
const checked = 'no-cache'
/** Never asked for again: the name changes with what is in it (RFC 8246). */
const keptForEver = 'public, max-age=31536000, immutable'

/**
 * What the dashboard and the page of the API may load: their own scripts and styles, and the service.
 * Nothing inline, nothing from elsewhere, and no page may show them in a frame (CSP Level 3).
 */
const pagePolicy = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "connect-src 'self'",
  'img-src data:',
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/**
 * What browsers load: `GET /`, the dashboard, with its scripts and styles at `/assets/`; and for pages
 * of any origin the client, `/client.js`, and the feed element, `/feed.js`. All are open, since there is
 * nothing secret in them: what the dashboard shows it asks for as an administrator. `GET /docs`, the
 * page of the OpenAPI document, is for administrators as the document is.
 */
export function assetRoutes(app: FastifyInstance, service: Service): void {
  const ofName = new Map<string, Asset>()
  const asset = (name: string): Asset => {
    const known = ofName.get(name) ?? load(name)
    ofName.set(name, known)
    return known
  }
  const scripts = [
    ['client.js', clientOperation],
    ['feed.js', feedOperation],
  ] as const
  for (const [name, schema] of scripts) {
    const options = { exposeHeadRoute: true, config: { anyOrigin: true }, schema }
    app.get(`/${name}`, options, (request, reply) =>
      send(request, forAll(reply), asset(name), checked),
    )
  }

  app.get('/', { exposeHeadRoute: true, schema: dashboardOperation }, (request, reply) =>
    send(request, asPage(reply), asset('dashboard.html'), checked),
  )
  const docs = { onRequest: administratorsOnly(service), schema: docsOperation }
  app.get('/docs', docs, (request, reply) => {
    checkNames(request.query as Query, [])
    return send(request, asPage(reply), asset('docs.html'), checked)
  })

  let names: Set<string> | undefined
  app.get('/assets/:name', { exposeHeadRoute: true, schema: assetsOperation }, (request, reply) => {
    const { name } = request.params as { name: string }
    // Looked up among the names that there are: no path is ever made of what a client says.
    names ??= new Set(readdirSync(new URL('assets/', built)))
    if (!names.has(name)) throw new RingcastError('RINGCAST_NOT_FOUND', 'there is no such asset')
    return send(request, reply, asset(`assets/${name}`), keptForEver)
  })
}

function load(name: string): Asset {
  const body = readFileSync(new URL(name, built))
  const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
  return { body, etag, type: types[name.slice(name.lastIndexOf('.') + 1)]! }
}

/** Bounds what a page may do. */
function asPage(reply: FastifyReply): FastifyReply {
  return reply.headers({
    'content-security-policy': pagePolicy,
    'referrer-policy': 'no-referrer',
    'cross-origin-opener-policy': 'same-origin',
  })
}

/** Lets pages of any origin have the answer, which is the same for all of them. */
function forAll(reply: FastifyReply): FastifyReply {
  // What the service says of origins elsewhere is not said here.
  return reply.removeHeader('vary').headers({
    'access-control-allow-origin': '*',
    // Pages that isolate themselves (COEP) take no other scripts.
    'cross-origin-resource-policy': 'cross-origin',
  })
}

function send(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { body, etag, type }: Asset,
  cacheControl: string,
): FastifyReply {
  reply.headers({ etag, 'cache-control': cacheControl, 'x-content-type-options': 'nosniff' })
  if (isKnown(headers['if-none-match'], etag)) return reply.code(304).send()
  return reply.type(type).send(body)
}

/** Whether the client has it already (RFC 9110 section 13.1.2); a proxy may have made the tag weak. */
function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === etag || tag === '*')
}
