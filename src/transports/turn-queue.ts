/** How long a queue works before the event loop gets its turn, in milliseconds. */
const sliceMs = 3
/** How many items go by between two looks at the clock. */
const itemsPerLook = 8

/**
 * Does work that comes in crowds in slices of a few milliseconds, one at each turn of the event loop,
 * so that what else is ready gets its turn in between. In its order, each item once.
 */
export class TurnQueue<T> {
  readonly #work: (item: T) => void
  #items: (T | undefined)[] = []
  #next = 0

  constructor(work: (item: T) => void) {
    this.#work = work
  }

  /** Adds an item; it is worked on once the event loop has read what is ready. */
  add(item: T): void {
    if (this.#items.push(item) === 1) setImmediate(this.#slice)
  }

  readonly #slice = (): void => {
    const end = performance.now() + sliceMs
    while (this.#next < this.#items.length) {
      const item = this.#items[this.#next]!
      // In a long storm the queue never runs empty: what was worked on is let go of all the same.
      this.#items[this.#next++] = undefined
      this.#work(item)
      if (this.#next % itemsPerLook === 0 && performance.now() >= end) break
    }
    if (this.#next < this.#items.length) {
      setImmediate(this.#slice)
      return
    }
    this.#items = []
    this.#next = 0
  }
}
