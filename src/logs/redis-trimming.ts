import type { LiveLog } from './redis-retained.js'
import { trimScript } from './redis-scripts.js'
import type { RetentionLimits } from './retention.js'

/** How many events are deleted with one step: Redis does nothing else meanwhile. */
const deletedAtOnce = 256

/** Deletes what is not to be retained; whichever node comes first does it. */
export class RedisTrimming {
  readonly #limits: readonly string[]
  #underWay = false

  constructor({ retainEvents, retainForMs, retainBytes }: RetentionLimits) {
    this.#limits = [retainEvents, retainForMs, retainBytes, deletedAtOnce].map(String)
  }

  /** Deletes all that is due by now, step by step. */
  async run({ connection, prefix }: Pick<LiveLog, 'connection' | 'prefix'>): Promise<void> {
    if (this.#underWay) return
    this.#underWay = true
    try {
      let deleted: unknown
      do deleted = await trimScript.run(connection, [prefix, ...this.#limits])
      while (deleted === deletedAtOnce)
    } catch {
      // The tick of the session tells why, and the next run tries again.
    } finally {
      this.#underWay = false
    }
  }
}
