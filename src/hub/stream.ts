import type { Filter, Wants } from './filter.js'
import { noStretches, type Stretches } from './stretches.js'
import { noGaps, type ToldGap } from './told-gaps.js'
import type { Timed } from './timer-wheel.js'
import type { Transport } from './transport.js'
import type { ByeReason } from './wire-format.js'

/**
 * Where a stream is in its life. `waiting`: its client has not subscribed yet. `idle`: it has passed
 * everything up to the head. `queued`: it waits for its turn on the run queue. `reading`: it is behind
 * the ring, and waits for a part of the log to be read. `held`: it waits for what its client asked to be
 * replayed. `parked`: its connection takes no more until it drains. `ended`: nothing is written to it any
 * more.
 */
export type StreamState = 'waiting' | 'idle' | 'queued' | 'reading' | 'held' | 'parked' | 'ended'

/** Why a stream is over: as its `bye` said, what its client said, or what befell its connection. */
export type EndReason = ByeReason | 'client' | 'refused' | 'dead-peer' | 'stalled'

/** How the service ends a stream of its own accord. */
export interface Farewell {
  readonly reason: ByeReason
  /** Whether the client should come back. */
  readonly reconnect: boolean
  /** When it should, in milliseconds. */
  readonly retryMs: number
}

/**
 * One open subscriber connection: a cursor over the ring, and what it writes to. It has no queue;
 * what it has not read waits in the ring, once for all streams.
 */
export class Stream implements Wants, Timed {
  state: StreamState = 'idle'
  /**
   * The next sequence it has to look at; Infinity before its client subscribes. While idle it is not
   * kept: it counts as the head's.
   */
  cursor: number
  /** The last sequence whose id the client was sent: where it would resume from. */
  lastSent: number
  /**
   * Whether it has been keeping up: it read up to the head and was not parked since. What such a
   * stream has still to get is owed by the service's own pace, so the ring does not give it up.
   */
  keepsUp = false
  /** Whether a heartbeat is due at its next turn. */
  heartbeatDue = false
  /** The last id it was sent of a log that was lost, until its client is told so. */
  lostAfter: string | undefined
  /** What it passed with other subscriptions than it has now, where its client may change them. */
  stretches: Stretches = noStretches
  /** The first sequence that it had to look at; 0 before its client subscribes. */
  beganFrom: number
  /** The newest holes that it has. */
  gaps: readonly ToldGap[] = noGaps
  /** What is to be done at its next turn, before it goes on. */
  errand: (() => void) | undefined
  /** How it is to end, once the service wants it ended. */
  farewell: Farewell | undefined
  /** When its connection last took bytes, by the hub's clock. */
  activeAt: number
  /** When it is to move to another node for its age, by the hub's clock; Infinity if never. */
  rebalanceAt = Infinity
  /** When its client's credential expires, by the hub's clock; Infinity if never. */
  expiresAt = Infinity
  /** Whether its client was told, or is to be at the next turn, that it expires soon. */
  expiring: 'due' | 'told' | undefined
  /** The next on the run queue; the dispatcher's. */
  nextQueued: Stream | undefined

  wheelTick = -1
  wheelPrevious: Timed | undefined
  wheelNext: Timed | undefined

  /**
   * @param number its number on this node.
   * @param openedAt when it was opened: milliseconds since the Unix epoch.
   */
  constructor(
    readonly number: number,
    public filter: Filter,
    readonly user: string | undefined,
    readonly control: boolean,
    readonly transport: Transport,
    readonly openedAt: number,
    start: { cursor: number; place: number; now: number },
  ) {
    this.cursor = start.cursor
    // Infinity would have V8 keep the number beside the object, of every stream.
    this.beganFrom = start.cursor === Infinity ? 0 : start.cursor
    this.lastSent = start.place
    this.activeAt = start.now
  }

  /** Whether its client has subscribed. */
  get begun(): boolean {
    return this.cursor !== Infinity
  }
}
