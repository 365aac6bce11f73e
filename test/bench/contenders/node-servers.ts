import { topicsOnly, type Contender } from '../contender.js'
import { startNode } from '../process.js'

/** A server of ours that answers `GET /events?topic=` and `POST /push?topic=`, whatever is inside. */
function nodeServer(name: string, program: string): Contender {
  return {
    name,
    missing: false,
    async start() {
      const child = await startNode([new URL(`../servers/${program}.js`, import.meta.url).pathname])
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
    },
  }
}

/** A bare Node loop that writes a ready buffer to each socket: what no Node server can be below. */
export const floor = nodeServer('floor', 'floor')

/** Fastify with hijacked replies and nothing else: what a stream costs in memory at least. */
export const bareFastify = nodeServer('bare fastify', 'bare-fastify')

export const betterSse = nodeServer('better-sse', 'better-sse')
export const fastifySse = nodeServer('@fastify/sse', 'fastify-sse')
