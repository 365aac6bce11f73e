/** What can stand on a wheel. The fields belong to the wheel. */
export interface Timed {
  /** The tick it is due at; -1 while it is on no wheel. */
  wheelTick: number
  wheelPrevious: Timed | undefined
  wheelNext: Timed | undefined
}

/** The times within one turn of the wheel; a later one waits in its place for further turns. */
const places = 1024

/** How long a tick is, where `shortestMs` is the shortest time that matters: both in milliseconds. */
export function tickFor(shortestMs: number): number {
  return Math.min(Math.max(shortestMs / 32, 5), 250)
}

/**
 * One timer for all streams, for the idle shape: each stands once on the wheel, at the next moment that
 * anything of it may be due. Setting and clearing cost a few pointers, so fifteen thousand streams cost
 * no more timers than one, and no time is too far away (a `setTimeout` above 24.8 days fires at once).
 */
export class TimerWheel<T extends Timed> {
  readonly #tickMs: number
  readonly #due: (item: T) => void
  readonly #places = new Array<Timed | undefined>(places).fill(undefined)
  #tick: number

  /**
   * @param tickMs how long a tick is, in milliseconds; nothing is told sooner than it is due, and
   * at most a tick later than `advance` is called.
   * @param due told each item that is due; it is off the wheel by then, and may be set again.
   */
  constructor(tickMs: number, now: number, due: (item: T) => void) {
    this.#tickMs = tickMs
    this.#due = due
    this.#tick = Math.floor(now / tickMs)
  }

  /** Puts an item where it is due at `at` (milliseconds of the clock that `advance` is told); Infinity: never. */
  set(item: T, at: number): void {
    this.clear(item)
    if (at === Infinity) return
    item.wheelTick = Math.max(Math.ceil(at / this.#tickMs), this.#tick + 1)
    const place = item.wheelTick % places
    const first = this.#places[place]
    item.wheelNext = first
    if (first !== undefined) first.wheelPrevious = item
    this.#places[place] = item
  }

  /** Takes an item off the wheel, if it is on it. */
  clear(item: T): void {
    if (item.wheelTick === -1) return
    if (item.wheelPrevious !== undefined) item.wheelPrevious.wheelNext = item.wheelNext
    else this.#places[item.wheelTick % places] = item.wheelNext
    if (item.wheelNext !== undefined) item.wheelNext.wheelPrevious = item.wheelPrevious
    item.wheelTick = -1
    item.wheelPrevious = undefined
    item.wheelNext = undefined
  }

  /** Moves the wheel to the time `now` and tells what is due. */
  advance(now: number): void {
    const target = Math.floor(now / this.#tickMs)
    // After a long pause (a suspended machine) one turn meets every place.
    this.#tick = Math.max(this.#tick, target - places)
    while (this.#tick < target) {
      this.#tick++
      let item = this.#places[this.#tick % places] as T | undefined
      const due: T[] = []
      for (; item !== undefined; item = item.wheelNext as T | undefined) {
        if (item.wheelTick <= target) due.push(item)
      }
      // Told from a list of their own: what is told may set and clear its neighbours.
      for (const dueItem of due) {
        if (dueItem.wheelTick === -1 || dueItem.wheelTick > target) continue
        this.clear(dueItem)
        this.#due(dueItem)
      }
    }
  }
}
