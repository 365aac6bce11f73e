/** How many samples are kept. */
const mostSamples = 2_048
const minuteMs = 60_000

/** What half, and 99 of 100, samples are at most, in milliseconds. */
export interface Quantiles {
  readonly p50: number
  readonly p99: number
}

/** The newest samples of a time, of up to a minute. */
export class RecentTimes {
  readonly #values = new Float64Array(mostSamples)
  readonly #at = new Float64Array(mostSamples).fill(-Infinity)
  readonly #now: () => number
  #next = 0

  /** @param now a clock in milliseconds that does not go back. */
  constructor(now: () => number = () => performance.now()) {
    this.#now = now
  }

  /** Notes a sample, in milliseconds. */
  add(ms: number): void {
    this.#values[this.#next] = ms
    this.#at[this.#next] = this.#now()
    this.#next = (this.#next + 1) % mostSamples
  }

  /** Null where there were no samples in the last minute. */
  get quantiles(): Quantiles | null {
    const since = this.#now() - minuteMs
    const recent = this.#values.filter((_value, i) => this.#at[i]! >= since).sort()
    if (recent.length === 0) return null
    const quantile = (part: number): number => recent[Math.ceil(part * recent.length) - 1]!
    return { p50: quantile(0.5), p99: quantile(0.99) }
  }
}
