/** An event of the service, whole. */
export interface Envelope {
  /** Its place in the one order of all events; events of `$sys` topics have none. */
  readonly id?: string
  /** All its topics, granted or not. */
  readonly topics: readonly string[]
  /** The name that its publisher gave it. */
  readonly event?: string
  /** Any JSON, read. */
  readonly data: unknown
  /** Its publisher's own name for this one event. */
  readonly key?: string
  /** When it was accepted: RFC 3339, UTC. */
  readonly time: string
}

/** A hole in the stream, in its place: events before the next one may be missing. */
export interface Gap {
  /** Why; the README of the service has the reasons. More may be added. */
  readonly reason: 'evicted' | 'epoch' | 'unknown' | 'lagged' | (string & {})
  /** The last id before it. */
  readonly after: string
}

/** The credential that the stream was opened with expires. */
export interface Expiring {
  readonly inSeconds: number
}

/**
 * How a stream is: `connecting`: it has no connection, and is about to get one. `live`: it has one.
 * `stale`: nothing came for so long that its connection may be dead, and the service has not answered
 * since; what the page shows may be old. `closed`: it is over, for good.
 */
export type State = 'connecting' | 'live' | 'stale' | 'closed'

/** What comes over a connection, in its order; `place` is nothing but an id to come back to. */
export type StreamRecord =
  | { readonly kind: 'event'; readonly id: string | undefined; readonly detail: Envelope }
  | { readonly kind: 'gap'; readonly id: string | undefined; readonly detail: Gap }
  | { readonly kind: 'expiring'; readonly id: undefined; readonly detail: Expiring }
  | { readonly kind: 'place'; readonly id: string | undefined }

/** Who is told what a stream brings. */
export interface Receiver {
  record(record: StreamRecord): void
  /** `closed`: the service does not want the client back. */
  state(state: State): void
}
