import { RingcastError } from '../errors.js'
import type { Dispatcher } from './dispatcher.js'
import type { AcceptedEvent, EventDraft } from './event.js'
import { bytesOfAll, type Ring } from './ring.js'
import type { HubStats } from './stats.js'

/** Sees to it that the ring never has to let go of what is not fanned out yet. */
export class Room {
  readonly #ring: Ring
  readonly #dispatcher: Dispatcher
  readonly #isShared: boolean
  readonly #stats: HubStats
  /** What is on its way into the log, and so into the ring. */
  #pushes = 0
  #events = 0
  #bytes = 0
  #whenNone: (() => void)[] = []

  /** @param isShared whether other nodes append to the log too: what has no room here waits there. */
  constructor(ring: Ring, dispatcher: Dispatcher, isShared: boolean, stats: HubStats) {
    this.#ring = ring
    this.#dispatcher = dispatcher
    this.#isShared = isShared
    this.#stats = stats
  }

  /**
   * Keeps room for a batch, behind all that is on its way into the log, until `leave`.
   *
   * @returns what the batch takes, in bytes.
   * @throws RingcastError `RINGCAST_BODY_TOO_LARGE`, `RINGCAST_BUSY`.
   */
  enter(batch: readonly EventDraft[]): number {
    const bytes = bytesOfAll(batch)
    this.#check(batch.length, bytes)
    this.#pushes++
    this.#events += batch.length
    this.#bytes += bytes
    return bytes
  }

  /** Notes that a batch of so many events and bytes is in the ring, or comes to nothing. */
  leave(events: number, bytes: number): void {
    this.#pushes--
    this.#events -= events
    this.#bytes -= bytes
    if (this.#pushes === 0) for (const done of this.#whenNone.splice(0)) done()
  }

  /** Resolves when nothing is on its way. */
  none(): Promise<void> {
    if (this.#pushes === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenNone.push(resolve))
  }

  /**
   * How many of these events displace nothing that is not fanned out yet; a half, a quarter, or so. One
   * that is larger than the ring, which a node with a larger one has pushed, displaces all.
   */
  fits(events: readonly AcceptedEvent[]): number {
    const { next } = this.#ring
    for (let count = events.length; count > 0; count = count >> 1) {
      const first = this.#ring.firstAfter(count, bytesOfAll(events.slice(0, count)))
      if (this.#mayBecomeFirst(first ?? (count === 1 ? next : undefined))) return count
    }
    return 0
  }

  #check(events: number, bytes: number): void {
    if (this.#ring.firstAfter(events, bytes) === undefined) {
      throw new RingcastError(
        'RINGCAST_BODY_TOO_LARGE',
        'the batch is larger than the ring (RING_EVENTS, RING_BYTES): push it in parts',
      )
    }
    if (this.#isShared) return
    if (this.#mayBecomeFirst(this.#ring.firstAfter(events + this.#events, bytes + this.#bytes)))
      return
    this.#stats.busy++
    throw new RingcastError(
      'RINGCAST_BUSY',
      'the ring holds only events that are not yet fanned out: push again in a moment, or raise RING_EVENTS or RING_BYTES',
      { retryAfterSeconds: 1 },
    )
  }

  /** Whether the ring may let go of what is before a sequence. */
  #mayBecomeFirst(first: number | undefined): boolean {
    // Most events displace nothing, and need not know what is still to be fanned out.
    if (first === this.#ring.first) return true
    return first !== undefined && this.#dispatcher.floor(first) >= first
  }
}
