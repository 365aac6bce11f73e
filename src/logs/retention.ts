import type { AcceptedEvent } from '../hub/event.js'
import type { RetainedSegments } from './retained-segments.js'
import { timeOfSegment } from './segment.js'
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
}

/** Deletes the oldest segments, a few with each write, so that no push waits for it. */
export class Retention {
  readonly #store: Store
  readonly #retained: RetainedSegments
  readonly #limits: RetentionLimits
  readonly #now: () => number
  #oldest: { events: readonly AcceptedEvent[]; bytes: Buffer } | undefined
  #damaged = false

  /** @param now the wall clock, in milliseconds since the Unix epoch. */
  constructor(
    store: Store,
    retained: RetainedSegments,
    limits: RetentionLimits,
    now: () => number,
  ) {
    this.#store = store
    this.#retained = retained
    this.#limits = limits
    this.#now = now
  }

  /**
   * Whether the oldest segment is beyond what is retained.
   *
   * @param kept the last sequence that is in the store.
   * @param head the same once the write under way is done.
   * @param bytes what the store has then.
   */
  isDue(kept: number, head: number, bytes: number): boolean {
    const oldest = this.#look(kept)
    if (oldest === undefined) return false
    const { retainEvents, retainForMs, retainBytes } = this.#limits
    return (
      head - oldest.events.at(-1)!.sequence >= retainEvents ||
      bytes > retainBytes ||
      (retainForMs > 0 && timeOfSegment(oldest.bytes) < this.#now() - retainForMs)
    )
  }

  /**
   * Chooses the oldest segments that are due. From now on they count as gone: what is gone and not
   * known to be would be a hole.
   *
   * @param most how many at once.
   */
  choose(kept: number, head: number, bytes: number, most: number): Deletion {
    const segments: number[] = []
    const indexKeys: Buffer[] = []
    let freed = 0
    while (segments.length < most && this.isDue(kept, head, bytes - freed)) {
      const oldest = this.#oldest!
      const { first, horizon } = this.#retained
      for (const { sequence, topics, users } of oldest.events) {
        horizon.evicted(sequence, topics, users)
      }
      this.#retained.first = first + oldest.events.length
      this.#oldest = undefined
      const rows = indexRows(oldest.events)
      segments.push(first)
      for (const [key] of rows) indexKeys.push(key)
      freed += bytesOfRows(oldest.bytes, rows)
    }
    return { segments, indexKeys, freed }
  }

  /** Puts a deletion into the write under way. */
  put({ segments, indexKeys }: Deletion): void {
    for (const first of segments) void this.#store.segments.remove(sequenceKey(first))
    for (const key of indexKeys) void this.#store.index.remove(key)
    if (segments.length > 0) this.#retained.keepHorizon()
  }

  /** Takes back a deletion that came to nothing. */
  failed(first: number): void {
    this.#retained.first = first
    this.#oldest = undefined
  }

  /** The oldest segment; none if there is none, or it cannot be read: such a one is left alone. */
  #look(kept: number): { events: readonly AcceptedEvent[]; bytes: Buffer } | undefined {
    const { first } = this.#retained
    if (first > kept || this.#damaged) return undefined
    try {
      return (this.#oldest ??= this.#retained.segment(first))
    } catch {
      this.#damaged = true
      return undefined
    }
  }
}

/** What a row of the store takes beside its key and value, about. */
const rowBytes = 24

/** What a segment and its index take in the store, in bytes. */
export function bytesOfRows(segment: Buffer, rows: readonly (readonly [Buffer, Buffer])[]): number {
  const ofIndex = rows.reduce((sum, [key, value]) => sum + key.length + value.length + rowBytes, 0)
  return segment.length + rowBytes + ofIndex
}
