import { blockEvents, type Retained } from './event-log.js'
import type { Wants } from './filter.js'
import { Ring } from './ring.js'

/** A block, and how much of what it holds has been counted. */
interface Kept {
  readonly block: Ring
  counted: number
}

/**
 * What streams behind the ring read: blocks of the log, in one small cache for all of them. Blocks
 * are aligned, so that streams which came in at different places soon read the same. Each is a small
 * ring of its own: what is for a stream is found and encoded as in the large one.
 */
export class BlockCache {
  readonly #retained: Retained
  readonly #head: () => number
  readonly #maxBytes: number
  readonly #blocks = new Map<number, Kept>()
  readonly #loading = new Map<number, Promise<Ring>>()

  #bytes = 0

  /**
   * @param head the last sequence that was told: what the log has beyond is not to be read yet.
   * @param maxBytes what it may hold, encodings included; the newest block and the one that is being
   * read stay whatever their size.
   */
  constructor(retained: Retained, head: () => number, maxBytes: number) {
    this.#retained = retained
    this.#head = head
    this.#maxBytes = maxBytes
  }

  /** What its blocks hold, in bytes, as far as that is counted. */
  get bytes(): number {
    return this.#bytes
  }

  /** The block in the cache that holds a sequence. */
  cached(sequence: number): Ring | undefined {
    const number = blockOf(sequence)
    const kept = this.#blocks.get(number)
    if (kept === undefined) return undefined
    this.#count(number, kept)
    const { block } = kept
    return sequence >= block.first && sequence < block.next ? block : undefined
  }

  /**
   * Where something wanted comes from a sequence on, as far as the log finds it by its index; of
   * patterns there is none: the sequence itself.
   *
   * @param end where reading ends: the answer if nothing comes before it.
   */
  async seek({ filter, user }: Wants, from: number, end: number): Promise<number> {
    if (filter.patterns.length > 0) return from
    const next = await this.#retained.next({ topics: filter.exact, user }, from)
    return Math.min(next ?? end, end)
  }

  /** Reads the block that holds a sequence; it begins later if that is no longer retained. */
  async load(sequence: number): Promise<Ring> {
    const number = blockOf(sequence)
    const underWay = await this.#loading.get(number)?.catch(() => undefined)
    const known = this.cached(sequence) ?? underWay
    if (known !== undefined && sequence >= known.first && sequence < known.next) return known
    const reading = this.#read(sequence)
    this.#loading.set(number, reading)
    try {
      const block = await reading
      // What was read of a log that was lost meanwhile is not kept.
      if (this.#loading.get(number) === reading) this.#keep(number, block)
      return block
    } finally {
      if (this.#loading.get(number) === reading) this.#loading.delete(number)
    }
  }

  /** Forgets all, since the log is another one. */
  forget(): void {
    this.#blocks.clear()
    this.#bytes = 0
    this.#loading.clear()
  }

  async #read(sequence: number): Promise<Ring> {
    const events = await this.#retained.read(sequence)
    const block = new Ring(blockEvents, Infinity, events[0]?.sequence ?? sequence)
    const head = this.#head()
    for (const event of events) if (event.sequence <= head) block.append(event)
    return block
  }

  #keep(number: number, block: Ring): void {
    this.#drop(number)
    const kept = { block, counted: 0 }
    this.#blocks.set(number, kept)
    this.#count(number, kept)
  }

  /** Counts what was encoded in a block since it was last looked at, and makes room for that. */
  #count(number: number, kept: Kept): void {
    const grown = kept.block.bytes - kept.counted
    if (grown === 0) return
    kept.counted += grown
    this.#bytes += grown
    let left = this.#blocks.size
    for (const oldest of this.#blocks.keys()) {
      if (this.#bytes <= this.#maxBytes || --left === 0) break
      if (oldest !== number) this.#drop(oldest)
    }
  }

  #drop(number: number): void {
    this.#bytes -= this.#blocks.get(number)?.counted ?? 0
    this.#blocks.delete(number)
  }
}

/** The number of the block that has a sequence. */
export function blockOf(sequence: number): number {
  return Math.floor(sequence / blockEvents)
}
