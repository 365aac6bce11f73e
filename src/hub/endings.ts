import type { Dispatcher } from './dispatcher.js'
import type { Notices } from './notices.js'
import type { Ring } from './ring.js'
import type { HubStats } from './stats.js'
import type { StreamMap } from './stream-map.js'
import type { StreamTimes } from './stream-times.js'
import type { EndReason, Farewell, Stream } from './stream.js'

/** What endings are made with. */
export interface EndingParts {
  readonly ring: Ring
  readonly streams: StreamMap
  readonly stats: HubStats
  readonly dispatcher: Dispatcher
  readonly notices: Notices
  readonly times: () => StreamTimes
  readonly random: () => number
  /** Told each stream that is over, and why, once. */
  readonly onEnd: ((stream: Stream, reason: EndReason) => void) | undefined
}

/** How streams come to their end: by their client, by what befell it, or by the service. */
export class Endings {
  readonly #parts: EndingParts

  constructor(parts: EndingParts) {
    this.#parts = parts
  }

  /** Notes that a stream's connection is gone. Told once or more; the first counts. */
  closed(stream: Stream): void {
    // One that did not wait for its bye, or was cut off, was ended by the service all the same.
    this.#over(stream, stream.farewell?.reason ?? 'client')
    this.#parts.times().closed(stream)
  }

  /** Ends a stream whose client can't be reached any more. */
  lost(stream: Stream, reason: 'dead-peer' | 'stalled'): void {
    this.#over(stream, reason)
    stream.transport.destroy()
  }

  /** Notes that a stream's connection is being closed for what its client has asked or said. */
  refused(stream: Stream): void {
    this.#over(stream, 'refused')
    this.#parts.times().farewell(stream)
  }

  /** Ends a stream of the service's own accord: a `bye`, then the end of the connection. */
  end(
    stream: Stream,
    reason: Farewell['reason'],
    reconnect: boolean,
    retryMs = this.#parts.notices.retryMs(),
  ): void {
    if (stream.state === 'ended' || stream.farewell !== undefined) return
    stream.farewell = { reason, reconnect, retryMs }
    // A shutdown has a time of its own, and lets a slow reader use it.
    if (reason !== 'shutdown') this.#parts.times().farewell(stream)
    this.#parts.dispatcher.attend(stream)
  }

  /** Ends a stream whose turn has come. */
  sayFarewell(stream: Stream): void {
    const bye = this.#parts.notices.bye(stream)
    if (bye !== undefined) this.#parts.dispatcher.write(stream, bye)
    const { reason } = stream.farewell!
    this.#over(stream, reason)
    stream.transport.end(reason)
  }

  /** Says goodbye to every stream, and cuts off who is not gone by the deadline. */
  async endAll(drainMs: number, deadline: Promise<void>): Promise<void> {
    const { streams, random } = this.#parts
    const times = this.#parts.times()
    for (const stream of streams.values()) {
      this.end(stream, 'shutdown', true, Math.round(500 + random() * drainMs))
    }
    await Promise.race([times.allClosed(), deadline])
    for (const stream of times.values()) {
      this.#over(stream, 'shutdown')
      stream.transport.destroy()
    }
    times.stop()
  }

  #over(stream: Stream, reason: EndReason): void {
    if (stream.state === 'ended') return
    // How far it came is asked for after its end.
    if (stream.state === 'idle') stream.cursor = this.#parts.ring.next
    stream.state = 'ended'
    this.#parts.streams.remove(stream)
    this.#parts.stats.closed[reason]++
    this.#parts.onEnd?.(stream, reason)
  }
}
