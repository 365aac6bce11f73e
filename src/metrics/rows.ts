import type { Hub } from '../hub/hub.js'
import type { Stream } from '../hub/stream.js'

/** What one open stream looks like from outside. */
export interface StreamRow {
  readonly id: string
  /** The node that holds it. */
  readonly node: string
  readonly transport: string
  readonly user: string | null
  /** The client's address. */
  readonly address: string
  readonly topics: readonly string[]
  /** When it was opened: RFC 3339, UTC, milliseconds. */
  readonly since: string
  /** The id that its client would resume from; null where events have no ids. */
  readonly cursor: string | null
  /** How many events of the log, its own or not, it has still to pass. */
  readonly lag: number
  /** Bytes handed to its connection. */
  readonly bytes: number
  readonly state: string
}

/** What `/api/streams` and `$sys/streams` say of a stream. */
export function rowOf(hub: Hub, node: string, stream: Stream): StreamRow {
  return {
    id: hub.streamId(stream),
    node,
    transport: stream.transport.kind,
    user: stream.user ?? null,
    address: stream.transport.address,
    topics: stream.filter.topics,
    since: new Date(stream.openedAt).toISOString(),
    cursor: hub.placeOf(stream) ?? null,
    lag: hub.lagOf(stream),
    bytes: stream.transport.bytesWritten,
    state: stream.state,
  }
}

/** A topic or pattern that somebody subscribes to, and how many streams do. */
export interface TopicCount {
  readonly topic: string
  readonly streams: number
}
