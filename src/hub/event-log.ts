import type { AcceptedEvent, EventDraft } from './event.js'

/** One life of a log: the sequences that were appended under one epoch. */
export interface Life {
  readonly epoch: string
  /** The first sequence of this life. */
  readonly first: number
  /** The last sequence so far; `first - 1` while the life has none. */
  readonly last: number
}

/** What a push is answered for one event. */
export interface Receipt {
  readonly epoch: string
  readonly sequence: number
  /** Whether the key was known, so that the event was not appended again. */
  readonly duplicate: boolean
}

/**
 * The ordered record of accepted events, the port that `logs/` implements. All implementations
 * pass one suite, `test/logs/event-log-suite.ts`.
 */
export interface EventLog {
  /** The last sequence that a follower was told of; 0 before the first. */
  readonly head: number

  /** Every life of which something is retained, oldest first; the last is the one that goes on. */
  readonly lives: readonly Life[]

  /**
   * Appends a batch, as a whole or not at all, in its order. It resolves when the log has it as
   * safe as this log makes things.
   *
   * @returns a receipt for each event, in the order given.
   * @throws RingcastError `RINGCAST_KEY_CONFLICT` (with `index`), `RINGCAST_LOG_UNAVAILABLE`.
   */
  append(batch: readonly EventDraft[]): Promise<readonly Receipt[]>

  /**
   * Names the one listener that is told every accepted event, in order, each once, in blocks as
   * they come. What the log tells is what the ring holds; nothing else fills it.
   */
  follow(listener: (events: readonly AcceptedEvent[]) => void): void

  /** Lets go of what the log holds. Appends after it are `RINGCAST_LOG_UNAVAILABLE`. */
  close(): Promise<void>
}
