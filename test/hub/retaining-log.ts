import { setImmediate as turnEnd } from 'node:timers/promises'
import { blockEvents, type EventLog, type Retained } from '../../dist/hub/event-log.js'
import type { AcceptedEvent, EventDraft } from '../../dist/hub/event.js'
import { EvictionHorizon } from '../../dist/hub/eviction-horizon.js'
import { MemoryLog } from '../../dist/logs/memory-log.js'

/**
 * A log that keeps so many events beyond the ring, as a durable one does: appends take a while, and
 * so does reading.
 */
export class RetainingLog implements EventLog {
  readonly #log = new MemoryLog({ epoch: 'e', now: () => 0 })
  readonly #events: AcceptedEvent[] = []
  readonly #horizon = new EvictionHorizon(1024)
  #first = 1

  readonly revocations = undefined
  readonly problem = undefined
  readonly shared = undefined
  readonly retained: Retained

  /** @param onRead told each read. */
  constructor(count: number, onRead: () => void) {
    const first = (): number => this.#first
    const events = this.#events
    this.retained = {
      horizon: this.#horizon,
      get first() {
        return first()
      },
      async read(from) {
        onRead()
        await turnEnd()
        const start = Math.max(from, first())
        const end = (Math.floor(start / blockEvents) + 1) * blockEvents
        return events.slice(start - 1, end - 1)
      },
      next: async ({ topics, user }, from) => {
        const names = new Set(topics)
        return events.slice(Math.max(from, first()) - 1).find((event) => isOf(event, names, user))
          ?.sequence
      },
      newest: async ({ topics, user }, most) => {
        const names = new Set(topics)
        const kept = events.slice(first() - 1)
        const own = kept.filter((event) => isOf(event, names, user))
        return own
          .map(({ sequence }) => sequence)
          .slice(-most)
          .reverse()
      },
    }
    this.#keep = count
  }

  readonly #keep: number

  get head(): number {
    return this.#log.head
  }

  get lives() {
    return this.#log.lives
  }

  async append(batch: readonly EventDraft[]) {
    await turnEnd()
    return this.#log.append(batch)
  }

  follow(listener: (events: readonly AcceptedEvent[]) => void): void {
    this.#log.follow((events) => {
      this.#events.push(...events)
      for (; this.#first <= this.#events.length - this.#keep; this.#first++) {
        const { topics, users } = this.#events[this.#first - 1]!
        this.#horizon.evicted(this.#first, topics, users)
      }
      listener(events)
    })
  }

  close(): Promise<void> {
    return this.#log.close()
  }
}

function isOf(event: AcceptedEvent, topics: ReadonlySet<string>, user: string | undefined) {
  return event.topics.some((name) => topics.has(name)) || event.users.some((name) => name === user)
}
