import { logUnavailable } from '../errors.js'
import type { RevocationChanges, RevocationStore } from '../hub/event-log.js'
import type { Store } from './store.js'
import { sequenceKey, sequenceOfKey } from './store-keys.js'
import { written } from './written.js'

const secondBytes = 8

/**
 * Revocations, kept beside the events: by user, and for the other processes by number, each user
 * under the number of its newest change. Nobody's name stands for everybody.
 */
export class StoredRevocations implements RevocationStore {
  readonly #store: Store
  readonly #onKept: () => void
  #listener: (changes: RevocationChanges) => void = () => {}
  /** The number of the last change that was looked at. */
  #seen: number
  /** That of the last one that was made here. */
  #made = 0

  /** @param onKept told that there is something for others to look at. */
  constructor(store: Store, onKept: () => void) {
    this.#store = store
    this.#onKept = onKept
    this.#seen = this.#newest()
  }

  get kept(): [user: string, second: number][] {
    const range = { start: Buffer.from('u'), end: Buffer.from('v') }
    return Array.from(this.#store.revoked.getRange(range), ({ key, value }): [string, number] => [
      key.toString('utf8', 1),
      value.readDoubleLE(0),
    ]).sort(([, a], [, b]) => a - b)
  }

  async keep(changes: RevocationChanges): Promise<void> {
    try {
      await written(this.#store, () => {
        // In one process the one before may be under way still.
        let number = Math.max(this.#made, this.#newest())
        this.#made = number + changes.size
        return {
          put: () => {
            for (const [user, second] of changes) this.#put(user, second, ++number)
          },
        }
      })
    } catch (error) {
      throw logUnavailable(`the revocation could not be kept (${(error as Error).message})`)
    }
    this.#onKept()
  }

  onChange(listener: (changes: RevocationChanges) => void): void {
    this.#listener = listener
  }

  /** Tells what has changed since the last time. */
  look(): void {
    const range = { start: changeKey(this.#seen + 1), end: Buffer.from('o') }
    const changes = new Map<string, number>()
    for (const { key, value } of this.#store.revoked.getRange(range)) {
      this.#seen = sequenceOfKey(key)
      const row = this.#store.revoked.get(value)
      if (row !== undefined) changes.set(value.toString('utf8', 1), row.readDoubleLE(0))
    }
    if (changes.size > 0) this.#listener(changes)
  }

  #newest(): number {
    const range = { start: Buffer.from('o'), end: Buffer.from('n'), reverse: true, limit: 1 }
    for (const key of this.#store.revoked.getKeys(range)) return sequenceOfKey(key)
    return 0
  }

  #put(user: string, second: number | undefined, number: number): void {
    const { revoked } = this.#store
    // A key is never empty, a name may be.
    const key = Buffer.from(`u${user}`)
    const before = revoked.get(key)
    if (before !== undefined && before.length > secondBytes) {
      void revoked.remove(changeKey(before.readDoubleLE(secondBytes)))
    }
    if (second === undefined) {
      void revoked.remove(key)
      return
    }
    const value = Buffer.alloc(2 * secondBytes)
    value.writeDoubleLE(second)
    value.writeDoubleLE(number, secondBytes)
    void revoked.put(key, value)
    void revoked.put(changeKey(number), key)
  }
}

function changeKey(number: number): Buffer {
  return Buffer.concat([Buffer.from('n'), sequenceKey(number)])
}
