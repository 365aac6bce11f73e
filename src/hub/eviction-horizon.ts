import { isReserved } from './topic.js'

/** Prefixes of a topic are remembered up to this many segments; longer ones share their answer. */
const maxPrefixes = 8
const rows = 2

/**
 * Remembers, in bounded memory, how new the newest evicted event of a topic or user may be. With
 * it a client of a rare topic, back after more events than the ring holds, is spared a `gap` when
 * nothing of its own is gone. Names are hashed into two rows of places; each place keeps the newest
 * sequence that fell there, and the older of a name's two places is its answer. A clash can only
 * make an answer too new: a needless `gap` at worst, never a hole without one.
 */
export class EvictionHorizon {
  readonly #places: number
  readonly #before: number
  #newest: Float64Array | undefined
  #newestOfAll: number

  /**
   * @param capacity how many events the ring holds; memory is 16 places of 8 bytes for each.
   * @param before the last sequence before the ring's first: whom those concerned is not known, so
   * they may have concerned anyone.
   */
  constructor(capacity: number, before = 0) {
    this.#before = before
    this.#newestOfAll = before
    this.#places = 2 ** Math.ceil(Math.log2(Math.max(capacity, 64) * 8))
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

  /** The newest sequence of this exact topic that may be gone; 0 if none can be. */
  ofTopic(topic: string): number {
    return this.#lookUp(hashOf('t', topic, topic.length))
  }

  /** The newest sequence for this user that may be gone; 0 if none can be. */
  ofUser(user: string): number {
    return this.#lookUp(hashOf('u', user, user.length))
  }

  /** The newest sequence of any topic below a literal prefix (ending in `/`, or empty). */
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

  #note(hash: number, sequence: number): void {
    const newest = this.#newest!
    newest[hash & (this.#places - 1)] = sequence
    newest[this.#places + (remix(hash) & (this.#places - 1))] = sequence
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
