import type { Places } from '../hub/eviction-horizon.js'
import type { LogState } from './log-state.js'
import type { Store } from './store.js'
import { sequenceKey } from './store-keys.js'

/** So many places are a row of the store. */
const pagePlaces = 64
const placeBytes = Float64Array.BYTES_PER_ELEMENT

/**
 * The places of an eviction horizon, kept in the store and read from it each time, 1 to 2 µs a place:
 * all who have the store open know the same, and nobody holds the 8 MiB in memory.
 */
export class StoredPlaces implements Places {
  readonly #store: Store
  readonly #state: LogState
  /** Pages that are to be written. */
  readonly #changed = new Map<number, Buffer>()
  #newestOfAll: number | undefined

  constructor(store: Store, state: LogState) {
    this.#store = store
    this.#state = state
  }

  get newestOfAll(): number {
    return this.#newestOfAll ?? this.#state.read().newestGone
  }

  set newestOfAll(sequence: number) {
    this.#newestOfAll = sequence
  }

  get(place: number): number {
    // Who asks when the store is closed is on the safe side with a gap.
    if (!this.#store.isOpen) return Infinity
    const page = this.#page(Math.floor(place / pagePlaces))
    return page?.readDoubleLE((place % pagePlaces) * placeBytes) ?? 0
  }

  set(place: number, sequence: number): void {
    const number = Math.floor(place / pagePlaces)
    const page = this.#page(number) ?? Buffer.alloc(pagePlaces * placeBytes)
    page.writeDoubleLE(sequence, (place % pagePlaces) * placeBytes)
    this.#changed.set(number, page)
  }

  forget(): never {
    throw new Error('what a store knows to be gone is never forgotten')
  }

  /** Puts what changed into the write under way. */
  put(): void {
    for (const [number, page] of this.#changed) void this.#store.gone.put(sequenceKey(number), page)
  }

  /** Goes on from what the store has: the changes are written, or came to nothing. */
  settled(): void {
    this.#changed.clear()
    this.#newestOfAll = undefined
  }

  #page(number: number): Buffer | undefined {
    return this.#changed.get(number) ?? this.#store.gone.get(sequenceKey(number))
  }
}
