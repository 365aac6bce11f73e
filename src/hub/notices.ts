import type { Life, Retained } from './event-log.js'
import type { Reach } from './eviction-horizon.js'
import { idOfPlace, reachOf, type Hole, type Start } from './resume.js'
import type { Ring } from './ring.js'
import { mayHaveMissed } from './selection.js'
import type { HubStats } from './stats.js'
import type { Farewell, Stream } from './stream.js'
import { missedFrom, noteGap } from './told-gaps.js'
import type { ControlEvent, ControlFields, Frame } from './wire-format.js'

/** The shortest and the longest time after which a client comes back, in milliseconds. */
const retry = { from: 2000, to: 4000 }
/** The same for one that was turned away: what is full is not empty again in a moment. */
const retryOverLimit = { from: 15_000, to: 45_000 }

/** What notices are made of. */
export interface NoticeParts {
  readonly ring: Ring
  readonly lives: () => readonly Life[]
  /** What the log keeps beyond the ring. */
  readonly retained: Retained | undefined
  readonly stats: HubStats
  readonly node: string
  readonly heartbeatMs: number
  readonly random: () => number
  /** The hub's clock, in milliseconds. */
  readonly now: () => number
}

/** Makes what the service tells a client about its stream, beside the events. */
export class Notices {
  readonly #parts: NoticeParts

  constructor(parts: NoticeParts) {
    this.#parts = parts
  }

  /** The id of a stream: `<node>.<number>`. */
  streamId(stream: Stream): string {
    return `${this.#parts.node}.${stream.number}`
  }

  /** The id of a place in the log; undefined for a log whose events have none. */
  idOf(sequence: number): string | undefined {
    return idOfPlace(this.#parts.lives(), sequence)
  }

  /** When a client should come back, in milliseconds; not all at once. */
  retryMs({ from, to } = retry): number {
    return Math.round(from + this.#parts.random() * (to - from))
  }

  /** How a stream ends that is one too many. */
  overLimit(): Farewell {
    return { reason: 'limit', reconnect: true, retryMs: this.retryMs(retryOverLimit) }
  }

  /** All that such a stream is sent: when to come back, and why if its client wants to know. */
  turnedAway(stream: Stream): Frame {
    const { format } = stream.transport
    return this.bye(stream) ?? format.frame([format.quietOpen(stream.farewell!.retryMs)])
  }

  /** The first that a stream is sent: where it begins, and the hole before that if there is one. */
  opening(stream: Stream, { place, gap }: Start): Frame {
    const { stats, lives } = this.#parts
    const { format } = stream.transport
    const retryMs = this.retryMs()
    if (gap !== undefined) {
      noteGap(stats, stream, gap, { from: missedFrom(gap, lives()), to: place })
    }
    if (!stream.control) return format.frame([format.quietOpen(retryMs)])
    const id = this.idOf(place)
    const open: ControlEvent = {
      type: 'open',
      stream: this.streamId(stream),
      topics: stream.filter.topics,
      heartbeatMs: this.#parts.heartbeatMs,
    }
    if (gap === undefined) return format.frame([format.control(open, { id, retryMs })])
    return format.frame([
      format.control(open, { retryMs }),
      format.control({ type: 'gap', ...gap }, { id }),
    ])
  }

  /**
   * Moves a stream on that the ring has passed, and the log too if it keeps more; what to tell it, if
   * it may have missed something.
   */
  behindRing(stream: Stream): Frame | undefined {
    const { retained, ring } = this.#parts
    const reach = reachOf(ring, retained)
    return stream.cursor >= reach.first ? undefined : this.#movedOn(stream, reach)
  }

  /** The same where what the log has before the ring cannot be read. */
  unreadable(stream: Stream): Frame | undefined {
    return this.#movedOn(stream, this.#parts.ring)
  }

  #movedOn(stream: Stream, reach: Reach): Frame | undefined {
    const { stats } = this.#parts
    const from = stream.cursor
    const missed = mayHaveMissed(reach, stream, from - 1)
    stream.cursor = reach.first
    if (!missed) return undefined
    const gap: Hole = { reason: 'lagged', after: this.idOf(stream.lastSent) ?? '' }
    noteGap(stats, stream, gap, { from, to: reach.first - 1 })
    if (!stream.control) return undefined
    stream.lastSent = reach.first - 1
    return this.#frame(stream, { type: 'gap', ...gap }, { id: this.idOf(stream.lastSent) })
  }

  /** That the log has lost what a stream was sent last, if its client wants to know. */
  lost(stream: Stream): Frame | undefined {
    const gap: Hole = { reason: 'epoch', after: stream.lostAfter ?? '' }
    noteGap(this.#parts.stats, stream, gap)
    if (!stream.control) return undefined
    return this.#frame(stream, { type: 'gap', ...gap }, { id: this.idOf(stream.lastSent) })
  }

  /** A heartbeat, or a new place to resume from if the last is on its way out of what is retained. */
  heartbeat(stream: Stream): Frame | undefined {
    const { retained, ring } = this.#parts
    const head = ring.next - 1
    const id = stream.control ? this.idOf(head) : undefined
    const held = ring.next - reachOf(ring, retained).first
    if (id === undefined || head - stream.lastSent <= held / 4) {
      return stream.transport.format.heartbeat
    }
    stream.lastSent = head
    return this.#frame(stream, { type: 'cursor' }, { id })
  }

  /**
   * A new place to resume from for a client that has subscribed to more: from the last id that it was
   * sent, it would get what it was not subscribed to then. Undefined where it has that place already.
   */
  place(stream: Stream, sequence: number): Frame | undefined {
    const id = this.idOf(sequence)
    if (id === undefined || sequence <= stream.lastSent) return undefined
    stream.lastSent = sequence
    return this.#frame(stream, { type: 'cursor' }, { id })
  }

  /** That a stream's credential expires soon, if its client wants to know. */
  expiring(stream: Stream): Frame | undefined {
    if (!stream.control) return undefined
    const seconds = Math.round((stream.expiresAt - this.#parts.now()) / 1000)
    return this.#frame(stream, { type: 'expiring', inSeconds: Math.max(0, seconds) }, {})
  }

  /** The last that a stream is sent, if its client wants to know. */
  bye(stream: Stream): Frame | undefined {
    if (stream.farewell === undefined || !stream.control) return undefined
    const { reason, reconnect } = stream.farewell
    const retryMs = reconnect ? stream.farewell.retryMs : undefined
    return this.#frame(stream, { type: 'bye', reason, reconnect, retryMs }, { retryMs })
  }

  #frame(stream: Stream, event: ControlEvent, fields: ControlFields): Frame {
    const { format } = stream.transport
    return format.frame([format.control(event, fields)])
  }
}
