import { blockEvents, type Retained } from './event-log.js'
import type { Wants } from './filter.js'
import { Ring } from './ring.js'

/** What the cache may hold, in bytes, encodings included; the newest block stays whatever its size. */
const cacheBytes = 16 * 1024 * 1024

/**
 * What streams behind the ring read: blocks of the log, in one small cache for all of them. Blocks
 * are aligned, so that streams which came in at different places soon read the same. Each is a small
 * ring of its own: what is for a stream is found and encoded as in the large one.
 */
export class BlockCache {
  readonly #retained: Retained
  readonly #head: () => number
  readonly #blocks = new Map<number, Ring>()
  readonly #loading = new Map<number, Promise<Ring>>()

  /** @param head the last sequence that was told: what the log has beyond is not to be read yet. */
  constructor(retained: Retained, head: () => number) {
    this.#retained = retained
    this.#head = head
  }

  /** The block in the cache that holds a sequence. */
  cached(sequence: number): Ring | undefined {
    const block = this.#blocks.get(blockOf(sequence))
    return block !== undefined && sequence >= block.first && sequence < block.next
      ? block
      : undefined
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
    this.#blocks.delete(number)
    this.#blocks.set(number, block)
    this.#forgetOldest()
  }

  #forgetOldest(): void {
    let bytes = 0
    for (const block of this.#blocks.values()) bytes += block.bytes
    for (const [number, block] of this.#blocks) {
      if (bytes <= cacheBytes || this.#blocks.size === 1) break
      this.#blocks.delete(number)
      bytes -= block.bytes
    }
  }
}

/** The number of the block that has a sequence. */
export function blockOf(sequence: number): number {
  return Math.floor(sequence / blockEvents)
}
