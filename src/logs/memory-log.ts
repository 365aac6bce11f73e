import { RingcastError } from '../errors.js'
import { newEpoch } from '../hub/event-id.js'
import type { EventLog, Life, Receipt, Retained } from '../hub/event-log.js'
import type { AcceptedEvent, EventDraft } from '../hub/event.js'
import { KeyMemory } from './key-memory.js'

/**
 * A log that lives and dies with the process. It keeps nothing of an event itself: what can be read
 * again is what the ring holds.
 */
export class MemoryLog implements EventLog {
  readonly #epoch: string
  readonly #now: () => number
  readonly #keys: KeyMemory
  #listener: (events: readonly AcceptedEvent[]) => void = () => {}
  #head = 0
  #closed = false

  readonly retained: Retained | undefined = undefined
  readonly revocations = undefined
  readonly problem = undefined
  readonly shared = undefined

  /**
   * @param options.epoch the name of its life; by default a new one. Empty: its events have no ids.
   * @param options.now the wall clock, in milliseconds since the Unix epoch.
   */
  constructor({ epoch, now = Date.now }: { epoch?: string; now?: () => number } = {}) {
    this.#now = now
    this.#epoch = epoch ?? newEpoch(now())
    this.#keys = new KeyMemory(now)
  }

  get head(): number {
    return this.#head
  }

  get lives(): readonly Life[] {
    return [{ epoch: this.#epoch, first: 1, last: this.#head }]
  }

  append(batch: readonly EventDraft[]): Promise<readonly Receipt[]> {
    // A promise's own function: what it throws is a rejection.
    return new Promise((resolve) => {
      resolve(this.#append(batch))
    })
  }

  follow(listener: (events: readonly AcceptedEvent[]) => void): void {
    this.#listener = listener
  }

  close(): Promise<void> {
    this.#closed = true
    return Promise.resolve()
  }

  #append(batch: readonly EventDraft[]): readonly Receipt[] {
    if (this.#closed) throw new RingcastError('RINGCAST_LOG_UNAVAILABLE', 'the log is closed')
    const time = new Date(this.#now()).toISOString()
    const events: AcceptedEvent[] = []
    const receipts = this.#keys.receipts(batch, (draft) => {
      const sequence = this.#head + events.length + 1
      // Field by field: spreading the draft was a sixth of what a push in a large batch costs.
      const { topics, users, event, data, json, key } = draft
      events.push({ topics, users, event, data, json, key, epoch: this.#epoch, sequence, time })
      return { epoch: this.#epoch, sequence }
    })
    this.#head += events.length
    if (events.length > 0) this.#listener(events)
    return receipts
  }
}
