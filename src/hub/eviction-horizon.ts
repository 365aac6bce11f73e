import { isReserved } from './topic.js'

/** Prefixes of a topic are remembered up to this many segments; longer ones share their answer. */
const maxPrefixes = 8
const rows = 2

/** How new the newest event that is gone may be, by whom it concerned; 0 if there can be none. */
export interface Horizon {
  /** Of this exact topic. */
  ofTopic(topic: string): number
  /** Of this user. */
  ofUser(user: string): number
  /** Of any topic below a literal prefix (ending in `/`, or empty). */
  ofPrefix(prefix: string): number
}

/** How far back something reaches: the oldest sequence it has, and what may be gone before that. */
export interface Reach {
  readonly first: number
  readonly horizon: Horizon
}

/** Where a horizon keeps its numbers, each in its place. */
export interface Places {
  /** The newest that is known to be gone, whatever its topic. */
  newestOfAll: number
  /** What is kept in a place; 0 before anything was. */
  get(place: number): number
  set(place: number, sequence: number): void
  /** Forgets all but the newest that is gone. */
  forget(newestOfAll: number): void
}

/** Places in memory. They are made on first need: many logs never evict, and a test makes many logs. */
class MemoryPlaces implements Places {
  readonly #count: number
  #places: Float64Array | undefined
  newestOfAll: number

  constructor(count: number, newestOfAll: number) {
    this.#count = count
    this.newestOfAll = newestOfAll
  }

  get(place: number): number {
    return this.#places === undefined ? 0 : this.#places[place]!
  }

  set(place: number, sequence: number): void {
    this.#places ??= new Float64Array(this.#count)
    this.#places[place] = sequence
  }

  forget(newestOfAll: number): void {
    this.#places = undefined
    this.newestOfAll = newestOfAll
  }
}

/**
 * Remembers, in bounded memory, how new the newest evicted event of a topic or user may be. With
 * it a client of a rare topic, back after more events than the ring holds, is spared a `gap` when
 * nothing of its own is gone. Names are hashed into two rows of places; each place keeps the newest
 * sequence that fell there, and the older of a name's two places is its answer. A clash can only
 * make an answer too new: a needless `gap` at worst, never a hole without one.
 */
export class EvictionHorizon implements Horizon {
  /** How many places a row has. */
  readonly #rowPlaces: number
  #before: number
  readonly #places: Places

  /**
   * @param capacity how many events the ring holds; memory is 16 places of 8 bytes for each.
   * @param before the last sequence before the ring's first: whom those concerned is not known, so
   * they may have concerned anyone.
   * @param places where it keeps what it knows; by default in memory.
   */
  constructor(capacity: number, before = 0, places?: Places) {
    this.#before = before
    this.#rowPlaces = 2 ** Math.ceil(Math.log2(Math.max(capacity, 64) * 8))
    this.#places = places ?? new MemoryPlaces(this.#rowPlaces * rows, before)
  }

  /** Notes that what is gone up to a sequence may have concerned anyone. */
  unknownUpTo(sequence: number): void {
    this.#before = Math.max(this.#before, sequence)
    this.#places.newestOfAll = Math.max(this.#places.newestOfAll, sequence)
  }

  /** Begins anew: of what is gone nothing is known but that it came up to a sequence. */
  restart(before: number): void {
    this.#before = before
    this.#places.forget(before)
  }

  /** Notes that an event of these topics and users is gone. */
  evicted(sequence: number, topics: readonly string[], users: readonly string[]): void {
    for (const topic of topics) {
      this.#note(hashOf('t', topic, topic.length), sequence)
      let prefixEnd = topic.indexOf('/')
      for (let n = 0; n < maxPrefixes && prefixEnd !== -1; n++) {
        this.#note(hashOf('p', topic, prefixEnd + 1), sequence)
        prefixEnd = topic.indexOf('/', prefixEnd + 1)
      }
      if (!isReserved(topic)) this.#places.newestOfAll = sequence
    }
    for (const user of users) this.#note(hashOf('u', user, user.length), sequence)
  }

  ofTopic(topic: string): number {
    return this.#lookUp(hashOf('t', topic, topic.length))
  }

  ofUser(user: string): number {
    return this.#lookUp(hashOf('u', user, user.length))
  }

  ofPrefix(prefix: string): number {
    if (prefix === '') return this.#places.newestOfAll
    let end = 0
    for (let n = 0; n < maxPrefixes; n++) {
      const next = prefix.indexOf('/', end)
      if (next === -1) break
      end = next + 1
    }
    return this.#lookUp(hashOf('p', prefix, end))
  }

  #note(hash: number, sequence: number): void {
    this.#places.set(hash & (this.#rowPlaces - 1), sequence)
    this.#places.set(this.#rowPlaces + (remix(hash) & (this.#rowPlaces - 1)), sequence)
  }

  #lookUp(hash: number): number {
    const noted = Math.min(
      this.#places.get(hash & (this.#rowPlaces - 1)),
      this.#places.get(this.#rowPlaces + (remix(hash) & (this.#rowPlaces - 1))),
    )
    return Math.max(noted, this.#before)
  }
}

/** FNV-1a over the first `end` characters, with the kind of name mixed in. */
function hashOf(kind: 't' | 'p' | 'u', text: string, end: number): number {
  let hash = Math.imul(0x811c9dc5 ^ kind.charCodeAt(0), 0x01000193)
  for (let i = 0; i < end; i++) hash = Math.imul(hash ^ text.charCodeAt(i), 0x01000193)
  return remix(hash)
}

/** The finalizer of MurmurHash3: every bit of the input moves every bit of the output. */
function remix(hash: number): number {
  let h = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b)
  h = Math.imul(h ^ (h >>> 13), 0xc2b2ae35)
  return (h ^ (h >>> 16)) >>> 0
}
