import { isReserved } from './topic.js'

/** Prefixes of a topic are remembered up to this many segments; longer ones share their answer. */
const maxPrefixes = 8
const rows = 2
/** So many places are kept together by a log that keeps them. */
const pagePlaces = 64

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

/**
 * Remembers, in bounded memory, how new the newest evicted event of a topic or user may be. With
 * it a client of a rare topic, back after more events than the ring holds, is spared a `gap` when
 * nothing of its own is gone. Names are hashed into two rows of places; each place keeps the newest
 * sequence that fell there, and the older of a name's two places is its answer. A clash can only
 * make an answer too new: a needless `gap` at worst, never a hole without one.
 */
export class EvictionHorizon implements Horizon {
  readonly #places: number
  #before: number
  #newest: Float64Array | undefined
  #newestOfAll: number
  #changed: Set<number> | undefined

  /**
   * @param capacity how many events the ring holds; memory is 16 places of 8 bytes for each.
   * @param before the last sequence before the ring's first: whom those concerned is not known, so
   * they may have concerned anyone.
   * @param newestOfAll the newest that is known to be gone, whatever its topic.
   */
  constructor(capacity: number, before = 0, newestOfAll = before) {
    this.#before = before
    this.#newestOfAll = newestOfAll
    this.#places = 2 ** Math.ceil(Math.log2(Math.max(capacity, 64) * 8))
  }

  /** Notes that what is gone up to a sequence may have concerned anyone. */
  unknownUpTo(sequence: number): void {
    this.#before = Math.max(this.#before, sequence)
    this.#newestOfAll = Math.max(this.#newestOfAll, sequence)
  }

  /** Begins anew: of what is gone nothing is known but that it came up to a sequence. */
  restart(before: number): void {
    this.#newest = undefined
    this.#before = before
    this.#newestOfAll = before
  }

  /** Notes that an event of these topics and users is gone. */
  evicted(sequence: number, topics: readonly string[], users: readonly string[]): void {
    // Made on first need: many logs never evict, and a test makes many logs.
    this.#newest ??= new Float64Array(this.#places * rows)
    for (const topic of topics) {
      this.#note(hashOf('t', topic, topic.length), sequence)
      let prefixEnd = topic.indexOf('/')
      for (let n = 0; n < maxPrefixes && prefixEnd !== -1; n++) {
        this.#note(hashOf('p', topic, prefixEnd + 1), sequence)
        prefixEnd = topic.indexOf('/', prefixEnd + 1)
      }
      if (!isReserved(topic)) this.#newestOfAll = sequence
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
    if (prefix === '') return this.#newestOfAll
    let end = 0
    for (let n = 0; n < maxPrefixes; n++) {
      const next = prefix.indexOf('/', end)
      if (next === -1) break
      end = next + 1
    }
    return this.#lookUp(hashOf('p', prefix, end))
  }

  /** The newest of all that are gone, but those of the service and for users. */
  get newestOfAll(): number {
    return this.#newestOfAll
  }

  /** From now on it remembers which pages change, for a log that keeps them. */
  keepChanges(): void {
    this.#changed ??= new Set()
  }

  /** The pages that changed since `changesKept`: their numbers, and what they have now. */
  changes(): [page: number, places: Float64Array][] {
    return [...(this.#changed ?? [])].map((page) => {
      const start = page * pagePlaces
      return [page, this.#newest!.slice(start, start + pagePlaces)]
    })
  }

  /** Notes that the changes are kept. */
  changesKept(): void {
    this.#changed?.clear()
  }

  /** Takes a page back that was kept. */
  restorePage(page: number, places: Float64Array): void {
    this.#newest ??= new Float64Array(this.#places * rows)
    this.#newest.set(places, page * pagePlaces)
  }

  #note(hash: number, sequence: number): void {
    this.#noteAt(hash & (this.#places - 1), sequence)
    this.#noteAt(this.#places + (remix(hash) & (this.#places - 1)), sequence)
  }

  #noteAt(place: number, sequence: number): void {
    this.#newest![place] = sequence
    this.#changed?.add(Math.floor(place / pagePlaces))
  }

  #lookUp(hash: number): number {
    if (this.#newest === undefined) return this.#before
    const noted = Math.min(
      this.#newest[hash & (this.#places - 1)]!,
      this.#newest[this.#places + (remix(hash) & (this.#places - 1))]!,
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
