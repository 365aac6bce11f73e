import type { Place } from './event-id.js'
import type { AcceptedEvent, EventDraft } from './event.js'
import type { Reach } from './eviction-horizon.js'

/** One life of a log: the sequences that were appended under one epoch. */
export interface Life {
  readonly epoch: string
  /** The first sequence of this life. */
  readonly first: number
  /** The last sequence so far; `first - 1` while the life has none. */
  readonly last: number
  /**
   * Up to which sequence its ids are sure; all of them, if undefined. Later ones may have been given
   * twice: by a log that was lost, and by what was put in its place and went on under the same epoch.
   */
  readonly sure?: number
}

/** What a push is answered for one event. */
export interface Receipt {
  readonly epoch: string
  readonly sequence: number
  /** Whether the key was known, so that the event was not appended again. */
  readonly duplicate: boolean
}

/** Whose events are looked up in the log's index: of exact topics, and for a user. */
export interface Names {
  readonly topics: Iterable<string>
  readonly user: string | undefined
}

/** How many sequences a block of the log has; blocks begin at its multiples. */
export const blockEvents = 256

/**
 * What a log keeps beyond the ring. Its `first` and `horizon` are known at once; what has to be read
 * is a promise, which rejects with `RINGCAST_LOG_UNAVAILABLE` where it cannot be read.
 */
export interface Retained extends Reach {
  /**
   * Reads events in order: those from a sequence on, with perhaps a few before it, up to the end of
   * its block, or fewer if they are large. The sequence itself comes, unless it is no longer retained.
   */
  read(from: number): Promise<readonly AcceptedEvent[]>

  /** The first sequence from one on that is of these names. It costs a look-up, never a scan. */
  next(names: Names, from: number): Promise<number | undefined>

  /** The newest sequences of these names, at most `count`, the newest first. */
  newest(names: Names, count: number): Promise<readonly number[]>
}

/** Up to which second credentials are revoked, by user; undefined: forgotten. */
export type RevocationChanges = ReadonlyMap<string, number | undefined>

/** Whose credentials were revoked, kept in the log: up to which second, by user. */
export interface RevocationStore {
  /** What was kept when the log was opened, the oldest first. */
  readonly kept: Iterable<readonly [user: string, second: number]>
  /** Keeps some and forgets those without a second. It resolves when that is as safe as events are. */
  keep(changes: RevocationChanges): Promise<void>
  /** Names the one listener that is told what other nodes have kept, where there are any. */
  onChange?(listener: (changes: RevocationChanges) => void): void
}

/** What a log was found to have, once it is known to have lost events that it had. */
export interface Restart {
  /** The newest events that it has now, as many as a ring holds. */
  readonly newest: readonly AcceptedEvent[]
  /** The last sequence that is what it was; whatever came after it was lost. -1: it is another log. */
  readonly common: number
  /** The lives as they were. */
  readonly former: readonly Life[]
}

/** What a log that other nodes append to needs of who follows it. */
export interface Follower {
  /**
   * How many of these events, from the first on, may be told now. What other nodes append is not
   * asked for: where it comes faster than it is fanned out, it has to wait in the log.
   */
  fits(events: readonly AcceptedEvent[]): number
  /** The log has lost events, or is another one: all that was told after `common` is void. */
  restart(restart: Restart): void
}

/** What a log does that other nodes append to. */
export interface SharedLog {
  /**
   * Waits for a place that a client was told of by another node and this node may not know yet. It
   * resolves once the follower was told as much, or the log is known not to have it; undefined where
   * there is nothing to wait for.
   *
   * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE` where the log cannot be asked for seconds.
   */
  reach(place: Place): Promise<void> | undefined
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

  /** What it keeps beyond the ring; undefined for a log that keeps nothing. */
  readonly retained: Retained | undefined

  /** Where revocations outlive the process; undefined if they don't. */
  readonly revocations: RevocationStore | undefined

  /** What it does because other nodes append to it too; undefined for a log of one node. */
  readonly shared: SharedLog | undefined

  /** Why nothing can be appended for now, in words; undefined while all is well. */
  readonly problem: string | undefined

  /**
   * Appends a batch, as a whole or not at all, in its order. It resolves when the log has it as
   * safe as this log makes things, which may take a while: several may be under way at once.
   *
   * @returns a receipt for each event, in the order given.
   * @throws RingcastError `RINGCAST_KEY_CONFLICT` (with `index`), `RINGCAST_LOG_UNAVAILABLE`; then
   * nothing of the batch is in the log, nor will be. Of a shared log also `RINGCAST_UNCERTAIN`: then
   * it is not known.
   */
  append(batch: readonly EventDraft[]): Promise<readonly Receipt[]>

  /**
   * Names the one listener that is told every accepted event, in order, each once, in blocks as
   * they come, before its push is answered. What the log tells is what the ring holds; nothing else
   * fills it.
   *
   * A shared log answers a push once it is safe, and waits for its own telling of it no longer than a
   * second: where the node is too slow to take it, the others are not, and the push counts.
   *
   * @param follower what a shared log needs beside.
   */
  follow(listener: (events: readonly AcceptedEvent[]) => void, follower?: Follower): void

  /**
   * Lets go of what the log holds, once the appends under way are done. Appends after it are
   * `RINGCAST_LOG_UNAVAILABLE`.
   */
  close(): Promise<void>
}
