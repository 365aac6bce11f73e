import { tickFor, TimerWheel } from './timer-wheel.js'
import type { Stream } from './stream.js'

/** How long things of a stream may last, in milliseconds. */
export interface StreamLimits {
  /** After this long without a write an idle stream gets a heartbeat. */
  readonly heartbeatMs: number
  /** A parked stream whose connection takes nothing for this long is ended. */
  readonly stalledStreamMs: number
  /** A stream this old is asked to come back, perhaps to another node; 0: never. */
  readonly maxStreamAgeMs: number
}

/** What becomes due of a stream. */
export interface DueEvents {
  heartbeat(stream: Stream): void
  rebalance(stream: Stream): void
  /** Its client's credential expires in half a minute; told once. */
  expiring(stream: Stream): void
  expired(stream: Stream): void
  stalled(stream: Stream): void
}

/** Runs work again and again, so many milliseconds apart, until what it returns is called. */
export type Every = (ms: number, work: () => void) => () => void

/** The usual `Every`; it does not keep the process alive. */
export const everyInterval: Every = (ms, work) => {
  const timer = setInterval(work, ms).unref()
  return () => {
    clearInterval(timer)
  }
}

/** An ended stream whose client does not close its side for this long is cut off, in milliseconds. */
const farewellMs = 5000
/** How long before the end of its credential a client is told, in milliseconds. */
const expiringMs = 30_000
/** Ages differ by up to this part, so that streams which came together do not leave together. */
const ageSpread = 0.2

/**
 * All that is timed of streams: heartbeats, stalls, expiry, age, and the time that an ended one has to
 * close. A write does not touch the wheel: it notes the time, and a stream whose time has come too soon
 * is set again.
 */
export class StreamTimes {
  readonly #limits: StreamLimits
  readonly #now: () => number
  readonly #random: () => number
  readonly #events: DueEvents
  readonly #wheel: TimerWheel<Stream>
  readonly #stop: () => void
  /** Every stream whose connection is not closed yet; the value is when it is to be cut off. */
  readonly #open = new Map<Stream, number>()
  #whenAllClosed: (() => void)[] = []

  constructor(
    limits: StreamLimits,
    now: () => number,
    random: () => number,
    every: Every,
    events: DueEvents,
  ) {
    this.#limits = limits
    this.#now = now
    this.#random = random
    this.#events = events
    const tickMs = tickFor(Math.min(limits.heartbeatMs, limits.stalledStreamMs))
    this.#wheel = new TimerWheel(tickMs, now(), (stream) => {
      this.#due(stream)
    })
    this.#stop = every(tickMs, () => {
      this.#wheel.advance(now())
    })
  }

  /** Begins to time a stream. */
  opened(stream: Stream): void {
    const { maxStreamAgeMs } = this.#limits
    if (maxStreamAgeMs > 0) {
      const spread = 1 + (this.#random() * 2 - 1) * ageSpread
      stream.rebalanceAt = this.#now() + maxStreamAgeMs * spread
    }
    this.#open.set(stream, Infinity)
    this.#set(stream)
  }

  /** What is timed of a stream may come sooner than it was set to. */
  changed(stream: Stream): void {
    if (this.#open.has(stream)) this.#set(stream)
  }

  /** From now on the stream has a few seconds to be over. */
  farewell(stream: Stream): void {
    if (!this.#open.has(stream)) return
    this.#open.set(stream, this.#now() + farewellMs)
    this.#set(stream)
  }

  /** The stream's connection is closed: nothing of it is timed any more. */
  closed(stream: Stream): void {
    this.#wheel.clear(stream)
    this.#open.delete(stream)
    if (this.#open.size === 0) for (const resolve of this.#whenAllClosed.splice(0)) resolve()
  }

  /** The streams whose connections are not closed. */
  values(): IterableIterator<Stream> {
    return this.#open.keys()
  }

  /** Resolves when every connection is closed. */
  allClosed(): Promise<void> {
    if (this.#open.size === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenAllClosed.push(resolve))
  }

  /** Ends the timing for good. */
  stop(): void {
    this.#stop()
  }

  #due(stream: Stream): void {
    const now = this.#now()
    if (now >= this.#open.get(stream)!) {
      stream.transport.destroy()
      return
    }
    if (stream.state !== 'ended' && stream.farewell === undefined) {
      const { heartbeatMs, stalledStreamMs } = this.#limits
      if (now >= stream.expiresAt) this.#events.expired(stream)
      else if (now >= stream.rebalanceAt) this.#events.rebalance(stream)
      else if (stream.state === 'parked' && now >= stream.activeAt + stalledStreamMs) {
        this.#events.stalled(stream)
        return
      } else if (now >= expiringAt(stream)) {
        this.#events.expiring(stream)
      } else if (isQuiet(stream) && now >= stream.activeAt + heartbeatMs) {
        this.#events.heartbeat(stream)
      }
    }
    this.#set(stream)
  }

  #set(stream: Stream): void {
    this.#wheel.set(stream, Math.min(this.#nextDue(stream), this.#open.get(stream)!))
  }

  #nextDue(stream: Stream): number {
    if (stream.state === 'ended' || stream.farewell !== undefined) return Infinity
    const { heartbeatMs, stalledStreamMs } = this.#limits
    const now = this.#now()
    // One that has nothing to get yet is looked at now and then: it may be parked meanwhile.
    const since = stream.begun ? stream.activeAt : now
    const quietAt =
      stream.state === 'parked'
        ? // It may drain sooner than it stalls, and is to have its heartbeat then.
          Math.min(since + stalledStreamMs, now + heartbeatMs)
        : since + Math.min(heartbeatMs, stalledStreamMs)
    // One that waits for its turn is looked at again soon, not at once.
    return Math.min(
      stream.rebalanceAt,
      stream.expiresAt,
      expiringAt(stream),
      Math.max(quietAt, now),
    )
  }
}

/** Whether nothing is written to a stream for now though its connection would take it. */
function isQuiet({ state }: Stream): boolean {
  return state === 'idle' || state === 'reading'
}

function expiringAt({ expiring, expiresAt }: Stream): number {
  return expiring === undefined ? expiresAt - expiringMs : Infinity
}
