import { hash } from 'node:crypto'
import type { LogEntry } from './redis-entries.js'

/** How many groups of events are told apart: as many as a ring usually has events. */
const keptGroups = 65_536
/** Of a digest so many bytes are kept: as many as a number has without loss. */
const digestBytes = 6

/**
 * Which entries a node has had, each with its mark, so that it can tell whether the log still has
 * the same. What was appended together has one mark, of which a digest is kept: 16 bytes a group.
 */
export class Marks {
  /** Where each group begins, and the digest of its mark; when all places are taken, the oldest goes. */
  readonly #firsts: Float64Array
  readonly #digests: Float64Array
  /** How many groups have come since it began anew. */
  #count = 0
  #newest: string | undefined
  #head = 0

  /** @param most how many groups it keeps. */
  constructor(most = keptGroups) {
    this.#firsts = new Float64Array(most)
    this.#digests = new Float64Array(most)
  }

  /** The oldest sequence that it knows of. */
  get first(): number {
    return this.#count === 0 ? this.#head + 1 : this.#firsts[this.#place(this.#oldest)]!
  }

  /** Notes entries in their order. */
  add(entries: readonly LogEntry[]): void {
    for (const { event, mark } of entries) {
      this.#head = event.sequence
      if (mark !== this.#newest) this.#begin(event.sequence, mark)
    }
  }

  /** Begins anew behind a sequence. */
  clear(head: number): void {
    this.#count = 0
    this.#newest = undefined
    this.#head = head
  }

  /** Begins anew with a sequence whose mark is known; that of an empty log has none. */
  begin(head: number, mark: string | undefined): void {
    this.clear(head)
    if (mark !== undefined) this.#begin(head, mark)
  }

  /** Whether it knows of a sequence, with this mark. */
  has(sequence: number, mark: string | undefined): boolean {
    if (mark === undefined || sequence > this.#head) return false
    let [low, high] = [this.#oldest, this.#count]
    while (low < high) {
      const middle = Math.floor((low + high) / 2)
      if (this.#firsts[this.#place(middle)]! <= sequence) low = middle + 1
      else high = middle
    }
    return low > this.#oldest && this.#digests[this.#place(low - 1)] === digestOf(mark)
  }

  #begin(first: number, mark: string): void {
    const place = this.#place(this.#count++)
    this.#firsts[place] = first
    this.#digests[place] = digestOf(mark)
    this.#newest = mark
  }

  get #oldest(): number {
    return Math.max(0, this.#count - this.#firsts.length)
  }

  #place(group: number): number {
    return group % this.#firsts.length
  }
}

function digestOf(mark: string): number {
  return hash('sha1', mark, 'buffer').readUIntBE(0, digestBytes)
}
