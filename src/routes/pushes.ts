import type { Caller } from '../auth/caller.js'
import { checkPublish } from '../auth/grants.js'
import { RingcastError } from '../errors.js'
import type { Receipt } from '../hub/event-log.js'
import type { Hub } from '../hub/hub.js'
import type { Push } from './push-body.js'

/** What a push of one event, or of many, is answered. */
export type Accepted =
  | { readonly id: string; readonly duplicate?: true }
  | { readonly ids: readonly string[]; readonly duplicates?: readonly number[] }

/** Takes pushes, whichever way they come. */
export class Pushes {
  readonly #hub: Hub
  #turnEnds: Promise<void> | undefined

  constructor(hub: Hub) {
    this.#hub = hub
  }

  /**
   * Accepts a push that is granted. It never waits for a subscriber.
   *
   * @throws RingcastError as `checkPublish` and `Hub.publish`.
   */
  async push(caller: Caller, push: Push): Promise<Accepted> {
    await this.#endOfTurn()
    return this.#answer(push, await this.#publish(caller, push))
  }

  /**
   * Resolves when the event loop has read all that is ready to be read, so that pushes which come
   * together are appended and answered together. The targeted shape pays for it: a write to a process
   * that sleeps wakes it, and that takes longer than all the rest of the write; of many writes in a
   * row only the first meets it asleep.
   */
  #endOfTurn(): Promise<void> {
    this.#turnEnds ??= new Promise((resolve) => {
      setImmediate(() => {
        this.#turnEnds = undefined
        resolve()
      })
    })
    return this.#turnEnds
  }

  async #publish(caller: Caller, { drafts, single }: Push): Promise<readonly Receipt[]> {
    try {
      checkPublish(caller, drafts)
      return await this.#hub.publish(drafts)
    } catch (error) {
      // Of a single event there is no place to name.
      if (single && error instanceof RingcastError) delete error.details.index
      throw error
    }
  }

  #answer({ single }: Push, receipts: readonly Receipt[]): Accepted {
    if (single) {
      const receipt = receipts[0]!
      return { id: this.#hub.idOf(receipt), ...(receipt.duplicate ? { duplicate: true } : {}) }
    }
    const duplicates = receipts.flatMap(({ duplicate }, index) => (duplicate ? [index] : []))
    return {
      ids: receipts.map((receipt) => this.#hub.idOf(receipt)),
      ...(duplicates.length > 0 ? { duplicates } : {}),
    }
  }
}
