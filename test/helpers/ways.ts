import type { Test } from 'tap'
import type { Settings } from '../../dist/settings.js'
import { startApp, startSecureApp, type RunningApp } from './app.js'
import type { ControlMessage, EventStream } from './event-stream.js'
import { http2Session, http2Stream } from './http2-client.js'
import { openStream } from './sse-client.js'
import { until } from './until.js'
import { openWebSocket } from './web-socket-client.js'

/** What a subscriber asks for; nothing of it is `broadcast` from now on. */
export interface Wants {
  readonly topics?: readonly string[]
  /** Who it is, where the service asks nobody. */
  readonly user?: string | undefined
  readonly lastEventId?: string | undefined
  readonly last?: number
  readonly token?: string
}

/** An event as a subscriber got it. */
export interface Received {
  readonly id?: string | undefined
  readonly event?: string | undefined
  /** Data that is pushed here is JSON and no string, so that no transport tells it as another. */
  readonly data: unknown
}

/** What a subscriber sees, whatever it came over. */
export interface Subscription {
  readonly events: readonly Received[]
  readonly control: readonly ControlMessage[]
  /** Where it would resume. */
  readonly lastId: string | undefined
  /** When it would come back, in milliseconds. */
  readonly retryMs: number | undefined
  readonly closed: boolean
  /** With what code it was closed; undefined where the transport knows none. */
  readonly closeCode: number | undefined
  /** Resolves once that many events are here. */
  received(count: number): Promise<readonly Received[]>
  /** Resolves once it was told a control message of this type. */
  told(type: string): Promise<ControlMessage>
  /** Reads nothing more, until `resume`. */
  pause(): void
  resume(): void
  /** Cuts the connection. */
  cut(): void
}

/** A way to subscribe. */
export interface Way {
  readonly name: string
  /** Starts a service that can be subscribed to in this way. */
  readonly startApp: (t: Test, settings?: Partial<Settings>) => Promise<RunningApp>
  /** As `/api/streams` calls it. */
  readonly transport: 'sse' | 'websocket'
  /** Resolves once the subscriber was told something, or its connection is closed. */
  readonly subscribe: (t: Test, port: number, wants?: Wants) => Promise<Subscription>
}

/** As an EventSource and most clients of event streams do. */
export const byEventStream: Way = {
  name: 'an event stream',
  startApp,
  transport: 'sse',
  async subscribe(t, port, { lastEventId, token, ...wants } = {}) {
    const headers = token === undefined ? {} : { Authorization: `Bearer ${token}` }
    const path = `/events${queryOf(wants)}`
    const stream = await openStream(t, port, path, { headers, lastEventId })
    return subscriptionOf(stream, {
      pause: () => stream.socket.pause(),
      resume: () => stream.socket.resume(),
      cut: () => {
        stream.cut()
      },
    })
  },
}

/** As a browser does over https: an event stream with others on one connection. */
export const byHttp2: Way = {
  name: 'an event stream over HTTP/2',
  startApp: startSecureApp,
  transport: 'sse',
  async subscribe(t, port, { lastEventId, token, ...wants } = {}) {
    const session = http2Session(t, port)
    const stream = await http2Stream(session, `/events${queryOf(wants)}`, {
      ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
      ...(lastEventId === undefined ? {} : { 'last-event-id': lastEventId }),
    })
    return subscriptionOf(stream, {
      pause: () => stream.stream.pause(),
      resume: () => stream.stream.resume(),
      cut: () => {
        session.destroy()
      },
    })
  },
}

/** As a client does that wants one connection and one subscription. */
export const byWebSocketUrl: Way = {
  name: 'a WebSocket, asked for in its URL',
  startApp,
  transport: 'websocket',
  async subscribe(t, port, wants = {}) {
    const path = `/ws${queryOf({ topics: ['broadcast'], ...wants })}`
    return whenTold(await openWebSocket(t, port, path))
  },
}

/** As a client does that says all in frames. */
export const byWebSocketMessages: Way = {
  name: 'a WebSocket, asked for in messages',
  startApp,
  transport: 'websocket',
  async subscribe(t, port, { user, token, ...wants } = {}) {
    const client = await openWebSocket(t, port, `/ws${queryOf({ user })}`)
    if (token !== undefined) client.send(JSON.stringify({ type: 'auth', token }))
    client.send(JSON.stringify({ type: 'subscribe', ...wants }))
    return whenTold(client)
  },
}

/** A query of what is wanted; without anything, an empty text. */
function queryOf({ topics = [], ...rest }: Wants): string {
  const query = new URLSearchParams()
  for (const topic of topics) query.append('topic', topic)
  for (const [name, value] of Object.entries(rest)) {
    if (value !== undefined) query.set(name, String(value))
  }
  return query.size === 0 ? '' : `?${query.toString()}`
}

async function whenTold<T extends Subscription>(subscription: T): Promise<T> {
  await until(() => subscription.control.length > 0 || subscription.closed, 'a first message')
  return subscription
}

function subscriptionOf(
  stream: EventStream & { readonly closed: boolean },
  connection: Pick<Subscription, 'pause' | 'resume' | 'cut'>,
): Subscription {
  const events: Received[] = []
  const soFar = (): Received[] => {
    for (const { id, event, data } of stream.events.slice(events.length)) {
      events.push({ id, event, data: JSON.parse(data) as unknown })
    }
    return events
  }
  return {
    get events() {
      return soFar()
    },
    control: stream.control,
    get lastId() {
      return stream.lastId
    },
    get retryMs() {
      return stream.retryMs
    },
    get closed() {
      return stream.closed
    },
    closeCode: undefined,
    async received(count) {
      await stream.received(count)
      return soFar()
    },
    told: (type) => stream.told(type),
    ...connection,
  }
}
