/** How many clients are remembered at once; beyond it the one that has been known longest is not. */
const maxClients = 65_536
const second = 1000
/** What sums of fractions may be off by, in milliseconds. */
const rounding = 0.001

/** What clients may push. The answers are known at once where this process alone counts. */
export interface PushAllowance {
  /** After how many milliseconds a push of so many events may pass; 0 if it may now. */
  waitMs(client: string, events: number): number | Promise<number>
  /** The same, and counts the push if it may pass now. */
  spend(client: string, events: number): number | Promise<number>
}

/**
 * A token bucket for each client: it fills by `perSecond` tokens a second, holds one second's worth,
 * and an event takes one. Of a bucket only one number is kept, the time at which it is full again
 * (the "generic cell rate algorithm"), and none of one that is full.
 */
export class PushRate implements PushAllowance {
  readonly #perSecond: number
  readonly #now: () => number
  readonly #fullAt = new Map<string, number>()
  #sweepAt: number

  /**
   * @param perSecond at least 1.
   * @param now a clock in milliseconds that does not go back.
   */
  constructor(perSecond: number, now: () => number = () => performance.now()) {
    this.#perSecond = perSecond
    this.#now = now
    this.#sweepAt = now() + second
  }

  /** How many clients' buckets are kept. */
  get size(): number {
    return this.#fullAt.size
  }

  /**
   * After how many milliseconds a push of so many events may pass; 0 if it may now. One that is
   * larger than a second's worth passes when the bucket is full, and overdraws it: what follows
   * waits longer, so that the rate holds, and no size of push is shut out for good.
   */
  waitMs(client: string, events: number): number {
    const now = this.#now()
    const fullInMs = Math.max((this.#fullAt.get(client) ?? now) - now, 0)
    const tokensMs = Math.min((events / this.#perSecond) * second, second)
    const waitMs = fullInMs + tokensMs - second
    return waitMs > rounding ? waitMs : 0
  }

  spend(client: string, events: number): number {
    const waitMs = this.waitMs(client, events)
    if (waitMs === 0) this.take(client, events)
    return waitMs
  }

  /** Takes the tokens of a push that passed. */
  take(client: string, events: number): void {
    const now = this.#now()
    this.#sweep(now)
    const before = this.#fullAt.get(client)
    if (before === undefined && this.#fullAt.size >= maxClients) {
      for (const [oldest] of this.#fullAt) {
        this.#fullAt.delete(oldest)
        break
      }
    }
    this.#fullAt.set(client, Math.max(before ?? now, now) + (events / this.#perSecond) * second)
  }

  /** Forgets full buckets, once a second at most. */
  #sweep(now: number): void {
    if (now < this.#sweepAt) return
    this.#sweepAt = now + second
    for (const [client, fullAt] of this.#fullAt) if (fullAt <= now) this.#fullAt.delete(client)
  }
}
