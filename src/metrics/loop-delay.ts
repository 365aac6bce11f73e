/** How often it is looked, in milliseconds: rarely, since each look wakes a process that has nothing to do. */
const lookMs = 100
/** So many looks are a second. */
const looksPerPeriod = 10

/**
 * How long the longest turn of the event loop was, in the last whole second. The histogram that Node
 * has for this does not see a turn that begins within its first look after it was set back, which here
 * would be a tenth of all.
 */
export class LoopDelay {
  #timer: NodeJS.Timeout | undefined
  #lookedAt = 0
  #looks = 0
  #longestSoFarMs = 0
  #longestMs = 0

  /** In milliseconds; turns that are far shorter than the looks are apart are mostly not seen. */
  get longestMs(): number {
    return this.#longestMs
  }

  /** Looks, until `stop`. */
  start(): void {
    this.#lookedAt = performance.now()
    this.#timer = setInterval(() => {
      this.#look(performance.now())
    }, lookMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  #look(now: number): void {
    this.#longestSoFarMs = Math.max(this.#longestSoFarMs, now - this.#lookedAt - lookMs)
    this.#lookedAt = now
    if (++this.#looks % looksPerPeriod !== 0) return
    this.#longestMs = this.#longestSoFarMs
    this.#longestSoFarMs = 0
  }
}
