import { RingcastError } from '../errors.js'
import { blockEvents, type Names, type Retained } from '../hub/event-log.js'
import type { AcceptedEvent } from '../hub/event.js'
import { EvictionHorizon } from '../hub/eviction-horizon.js'
import { decodeSegment } from './segment.js'
import { horizonEvents } from './log-limits.js'
import type { LogState } from './log-state.js'
import type { Store } from './store.js'
import { StoredPlaces } from './stored-places.js'
import { sequenceKey, sequenceOfKey, topicKey, userKey } from './store-keys.js'

/** A read ends, short of its block, once it has so many bytes: a turn of the event loop stays short. */
const readBytes = 1024 * 1024
/** Beyond the last sequence there is. */
const end = Number.MAX_SAFE_INTEGER

/** What the store holds of the log, read; others may add to it and delete from it meanwhile. */
export class RetainedSegments implements Retained {
  readonly #store: Store
  readonly #state: LogState
  /** Where the horizon is kept. */
  readonly places: StoredPlaces
  readonly horizon: EvictionHorizon

  constructor(store: Store, state: LogState) {
    this.#store = store
    this.#state = state
    this.places = new StoredPlaces(store, state)
    this.horizon = new EvictionHorizon(horizonEvents, 0, this.places)
  }

  get first(): number {
    return this.#state.read().first
  }

  read(from: number): Promise<readonly AcceptedEvent[]> {
    // A promise's own function: what it throws is a rejection.
    return new Promise((resolve) => {
      resolve(this.#read(from))
    })
  }

  next({ topics, user }: Names, from: number): Promise<number | undefined> {
    return new Promise((resolve) => {
      const least = Math.max(from, this.first)
      let next = Infinity
      for (const keyOf of keysOf(topics, user)) {
        for (const sequence of this.#ascending(keyOf, least)) {
          next = Math.min(next, sequence)
          break
        }
      }
      resolve(next === Infinity ? undefined : next)
    })
  }

  newest({ topics, user }: Names, count: number): Promise<readonly number[]> {
    return new Promise((resolve) => {
      const lists = keysOf(topics, user).map((keyOf) => this.#descending(keyOf))
      const heads = lists.map((list) => list.next())
      const found: number[] = []
      const { first } = this
      while (found.length < count) {
        const newest = Math.max(...heads.map(({ value }) => value ?? -1))
        if (newest < first) break
        found.push(newest)
        for (const [i, { value }] of heads.entries()) {
          if (value === newest) heads[i] = lists[i]!.next()
        }
      }
      for (const list of lists) list.return(undefined)
      resolve(found)
    })
  }

  /** The events of the segment that begins with a sequence, which is there. */
  segment(first: number): { events: readonly AcceptedEvent[]; bytes: Buffer } {
    const bytes = this.#store.segments.get(sequenceKey(first))
    if (bytes === undefined) throw unreadable(first)
    return { events: this.#decode(first, bytes), bytes }
  }

  /** Where the segment begins that holds a sequence, or the one before it. */
  segmentAt(sequence: number): number | undefined {
    const range = { start: sequenceKey(sequence), reverse: true, limit: 1 }
    for (const key of this.#store.segments.getKeys(range)) return sequenceOfKey(key)
    return undefined
  }

  /** The events after a sequence, as `read` gives them, at once. */
  after(sequence: number): AcceptedEvent[] {
    return this.#read(sequence + 1).filter((event) => event.sequence > sequence)
  }

  #read(from: number): AcceptedEvent[] {
    const least = Math.max(from, this.first)
    const blockEnd = (Math.floor(least / blockEvents) + 1) * blockEvents
    const start = sequenceKey(this.segmentAt(least) ?? least)
    const events: AcceptedEvent[] = []
    let size = 0
    for (const { key, value } of this.#store.segments.getRange({
      start,
      end: sequenceKey(blockEnd),
    })) {
      events.push(...this.#decode(sequenceOfKey(key), value))
      if ((size += value.length) >= readBytes) break
    }
    const last = events.at(-1)
    if (last === undefined || events[0]!.sequence > least || last.sequence < least) {
      throw unreadable(least)
    }
    if (last.sequence - events[0]!.sequence !== events.length - 1) throw unreadable(least)
    return events
  }

  #decode(first: number, bytes: Buffer): AcceptedEvent[] {
    const events = decodeSegment(bytes, this.#state.epochOf)
    if (events?.[0]?.sequence !== first) throw unreadable(first)
    return events
  }

  *#ascending(keyOf: KeyOf, from: number): Generator<number, undefined> {
    const { index } = this.#store
    // The row before may be of a segment that goes on beyond.
    const before = { start: keyOf(from), end: keyOf(0), reverse: true, limit: 1 }
    const rows = [
      ...index.getRange(before),
      ...index.getRange({ start: keyOf(from + 1), end: keyOf(end), limit: 1 }),
    ]
    for (const { key, value } of rows) {
      for (const offset of value) {
        const sequence = sequenceOfKey(key) + offset
        if (sequence >= from) yield sequence
      }
    }
    return undefined
  }

  *#descending(keyOf: KeyOf): Generator<number, undefined> {
    const rows = { start: keyOf(end), end: keyOf(0), reverse: true }
    for (const { key, value } of this.#store.index.getRange(rows)) {
      for (const offset of value.toReversed()) yield sequenceOfKey(key) + offset
    }
    return undefined
  }
}

/** Makes the index key of one name for a sequence. */
type KeyOf = (sequence: number) => Buffer

function keysOf(topics: Iterable<string>, user: string | undefined): KeyOf[] {
  const keys = Array.from(
    topics,
    (topic): KeyOf =>
      (sequence) =>
        topicKey(topic, sequence),
  )
  if (user !== undefined) keys.push((sequence) => userKey(user, sequence))
  return keys
}

function unreadable(sequence: number): RingcastError {
  return new RingcastError(
    'RINGCAST_LOG_UNAVAILABLE',
    `the log is damaged: its events from number ${sequence} on cannot be read`,
  )
}
