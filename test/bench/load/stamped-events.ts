/** What the streams of a load got, as `streams.c` counts it. */
export class Tally {
  events = 0
  bytes = 0
  reads = 0
  closed = 0
  firstNs = 0
  lastNs = 0
  /** From an event's stamp to its receipt, in nanoseconds. */
  latencies: number[] = []

  /** Counts anew; what is closed stays closed. */
  reset(): void {
    this.events = this.bytes = this.reads = this.firstNs = this.lastNs = 0
    this.latencies = []
  }
}

/** CLOCK_MONOTONIC in nanoseconds: the same clock for every process of this machine. */
export function nowNs(): number {
  return Number(process.hrtime.bigint())
}

/** What reports say of some durations in nanoseconds: in milliseconds, 0 without any. */
export function percentilesMs(ns: readonly number[]): {
  p50Ms: number
  p99Ms: number
  maxMs: number
} {
  const sorted = Float64Array.from(ns).sort()
  const upTo = (part: number): number =>
    (sorted[Math.min(Math.floor(part * sorted.length), sorted.length - 1)] ?? 0) / 1e6
  return { p50Ms: upTo(0.5), p99Ms: upTo(0.99), maxMs: upTo(1) }
}

const [stampMark, lineEnd, zero, stampDigits] = [0x7e, 0x0a, 0x30, 19]

type Phase = 'opening' | 'mark' | 'stamp' | 'line' | 'line end'

/** Reads one event stream, cut anywhere: whole events, and the stamps in their data. */
export class StampedEvents {
  /** Whole events since the last reset of the tally. */
  events = 0
  readonly #tally: Tally
  readonly #onOpen: () => void
  #phase: Phase = 'opening'
  #seen = 0
  #stampNs = 0

  /** @param onOpen is called at the first blank line. */
  constructor(tally: Tally, onOpen: () => void) {
    this.#tally = tally
    this.#onOpen = onOpen
  }

  get isOpen(): boolean {
    return this.#phase !== 'opening'
  }

  /** Takes the bytes of `buffer` from `at` to `end`, which came at a time. */
  read(buffer: Uint8Array, at: number, end: number, ns: number): void {
    for (; at < end; at++) {
      const byte = buffer[at]!
      switch (this.#phase) {
        case 'opening':
          this.#seen = byte === lineEnd ? this.#seen + 1 : 0
          if (this.#seen < 2) break
          this.#phase = 'mark'
          this.#onOpen()
          break
        case 'mark':
          if (byte !== stampMark) break
          this.#phase = 'stamp'
          this.#seen = this.#stampNs = 0
          break
        case 'stamp':
          this.#stampNs = this.#stampNs * 10 + (byte - zero)
          if (++this.#seen === stampDigits) this.#phase = 'line'
          break
        case 'line':
          if (byte === lineEnd) this.#phase = 'line end'
          break
        case 'line end':
          // A blank line ends the event; another line of it goes on.
          if (byte === lineEnd) this.#complete(ns)
          else this.#phase = 'line'
      }
    }
  }

  #complete(ns: number): void {
    const tally = this.#tally
    this.#phase = 'mark'
    this.events++
    tally.events++
    if (tally.firstNs === 0) tally.firstNs = ns
    tally.lastNs = ns
    tally.latencies.push(Math.max(ns - this.#stampNs, 0))
  }
}
