import { RingcastError } from '../errors.js'
import type { Dispatcher } from './dispatcher.js'
import type { EventLog, Receipt } from './event-log.js'
import type { AcceptedEvent, EventDraft } from './event.js'
import type { Ring } from './ring.js'
import { Room } from './room.js'
import type { HubStats } from './stats.js'
import type { StreamMap } from './stream-map.js'
import type { Stream } from './stream.js'

/** How long between two looks at how long an append takes, in milliseconds. */
const appendLookMs = 10

/** What a publisher is made with. */
export interface PublisherParts {
  readonly log: EventLog
  readonly ring: Ring
  readonly streams: StreamMap
  readonly dispatcher: Dispatcher
  readonly stats: HubStats
  /** The hub's clock, in milliseconds. */
  readonly now: () => number
  /** Told how long the log took to accept a push, in milliseconds; of a sample. */
  readonly onAppended: ((ms: number) => void) | undefined
}

/** The way of an event: into the log, from there into the ring, and to the streams that it concerns. */
export class Publisher {
  readonly #parts: PublisherParts
  /** Sees to it that the ring has room for what is on its way. */
  readonly room: Room
  /** From when on it is told again how long an append took. */
  #appendLookAt = 0
  #stopped = false

  constructor(parts: PublisherParts) {
    this.#parts = parts
    const { ring, dispatcher, log, stats } = parts
    this.room = new Room(ring, dispatcher, log.shared !== undefined, stats)
  }

  /** Whether nothing is accepted any more. */
  get stopped(): boolean {
    return this.#stopped
  }

  /** Accepts nothing from now on. */
  stop(): void {
    this.#stopped = true
  }

  /**
   * Accepts events, all or none. It resolves when the log has them; delivery goes on by itself.
   *
   * @throws RingcastError `RINGCAST_BUSY`, `RINGCAST_DRAINING`, `RINGCAST_BODY_TOO_LARGE`, or what
   * the log's `append` throws.
   */
  async publish(batch: readonly EventDraft[]): Promise<readonly Receipt[]> {
    if (this.#stopped) {
      throw new RingcastError('RINGCAST_DRAINING', 'this node is shutting down: push to another', {
        retryAfterSeconds: 1,
      })
    }
    const { log, now, onAppended, stats } = this.#parts
    // The targeted shape pays for each function that is waited for between here and the log.
    const bytes = this.room.enter(batch)
    const began = now()
    let receipts
    try {
      receipts = await log.append(batch)
    } finally {
      this.room.leave(batch.length, bytes)
    }
    if (began >= this.#appendLookAt) {
      this.#appendLookAt = began + appendLookMs
      onAppended?.(now() - began)
    }
    for (const { duplicate } of receipts) {
      if (duplicate) stats.duplicates++
      else stats.accepted++
    }
    return receipts
  }

  /** Takes what the log tells into the ring, and wakes the streams that it concerns. */
  fanOut(events: readonly AcceptedEvent[]): void {
    const { ring, streams, dispatcher } = this.#parts
    for (const event of events) ring.append(event)
    // Of a batch, the first event of a topic wakes; its streams read the others when they get there,
    // since no turn comes before all are in the ring. The batches shape pays for it.
    const seen = events.length > 1 ? new Set<string>() : undefined
    for (const { topics, users, sequence } of events) {
      const wake = (stream: Stream): void => {
        dispatcher.wake(stream, sequence)
      }
      for (const topic of topics) if (isFirst(seen, `t${topic}`)) streams.visitTopic(topic, wake)
      for (const user of users) if (isFirst(seen, `u${user}`)) streams.visitUser(user, wake)
    }
  }
}

function isFirst(seen: Set<string> | undefined, name: string): boolean {
  if (seen === undefined) return true
  if (seen.has(name)) return false
  seen.add(name)
  return true
}
