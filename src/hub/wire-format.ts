import type { AcceptedEvent } from './event.js'

/** Bytes ready for a socket: what was gathered lies at `start` to `end`, its framing around it. */
export interface Frame {
  /** What a transport sends that frames its writes (HTTP/1.1 chunks). */
  readonly bytes: Buffer
  /** Where the part lies that a transport without framing sends. */
  readonly start: number
  readonly end: number
}

/** Why the service ends a stream, as its `bye` tells. */
export type ByeReason = 'shutdown' | 'expired' | 'revoked' | 'limit' | 'rebalance'

/** Why there is a hole in a stream. */
export type GapReason = 'evicted' | 'epoch' | 'unknown' | 'lagged'

/** What the service tells a client about its stream, beside the events. */
export type ControlEvent =
  | { type: 'open'; stream: string; topics: readonly string[]; heartbeatMs: number }
  | { type: 'cursor' }
  | { type: 'gap'; reason: GapReason; after: string }
  | { type: 'expiring'; inSeconds: number }
  | {
      type: 'bye'
      reason: ByeReason
      reconnect: boolean
      /** When to come back, in milliseconds: a browser keeps `retry:` from the page. */
      retryMs?: number | undefined
    }

/** What goes with a control event on the wire. */
export interface ControlFields {
  /** The id to resume from; none if there is no place to name. */
  readonly id?: string | undefined
  /** When the client should come back after an end, in milliseconds. */
  readonly retryMs?: number | undefined
}

/** How events become bytes for one kind of client. Encoders are pure; streams share them. */
export interface WireFormat {
  /** Which of a ring entry's cached encodings is this format's; small integers from 0. */
  readonly slot: number
  /** One event, whole. */
  event(event: AcceptedEvent): Buffer
  /** Encoded events as the bytes of one write. */
  frame(parts: readonly Buffer[]): Frame
  /** One control event. */
  control(event: ControlEvent, fields: ControlFields): Buffer
  /** The same when the client wants no control events: what `open` is joined to, no more. */
  quietOpen(retryMs: number): Buffer
  /** What keeps an idle stream alive; undefined where its connection sees to that by itself. */
  readonly heartbeat: Frame | undefined
}
