import type { EndReason } from './stream.js'
import type { Transport } from './transport.js'
import type { GapReason } from './wire-format.js'

/** What was done for the streams of one kind of transport. */
export interface TransportStats {
  /** Streams opened, those counted that were over a limit and ended at once. */
  opened: number
  /** Events written to streams. */
  deliveries: number
  /** Bytes written to streams, events and control events. */
  bytes: number
}

/** What a hub has done since it began; counts that only grow. */
export interface HubStats {
  readonly transports: Record<Transport['kind'], TransportStats>
  /** Streams ended, by why. */
  readonly closed: Record<EndReason, number>
  /** Events accepted of those who pushed to this process, repeats of a key not counted. */
  accepted: number
  /** Pushes answered as repeats of a key. */
  duplicates: number
  /** Pushes refused because the ring held only events not yet fanned out. */
  busy: number
  /** Pushes refused because their client had pushed too much in a second. */
  rateLimited: number
  /** Writes that carried events. */
  writes: number
  /** How often a connection took no more and its stream was parked. */
  stalls: number
  /** Holes that streams were told of, by why. */
  readonly gaps: Record<GapReason, number>
}

/** All counts at zero. */
export function newHubStats(): HubStats {
  return {
    transports: {
      sse: { opened: 0, deliveries: 0, bytes: 0 },
      websocket: { opened: 0, deliveries: 0, bytes: 0 },
    },
    closed: {
      client: 0,
      refused: 0,
      shutdown: 0,
      expired: 0,
      revoked: 0,
      limit: 0,
      rebalance: 0,
      'dead-peer': 0,
      stalled: 0,
    },
    accepted: 0,
    duplicates: 0,
    busy: 0,
    rateLimited: 0,
    writes: 0,
    stalls: 0,
    gaps: { evicted: 0, epoch: 0, unknown: 0, lagged: 0 },
  }
}
