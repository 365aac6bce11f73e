import { statSync } from 'node:fs'
import { newEpoch } from '../hub/event-id.js'
import type { Life } from '../hub/event-log.js'
import { lastOfSegment } from './segment.js'
import { StoreDamaged, type Store } from './store.js'
import { sequenceOfKey } from './store-keys.js'
import { written } from './written.js'

const headKey = Buffer.from('head')
const livesKey = Buffer.from('lives')

interface KeptLives {
  /** Which file it was written to: a copy of the log is another one. */
  readonly file: number
  /** Each life but for its end, which is where the next one begins. */
  readonly lives: readonly { epoch: string; first: number }[]
}

/** Where a log stands, as the store has it. */
export interface Standing {
  /** The last sequence. */
  readonly head: number
  /** The oldest sequence that is retained; the next of the head if there is none. */
  readonly first: number
  /** What segments and index take, in bytes. */
  readonly bytes: number
  /** The newest sequence that was deleted, but for the service's own. */
  readonly newestGone: number
}

/** Reads and keeps where a log stands. */
export class LogState {
  readonly #store: Store
  readonly #now: () => number
  /** Who it was that wrote last, in each write: this process, in this life of its own. */
  readonly #writer = Math.random()
  /** As it was read or written last. */
  #standing: Standing | undefined
  #lives: { epoch: string; first: number }[] = []
  #livesRow: Buffer | undefined

  /** @param now the wall clock, in milliseconds since the Unix epoch. */
  constructor(store: Store, now: () => number) {
    this.#store = store
    this.#now = now
  }

  /**
   * Makes the log's first life, or goes on with its last. A log that was copied, as a backup is,
   * begins a new one: of that which it was copied from there may be clients with later ids, which
   * are not to be given again. On disk before anything is accepted.
   *
   * @throws StoreDamaged; WriteFailed
   */
  async begin(): Promise<void> {
    const { state, begun } = this.#store
    if (begun && [headKey, livesKey].some((key) => state.get(key) === undefined)) {
      throw new StoreDamaged('what it had is gone')
    }
    const { standing } = await written(this.#store, () => {
      const before = this.read()
      const standing = { ...before, first: firstIn(this.#store, before.head) }
      const kept = this.#readLives()
      if (kept?.file !== this.#file) {
        this.#lives.push({ epoch: newEpoch(this.#now()), first: standing.head + 1 })
      }
      return {
        standing,
        put: () => {
          this.putLives(standing.first)
          this.put(standing)
        },
      }
    })
    if (!begun) this.#store.begin()
    this.wrote(standing)
    this.refresh()
  }

  /** Where the log stands now, in a write as of this write. Once closed, where it stood last. */
  read(): Standing {
    // Where nobody else writes, it need not be read: a push pays for each look at the store.
    const { isOpen, isShared, state } = this.#store
    if (this.#standing !== undefined && !(isOpen && isShared)) return this.#standing
    const row = state.get(headKey)
    if (row === undefined) return { head: 0, first: 1, bytes: 0, newestGone: 0 }
    return (this.#standing = {
      head: row.readDoubleLE(0),
      bytes: row.readDoubleLE(8),
      newestGone: row.readDoubleLE(16),
      // One that was written by an earlier version is made whole when the log is opened.
      first: row.length > 24 ? row.readDoubleLE(24) : 1,
    })
  }

  /** Puts where the log will stand into the write under way. */
  put({ head, first, bytes, newestGone }: Standing): void {
    const row = Buffer.allocUnsafe(40)
    for (const [index, number] of [head, bytes, newestGone, first, this.#writer].entries()) {
      row.writeDoubleLE(number, index * 8)
    }
    void this.#store.state.put(headKey, row)
  }

  /** Notes that a write is done which left the log standing so. */
  wrote(standing: Standing): void {
    this.#standing = standing
  }

  /** Whether the store stands at a sequence, and by a write of this process. */
  isOwn(head: number): boolean {
    const row = this.#store.state.get(headKey)
    return row?.readDoubleLE(0) === head && row.readDoubleLE(32) === this.#writer
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
  putLives(firstRetained: number): void {
    const next = this.#lives.findIndex(({ first }) => first > firstRetained)
    const lives = this.#lives.slice(Math.max(0, (next === -1 ? this.#lives.length : next) - 1))
    const kept: KeptLives = { file: this.#file, lives }
    void this.#store.state.put(livesKey, Buffer.from(JSON.stringify(kept)))
  }

  /** Takes in what was written of the lives. */
  refresh(): void {
    this.#readLives()
  }

  #readLives(): KeptLives | undefined {
    const row = this.#store.state.get(livesKey)
    if (row === undefined) return undefined
    const kept = JSON.parse(row.toString('utf8')) as KeptLives
    if (this.#livesRow?.equals(row) !== true) this.#lives = [...kept.lives]
    this.#livesRow = row
    return kept
  }

  get #file(): number {
    return statSync(this.#store.dataFile).ino
  }
}

/** The oldest sequence that a store has; the next of the head if it has none. */
function firstIn({ segments }: Store, head: number): number {
  const [oldest] = segments.getRange({ limit: 1 })
  const [newest] = segments.getRange({ reverse: true, limit: 1 })
  if (oldest === undefined || newest === undefined) return head + 1
  if (lastOfSegment(newest.value) !== head) throw new StoreDamaged('its newest events are gone')
  return sequenceOfKey(oldest.key)
}
