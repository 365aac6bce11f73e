import type { Contender, Server } from '../contender.js'
import type { PushRequest } from '../load.js'
import { projectFolder } from '../machine.js'
import { startNode, type NodeProcess } from '../process.js'
import { noCertificate, withCertificate } from './certificate.js'

const main = `${projectFolder}dist/cli/main.js`

/** A running Ringcast, and what only it can be asked. */
export interface RingcastServer extends Server {
  /** Its answer to a path. */
  ask(path: string): Promise<Record<string, unknown>>
  /** `heapUsed + arrayBuffers` after garbage collection, in bytes. */
  heap(): Promise<number>
}

/** Starts Ringcast as built, with its defaults but for the flags. */
export async function startRingcast(...flags: string[]): Promise<RingcastServer> {
  return withQuestions(await startNode(command(flags)))
}

/** The same on all cores, which it shares with the load. */
export async function startOnAllCores(...flags: string[]): Promise<RingcastServer> {
  return withQuestions(await startNode(command(flags), true))
}

function command(flags: readonly string[]): readonly string[] {
  return [main, 'serve', '--port', '0', ...flags]
}

function withQuestions(child: NodeProcess): RingcastServer {
  return {
    ...child,
    ...asServer(child),
    async ask(path) {
      const response = await fetch(`http://127.0.0.1:${child.port}${path}`)
      return (await response.json()) as Record<string, unknown>
    },
  }
}

function asServer(child: NodeProcess): Server {
  return {
    ...child,
    pushPort: child.port,
    opensWith: 'body',
    events: (topic) => `/events?topic=${topic}`,
    push: (topic, data) => pushOf(`{"topic":"${topic}","data":${data}}`),
    userEvents: (user) => `/events?user=${user}`,
    userPush: (user, data) => pushOf(`{"user":"${user}","data":${data}}`),
  }
}

/** A push of this body. */
export function pushOf(body: string): PushRequest {
  return { path: '/api/push', type: 'application/json', body }
}

/** Ringcast as it is measured where nothing else is said: its streams are event streams. */
export const ringcast: Contender<RingcastServer> = {
  name: 'ringcast',
  missing: false,
  start: () => startRingcast(),
}

/** The same service, whose streams are WebSockets. */
export const ringcastOverWebSocket: Contender<RingcastServer> = {
  name: 'ringcast, WebSocket',
  missing: false,
  start: async () => ({
    ...(await startRingcast()),
    opensWith: 'frame',
    events: (topic) => `/ws?topic=${topic}`,
    userEvents: (user) => `/ws?user=${user}`,
  }),
}

/** The same service over TLS, whose streams are HTTP/2, so many to a connection. */
export const ringcastOverHttp2 = (streamsAConnection: number): Contender => ({
  name: `ringcast, HTTP/2, ${streamsAConnection} a connection`,
  missing: noCertificate,
  start: () =>
    withCertificate(streamsAConnection, async ({ cert, key }) =>
      asServer(await startNode(command(['--tls-cert', cert, '--tls-key', key]))),
    ),
})
