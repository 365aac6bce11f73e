import { statSync } from 'node:fs'
import { newEpoch } from '../hub/event-id.js'
import type { Life } from '../hub/event-log.js'
import { StoreDamaged, type Store } from './store.js'

const headKey = Buffer.from('head')
const livesKey = Buffer.from('lives')

interface KeptLives {
  /** Which file it was written to: a copy of the log is another one. */
  readonly file: number
  /** Each life but for its end, which is where the next one begins. */
  readonly lives: readonly { epoch: string; first: number }[]
}

/** Where a log stands, as it is kept with the events. */
export class LogState {
  readonly #store: Store
  /** The last sequence that is in the store. */
  head = 0
  /** What segments and index take, in bytes. */
  bytes = 0
  /** The newest sequence that was deleted, but for the service's own. */
  newestGone = 0
  #lives: { epoch: string; first: number }[] = []

  /**
   * Reads where the log stands. A log that was copied, as a backup is, begins a new life: of the one
   * that it was copied from there may be clients with later ids, which are not to be given again.
   *
   * @param now the wall clock, in milliseconds since the Unix epoch.
   * @throws StoreDamaged
   */
  constructor(store: Store, now: () => number) {
    this.#store = store
    const head = store.state.get(headKey)
    const lives = store.state.get(livesKey)
    if (store.begun && (head === undefined || lives === undefined)) {
      throw new StoreDamaged('what it had is gone')
    }
    if (head !== undefined) {
      this.head = head.readDoubleLE(0)
      this.bytes = head.readDoubleLE(8)
      this.newestGone = head.readDoubleLE(16)
    }
    const kept = lives === undefined ? undefined : (JSON.parse(lives.toString('utf8')) as KeptLives)
    this.#lives = [...(kept?.lives ?? [])]
    if (kept?.file === this.#file) return
    this.#lives.push({ epoch: newEpoch(now()), first: this.head + 1 })
  }

  /** Every life of which something is retained, oldest first; the last is the one that goes on. */
  lives(head: number): readonly Life[] {
    return this.#lives.map(({ epoch, first }, index) => {
      const next = this.#lives[index + 1]
      return { epoch, first, last: next === undefined ? head : next.first - 1 }
    })
  }

  /** The life that a sequence belongs to. */
  readonly epochOf = (sequence: number): string => {
    const life = this.#lives.findLast(({ first }) => first <= sequence) ?? this.#lives[0]!
    return life.epoch
  }

  /** Puts the lives into the write under way; those of which nothing is retained any more go. */
  keepLives(firstRetained: number): void {
    const next = this.#lives.findIndex(({ first }) => first > firstRetained)
    this.#lives = this.#lives.slice(Math.max(0, (next === -1 ? this.#lives.length : next) - 1))
    const kept: KeptLives = { file: this.#file, lives: this.#lives }
    void this.#store.state.put(livesKey, Buffer.from(JSON.stringify(kept)))
  }

  /** Puts where the log will stand into the write under way. */
  keepHead(head: number, bytes: number, newestGone: number): void {
    const value = Buffer.allocUnsafe(24)
    value.writeDoubleLE(head, 0)
    value.writeDoubleLE(bytes, 8)
    value.writeDoubleLE(newestGone, 16)
    void this.#store.state.put(headKey, value)
  }

  /** The last sequence that the store has now. */
  keptHead(): number {
    return this.#store.state.get(headKey)?.readDoubleLE(0) ?? 0
  }

  get #file(): number {
    return statSync(this.#store.dataFile).ino
  }
}
