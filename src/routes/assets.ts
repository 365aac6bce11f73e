import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'

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
}

/** `GET /client.js`: the client for browsers, built. Open to all, to pages of any origin too. */
export function assetRoutes(app: FastifyInstance): void {
  let asset: Asset | undefined
  const options = { exposeHeadRoute: true, config: { anyOrigin: true } }
  app.get('/client.js', options, (request, reply) => {
    asset ??= load('client.js')
    return send(request, reply, asset)
  })
}

function load(name: string): Asset {
  // The same from src/ and from dist/.
  const body = readFileSync(new URL(`../../dist/web/${name}`, import.meta.url))
  return { body, etag: `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"` }
}

function send(
  { headers }: FastifyRequest,
  reply: FastifyReply,
  { body, etag }: Asset,
): FastifyReply {
  // What the service says of origins elsewhere is not said here: the answer is the same for all.
  reply.removeHeader('vary')
  reply.headers({
    etag,
    // Kept, and asked for each time whether it still holds: a new version counts at once.
    'cache-control': 'no-cache',
    'access-control-allow-origin': '*',
    // Pages that isolate themselves (COEP) take no other scripts.
    'cross-origin-resource-policy': 'cross-origin',
    'x-content-type-options': 'nosniff',
  })
  if (isKnown(headers['if-none-match'], etag)) return reply.code(304).send()
  return reply.type('text/javascript; charset=utf-8').send(body)
}

/** Whether the client has it already (RFC 9110 section 13.1.2); a proxy may have made the tag weak. */
function isKnown(ifNoneMatch: string | undefined, etag: string): boolean {
  if (ifNoneMatch === undefined) return false
  return ifNoneMatch
    .split(',')
    .map((tag) => tag.trim().replace(/^W\//, ''))
    .some((tag) => tag === etag || tag === '*')
}
