import type { EventLog } from './event-log.js'
import type { Every, StreamLimits } from './stream-times.js'
import type { EndReason, Stream } from './stream.js'

/** What a hub is made of. Durations are in milliseconds, sizes in bytes. */
export interface HubOptions extends StreamLimits {
  readonly log: EventLog
  readonly ringEvents: number
  readonly ringBytes: number
  /** What blocks of the log may take that are read for streams behind the ring. */
  readonly catchUpBytes: number
  /** The name of this node, the first part of its streams' ids. */
  readonly node: string
  /** Gives streams their numbers; hubs of one node share it. */
  readonly nextStreamNumber: () => number
  /** Told each stream that opened, and what the log calls its request by. */
  readonly onOpen?: (stream: Stream, requestId: string | undefined) => void
  /** Told each stream whose client subscribed to something else than before. */
  readonly onSubscribed?: (stream: Stream) => void
  /** Told each stream that is over, and why, once. */
  readonly onEnd?: (stream: Stream, reason: EndReason) => void
  /** Told how long the log took to accept a push, in milliseconds; of a sample. */
  readonly onAppended?: (ms: number) => void
  /** Told how old an event was when a stream that keeps up got it, in milliseconds; of a sample. */
  readonly onWritten?: (ms: number) => void
  /** Told of what the log has and could not give. */
  readonly onUnreadable?: (error: unknown) => void
  /** A clock in milliseconds that does not go back; by default `performance.now`. */
  readonly now?: () => number
  /** Runs a slice of work once the event loop has seen to what is ready; by default `setImmediate`. */
  readonly defer?: (slice: () => void) => void
  /** Runs what is timed, again and again; by default `setInterval`, unref'd. */
  readonly every?: Every
  /** Gives a number from 0 to 1; by default `Math.random`. */
  readonly random?: () => number
}
