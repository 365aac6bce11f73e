import type { RevocationStore } from '../hub/event-log.js'
import { unavailable } from './unavailable.js'
import type { Store } from './store.js'
import { written } from './written.js'

/** Revocations, kept beside the events. A user's name is the key, and none for everybody. */
export class StoredRevocations implements RevocationStore {
  readonly #store: Store

  constructor(store: Store) {
    this.#store = store
  }

  get kept(): [user: string, second: number][] {
    return Array.from(this.#store.revoked.getRange(), ({ key, value }): [string, number] => [
      key.toString('utf8', 1),
      value.readDoubleLE(0),
    ]).sort(([, a], [, b]) => a - b)
  }

  async keep(changes: ReadonlyMap<string, number | undefined>): Promise<void> {
    try {
      await written(this.#store, () => {
        for (const [user, second] of changes) this.#put(user, second)
      })
    } catch (error) {
      throw unavailable(`the revocation could not be kept (${(error as Error).message})`)
    }
  }

  #put(user: string, second: number | undefined): void {
    // A key is never empty, a name may be.
    const key = Buffer.from(`u${user}`)
    if (second === undefined) {
      void this.#store.revoked.remove(key)
      return
    }
    const value = Buffer.alloc(8)
    value.writeDoubleLE(second)
    void this.#store.revoked.put(key, value)
  }
}
