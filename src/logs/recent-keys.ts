import { hash, randomUUID } from 'node:crypto'

/** An id is so many bytes of a digest… */
const idBytes = 16
/** …and a content is a SHA-256. */
const contentBytes = 32

/** What is known of a key: the event that it named, the SHA-256 of what it says, and when it came. */
export interface KnownKey {
  readonly epoch: string
  readonly sequence: number
  readonly content: Buffer
  /** In milliseconds since the Unix epoch. */
  readonly at: number
}

/**
 * The newest keys: a ring of records in the order in which they came, and a hash table of places in it.
 * Both lie in arrays of bytes and numbers that never grow, 80 bytes a key. A `Map` in that order took 260,
 * all of them work for the garbage collector; and its oldest entry was to be looked for behind all that it
 * had deleted, which took up to 130 µs a push once there were as many keys as are kept.
 */
export class RecentKeys {
  readonly #most: number
  readonly #ids: Buffer
  readonly #contents: Buffer
  readonly #epochs: Uint32Array
  /** 0: this record is of no key any more. */
  readonly #sequences: Float64Array
  readonly #times: Float64Array
  /** The names that `#epochs` are indices of: each start of a log is one. */
  readonly #names: string[] = []
  /** How many records came, and how many of these went: record n is at place n modulo `#most`. */
  #count = 0
  #gone = 0

  /** Open addressing with linear probing: a record's place and 1; 0 for none. */
  readonly #table: Uint32Array
  readonly #mask: number
  /** Who chooses keys does not choose where they fall. */
  readonly #salt = randomUUID()

  /** @param most how many keys it knows; the oldest goes. */
  constructor(most: number) {
    this.#most = most
    this.#ids = Buffer.alloc(most * idBytes)
    this.#contents = Buffer.alloc(most * contentBytes)
    this.#epochs = new Uint32Array(most)
    this.#sequences = new Float64Array(most)
    this.#times = new Float64Array(most)
    const slots = 2 ** Math.ceil(Math.log2(2 * most))
    this.#table = new Uint32Array(slots)
    this.#mask = slots - 1
  }

  /** What a key is known by. */
  idOf(key: string): Buffer {
    return hash('sha1', this.#salt + key, 'buffer').subarray(0, idBytes)
  }

  /** What is known of a key, by its id; of `content` a view, good until the next change. */
  get(id: Buffer): KnownKey | undefined {
    const entry = this.#table[this.#slotOf(id)]!
    if (entry === 0) return undefined
    const place = entry - 1
    return {
      epoch: this.#names[this.#epochs[place]!]!,
      sequence: this.#sequences[place]!,
      content: recordOf(this.#contents, place, contentBytes),
      at: this.#times[place]!,
    }
  }

  /** Makes a key the newest, whatever was known of it before. */
  set(id: Buffer, { epoch, sequence, content, at }: KnownKey): void {
    this.delete(id)
    if (this.#count - this.#gone === this.#most) this.#forgetOldest()
    const place = this.#count++ % this.#most
    id.copy(this.#ids, place * idBytes)
    content.copy(this.#contents, place * contentBytes)
    this.#epochs[place] = this.#indexOf(epoch)
    this.#sequences[place] = sequence
    this.#times[place] = at
    this.#table[this.#slotOf(id)] = place + 1
  }

  /** Forgets a key. */
  delete(id: Buffer): void {
    const slot = this.#slotOf(id)
    const entry = this.#table[slot]!
    if (entry === 0) return
    this.#sequences[entry - 1] = 0
    this.#empty(slot)
    // What comes to nothing comes off the end: it must not push out what counts.
    while (this.#count > this.#gone && this.#sequences[(this.#count - 1) % this.#most] === 0) {
      this.#count--
    }
  }

  /** Forgets the keys that came before a time. */
  forgetBefore(time: number): void {
    while (this.#gone < this.#count) {
      const place = this.#gone % this.#most
      if (this.#sequences[place] !== 0 && this.#times[place]! >= time) return
      this.#forgetOldest()
    }
  }

  #forgetOldest(): void {
    const place = this.#gone++ % this.#most
    if (this.#sequences[place] === 0) return
    this.#empty(this.#slotOf(recordOf(this.#ids, place, idBytes)))
  }

  /** Where an id is in the table, or is to be. */
  #slotOf(id: Buffer): number {
    let slot = this.#homeOf(id, 0)
    for (;;) {
      const entry = this.#table[slot]!
      if (entry === 0) return slot
      const at = (entry - 1) * idBytes
      if (this.#ids.compare(id, 0, idBytes, at, at + idBytes) === 0) return slot
      slot = (slot + 1) & this.#mask
    }
  }

  /** Empties a slot, and moves what was probed past it (Knuth, TAOCP 3, 6.4, algorithm R). */
  #empty(slot: number): void {
    let hole = slot
    for (let next = (hole + 1) & this.#mask; ; next = (next + 1) & this.#mask) {
      const entry = this.#table[next]!
      if (entry === 0) break
      const home = this.#homeOf(this.#ids, (entry - 1) * idBytes)
      if (((next - home) & this.#mask) < ((next - hole) & this.#mask)) continue
      this.#table[hole] = entry
      hole = next
    }
    this.#table[hole] = 0
  }

  #homeOf(ids: Buffer, offset: number): number {
    return ids.readUInt32LE(offset) & this.#mask
  }

  #indexOf(epoch: string): number {
    const index = this.#names.lastIndexOf(epoch)
    return index === -1 ? this.#names.push(epoch) - 1 : index
  }
}

function recordOf(records: Buffer, place: number, bytes: number): Buffer {
  return records.subarray(place * bytes, (place + 1) * bytes)
}
