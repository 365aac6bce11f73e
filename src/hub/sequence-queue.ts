/**
 * The sequences of one topic or user that the ring holds, ascending: appended at the end, dropped
 * at the front, found by binary search. A reader far behind finds its place in O(log n); links from
 * entry to entry would have it walk back over all that it has not read, at each turn.
 */
export class SequenceQueue {
  #sequences: number[] = []
  #front = 0

  get length(): number {
    return this.#sequences.length - this.#front
  }

  /** The newest sequence; only of a queue that is not empty. */
  get last(): number {
    return this.#sequences[this.#sequences.length - 1]!
  }

  at(index: number): number {
    return this.#sequences[this.#front + index]!
  }

  push(sequence: number): void {
    this.#sequences.push(sequence)
  }

  shift(): void {
    this.#front++
    // Compacting at half keeps dropping O(1) a sequence, and the memory within twice of the need.
    if (this.#front * 2 > this.#sequences.length) {
      this.#sequences = this.#sequences.slice(this.#front)
      this.#front = 0
    }
  }

  /** The index of the first sequence at or after one; `length` if there is none. */
  indexFrom(sequence: number): number {
    let low = this.#front
    let high = this.#sequences.length
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#sequences[middle]! < sequence) low = middle + 1
      else high = middle
    }
    return low - this.#front
  }
}
