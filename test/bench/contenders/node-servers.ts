import { topicsOnly, type Contender, type Server } from '../contender.js'
import { startNode } from '../process.js'
import { noCertificate, withCertificate } from './certificate.js'

/** A server of ours that answers `GET /events?topic=` and `POST /push?topic=`, whatever is inside. */
async function startServer(program: string, ...args: string[]): Promise<Server> {
  const path = new URL(`../servers/${program}.js`, import.meta.url).pathname
  const child = await startNode([path, ...args])
  return {
    ...child,
    pushPort: child.port,
    ...topicsOnly(
      'body',
      (topic) => `/events?topic=${topic}`,
      (topic, data) => ({
        path: `/push?topic=${topic}`,
        type: 'application/json',
        body: data,
      }),
    ),
  }
}

function nodeServer(name: string, program: string): Contender {
  return { name, missing: false, start: () => startServer(program) }
}

/** A bare Node loop that writes a ready buffer to each socket: what no Node server can be below. */
export const floor = nodeServer('floor', 'floor')

/** The same over TLS, on the streams of Node's own HTTP/2, so many to a connection. */
export const floorOverHttp2 = (streamsAConnection: number): Contender => ({
  name: `floor, HTTP/2, ${streamsAConnection} a connection`,
  missing: noCertificate,
  start: () =>
    withCertificate(streamsAConnection, ({ cert, key }) => startServer('http2-floor', cert, key)),
})

/** Fastify with hijacked replies and nothing else: what a stream costs in memory at least. */
export const bareFastify = nodeServer('bare fastify', 'bare-fastify')

export const betterSse = nodeServer('better-sse', 'better-sse')
export const fastifySse = nodeServer('@fastify/sse', 'fastify-sse')
