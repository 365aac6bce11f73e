import { setImmediate as turnEnd, setTimeout as pause } from 'node:timers/promises'
import { blockEvents, type Follower } from '../hub/event-log.js'
import type { AcceptedEvent } from '../hub/event.js'
import type { KeyMemory } from './key-memory.js'
import type { LogState } from './log-state.js'
import type { RetainedSegments } from './retained-segments.js'
import type { Store } from './store.js'

/** How long until it is asked again whether the ring has room, in milliseconds. */
const roomMs = 5

/** Tells the events of a file log in their order, each once: what this process wrote, and others did. */
export class FileFollower {
  readonly #store: Store
  readonly #state: LogState
  readonly #retained: RetainedSegments
  readonly #keys: KeyMemory
  #listener: ((events: readonly AcceptedEvent[]) => void) | undefined
  #follower: Follower | undefined
  #reading: Promise<void> | undefined
  #waitsForRoom = true
  #stopped = false

  /** The last sequence that was told. */
  head: number

  /** @param keys learns the keys of what other processes wrote. */
  constructor(store: Store, state: LogState, retained: RetainedSegments, keys: KeyMemory) {
    this.#store = store
    this.#state = state
    this.#retained = retained
    this.#keys = keys
    this.head = state.read().head
  }

  /** Whether there is somebody to tell. */
  get isFollowed(): boolean {
    return this.#listener !== undefined
  }

  /** Names who is told. */
  follow(listener: (events: readonly AcceptedEvent[]) => void, follower?: Follower): void {
    this.#listener = listener
    this.#follower = follower
  }

  /** From now on what is told waits for no room: the log is about to close. */
  hurry(): void {
    this.#waitsForRoom = false
  }

  /** Reads nothing more, and resolves once no read is under way. */
  async stop(): Promise<void> {
    this.#stopped = true
    await this.#reading
  }

  /** Reads on to the end of the log, a block a turn, as there is room for it. */
  readOn(): Promise<void> {
    return (this.#reading ??= this.#readAll().finally(() => {
      this.#reading = undefined
    }))
  }

  /** Resolves once a sequence was told that the store has, or the log is closed. */
  async reach(sequence: number): Promise<void> {
    while (this.head < sequence && !this.#stopped) await this.readOn()
  }

  /** The next events after a sequence, up to the end of a block; their keys are known from now on. */
  after(sequence: number): readonly AcceptedEvent[] {
    const events = this.#retained.after(sequence)
    for (const event of events) this.#keys.remember(event)
    return events
  }

  /** Tells events, those of them that have not been told; of a shared log as many as there is room for. */
  async tell(events: readonly AcceptedEvent[]): Promise<void> {
    for (let next = this.#news(events); next.length > 0; next = this.#news(next)) {
      const part = next.slice(0, blockEvents)
      const count = this.#follower?.fits(part) ?? next.length
      if (count > 0 || !this.#waitsForRoom) {
        const fitting = count > 0 ? next.slice(0, count) : next
        this.head = fitting.at(-1)!.sequence
        this.#listener?.(fitting)
      } else await pause(roomMs)
    }
  }

  async #readAll(): Promise<void> {
    for (;;) {
      this.#store.root.resetReadTxn()
      const { head, first } = this.#state.read()
      if (head === this.head || this.#stopped) return
      if (first > this.head + 1) this.#skipTo(first)
      else await this.tell(this.after(this.head))
      await turnEnd()
    }
  }

  /** Goes on where the log begins now: what came before was deleted, and not told here. */
  #skipTo(first: number): void {
    const [common, former] = [this.head, this.#state.lives(this.head)]
    this.head = first - 1
    this.#follower?.restart({ newest: [], common, former })
  }

  /** Those of some events that have not been told: they may have been read while they were written. */
  #news(events: readonly AcceptedEvent[]): readonly AcceptedEvent[] {
    if (events.length === 0 || events[0]!.sequence > this.head) return events
    return events.slice(this.head + 1 - events[0]!.sequence)
  }
}
