import type { Figures } from './figures.js'

/** What the charts show of one second; null where it is not known. */
export interface Sample {
  /** Seconds since the Unix epoch. */
  readonly at: number
  readonly streams: number
  readonly pushes: number | null
  readonly deliveries: number | null
  readonly p99: number | null
  readonly loopDelay: number
  /** In percent. */
  readonly ringFill: number
}

/** How many are kept: an hour, one a second. */
export const mostSamples = 3_600

/** The last hour of figures, as far as the page has been open, ready to be drawn. */
export class Samples {
  readonly #all: Sample[] = []
  #last: { readonly at: number; readonly figures: Figures } | undefined

  /** @param at when they came, in seconds since the Unix epoch. */
  add(figures: Figures, at: number): void {
    const { accepted, deliveries, pushToWriteMs, streams, loopDelayMs, ring } = figures
    this.#all.push({
      at,
      streams,
      pushes: this.#rate(at, accepted, (last) => last.accepted),
      deliveries: this.#rate(at, deliveries, (last) => last.deliveries),
      p99: pushToWriteMs?.p99 ?? null,
      loopDelay: loopDelayMs,
      ringFill: ring.fill * 100,
    })
    if (this.#all.length > mostSamples) this.#all.shift()
    this.#last = { at, figures }
  }

  /** One column for each field. */
  column<Name extends keyof Sample>(name: Name): Sample[Name][] {
    return this.#all.map((sample) => sample[name])
  }

  get oldest(): Sample | undefined {
    return this.#all[0]
  }

  get newest(): Sample | undefined {
    return this.#all.at(-1)
  }

  /** Counts begin anew with the service, and fall when a worker is replaced: there is no rate then. */
  #rate(at: number, now: number, of: (figures: Figures) => number): number | null {
    if (this.#last === undefined || at <= this.#last.at) return null
    const rate = (now - of(this.#last.figures)) / (at - this.#last.at)
    return rate < 0 ? null : rate
  }
}
