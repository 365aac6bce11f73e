import type { AcceptedEvent } from '../hub/event.js'
import type { Standing } from './log-state.js'
import type { RetainedSegments } from './retained-segments.js'
import { timeOfSegment } from './segment.js'
import { bytesOfRows } from './segment-rows.js'
import type { Store } from './store.js'
import { indexRows, sequenceKey } from './store-keys.js'

/** How much of the log is retained; what is beyond any of these is deleted. */
export interface RetentionLimits {
  readonly retainEvents: number
  /** In milliseconds; 0 for as long as there is room. */
  readonly retainForMs: number
  /** Segments and index, in bytes. */
  readonly retainBytes: number
}

/** Which segments are to be deleted. */
export interface Deletion {
  /** With which sequences they begin. */
  readonly segments: readonly number[]
  /** Their rows of the index. */
  readonly indexKeys: readonly Buffer[]
  /** What they took, in bytes. */
  readonly freed: number
  /** The oldest sequence that is left. */
  readonly first: number
}

interface Oldest {
  readonly first: number
  readonly events: readonly AcceptedEvent[]
  readonly bytes: Buffer
}

/** Deletes the oldest segments, a few with each write, so that no push waits for it. */
export class Retention {
  readonly #store: Store
  readonly #retained: RetainedSegments
  readonly #limits: RetentionLimits
  readonly #now: () => number
  readonly #onDamage: (error: unknown) => void
  #oldest: Oldest | undefined
  #damagedAt: number | undefined

  /**
   * @param now the wall clock, in milliseconds since the Unix epoch.
   * @param onDamage told, once, of an oldest segment that cannot be read: nothing is deleted then,
   * since it would not be known whom it concerned.
   */
  constructor(
    store: Store,
    retained: RetainedSegments,
    limits: RetentionLimits,
    now: () => number,
    onDamage: (error: unknown) => void,
  ) {
    this.#store = store
    this.#retained = retained
    this.#limits = limits
    this.#now = now
    this.#onDamage = onDamage
  }

  /** Whether the oldest segment is beyond what is retained, with the log standing so. */
  isDue({ first, head, bytes }: Standing): boolean {
    return this.#dueOf(first, head, head, bytes) !== undefined
  }

  /**
   * Chooses the oldest segments that are due, and notes whom they concerned.
   *
   * @param standing as the store has it.
   * @param head the last sequence once the write under way is done.
   * @param bytes what the store has then.
   * @param most how many at once.
   */
  choose(standing: Standing, head: number, bytes: number, most: number): Deletion {
    const segments: number[] = []
    const indexKeys: Buffer[] = []
    let { first } = standing
    let freed = 0
    while (segments.length < most) {
      const oldest = this.#dueOf(first, standing.head, head, bytes - freed)
      if (oldest === undefined) break
      for (const { sequence, topics, users } of oldest.events) {
        this.#retained.horizon.evicted(sequence, topics, users)
      }
      const rows = indexRows(oldest.events)
      segments.push(first)
      for (const [key] of rows) indexKeys.push(key)
      freed += bytesOfRows(oldest.bytes, rows)
      first += oldest.events.length
    }
    return { segments, indexKeys, freed, first }
  }

  /** Puts a deletion into the write under way. */
  put({ segments, indexKeys }: Deletion): void {
    for (const first of segments) void this.#store.segments.remove(sequenceKey(first))
    for (const key of indexKeys) void this.#store.index.remove(key)
    if (segments.length > 0) this.#retained.places.put()
  }

  /** The oldest segment, if it is due: `kept` is the last sequence in the store. */
  #dueOf(first: number, kept: number, head: number, bytes: number): Oldest | undefined {
    if (first > kept) return undefined
    const oldest = this.#look(first)
    if (oldest === undefined) return undefined
    const { retainEvents, retainForMs, retainBytes } = this.#limits
    const isDue =
      head - oldest.events.at(-1)!.sequence >= retainEvents ||
      bytes > retainBytes ||
      (retainForMs > 0 && timeOfSegment(oldest.bytes) < this.#now() - retainForMs)
    return isDue ? oldest : undefined
  }

  /** The oldest segment, read once; none if it cannot be read. */
  #look(first: number): Oldest | undefined {
    if (this.#oldest?.first === first) return this.#oldest
    if (this.#damagedAt === first) return undefined
    try {
      return (this.#oldest = { first, ...this.#retained.segment(first) })
    } catch (error) {
      this.#damagedAt = first
      this.#onDamage(error)
      return undefined
    }
  }
}
