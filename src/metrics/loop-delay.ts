import { monitorEventLoopDelay } from 'node:perf_hooks'

/** How often it is looked, in milliseconds: rarely, since each look wakes a process that has nothing to do. */
const lookMs = 100
const periodMs = 1_000

/** How long the longest turn of the event loop was, in the last whole second. */
export class LoopDelay {
  readonly #histogram = monitorEventLoopDelay({ resolution: lookMs })
  #timer: NodeJS.Timeout | undefined
  #longestMs = 0

  /** In milliseconds; turns that are far shorter than the looks are apart are mostly not seen. */
  get longestMs(): number {
    return this.#longestMs
  }

  /** Looks, until `stop`. */
  start(): void {
    this.#histogram.enable()
    this.#timer = setInterval(() => {
      // What is recorded is how far looks are apart.
      this.#longestMs = Math.max(0, this.#histogram.max / 1e6 - lookMs)
      this.#histogram.reset()
    }, periodMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
    this.#histogram.disable()
  }
}
