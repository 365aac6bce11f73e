import type { Envelope } from './records.js'

/** How many events may wait for a loop. */
export const mostWaiting = 10_000

/**
 * The events of a stream for `for await`, from now on, until the stream is closed. Leaving the loop
 * leaves the stream open.
 */
export class Iteration implements AsyncIterableIterator<Envelope> {
  readonly #leave: (iteration: Iteration) => void
  #waiting: Envelope[] = []
  #asked: ((result: IteratorResult<Envelope, undefined>) => void)[] = []
  #over = false
  #error: Error | undefined

  /** @param leave called when no more events are wanted. */
  constructor(leave: (iteration: Iteration) => void) {
    this.#leave = leave
  }

  add(event: Envelope): void {
    const asked = this.#asked.shift()
    if (asked !== undefined) asked({ done: false, value: event })
    else if (this.#waiting.push(event) > mostWaiting) {
      this.#error = new Error(`the loop is too slow: ${mostWaiting} events wait for it`)
      this.#leave(this)
      this.end()
    }
  }

  /** No more events come; those that wait are given out first. */
  end(): void {
    this.#over = true
    for (const resolve of this.#asked.splice(0)) resolve({ done: true, value: undefined })
  }

  next(): Promise<IteratorResult<Envelope, undefined>> {
    const event = this.#waiting.shift()
    if (event !== undefined) return Promise.resolve({ done: false, value: event })
    const error = this.#error
    this.#error = undefined
    if (error !== undefined) return Promise.reject(error)
    if (this.#over) return Promise.resolve({ done: true, value: undefined })
    return new Promise((resolve) => this.#asked.push(resolve))
  }

  return(): Promise<IteratorResult<Envelope, undefined>> {
    this.#leave(this)
    this.#waiting = []
    this.end()
    return this.next()
  }

  [Symbol.asyncIterator](): this {
    return this
  }
}
