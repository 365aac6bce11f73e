import type { OpensWith, PushRequest } from './load.js'

/** A server that the shapes are run on: Ringcast, or one that it is compared with. */
export interface Contender<S extends Server = Server> {
  readonly name: string
  /** Why it can't be run here; false where it can. */
  readonly missing: string | false
  /** Starts it as a process of its own, on a free port of loopback. */
  start(): Promise<S>
}

/** How a server is asked for streams and pushes. */
export type Interface = Pick<Server, 'opensWith' | 'events' | 'push' | 'userEvents' | 'userPush'>

/** The interface of a server that knows topics only: a user is a topic. */
export function topicsOnly(
  opensWith: Server['opensWith'],
  events: Server['events'],
  push: Server['push'],
): Interface {
  return { opensWith, events, push, userEvents: events, userPush: push }
}

/** A server that runs. */
export interface Server {
  readonly port: number
  /** Where it takes pushes, if not on the same port. */
  readonly pushPort: number
  readonly opensWith: OpensWith
  /** How many streams share a connection, all over HTTP/2 and TLS; HTTP/1.1 in the clear without. */
  readonly streamsAConnection?: number
  /** The most handshakes that it can take at a time, where that is few. */
  readonly atOnce?: number
  /** The path of a stream of one topic. */
  events(topic: string): string
  /** The push of one event to a topic; `data` is JSON. */
  push(topic: string, data: string): PushRequest
  /** The path of a stream of one user: of a topic by that name, where the server knows no users. */
  userEvents(user: string): string
  /** The push of one event to a user. */
  userPush(user: string, data: string): PushRequest
  /** The CPU time taken so far, in nanoseconds. */
  cpuNs(): number
  /** The memory that it holds, in bytes; a Node process collects its garbage first. */
  rss(): Promise<number>
  /** Begins to watch its event loop, where it has one. */
  watchTurns(): void
  /** The longest turn of its event loop since `watchTurns`, in milliseconds; undefined without one. */
  longestTurnMs(): Promise<number | undefined>
  stop(): Promise<void>
}
