import type { Life, Retained } from './event-log.js'
import { formatEventId, parseEventId } from './event-id.js'
import type { Reach } from './eviction-horizon.js'
import type { Wants } from './filter.js'
import type { Ring } from './ring.js'
import { mayHaveMissed, newestWanted } from './selection.js'
import type { GapReason } from './wire-format.js'

/** Where a client wants to begin. */
export interface StartRequest {
  /** The last id that it has, or `earliest`. */
  readonly lastEventId?: string | undefined
  /** Without an id: how many of the newest events to begin with. */
  readonly last?: number | undefined
  /** Where `last` was found to begin, if the log had to be asked. */
  readonly startAt?: number | undefined
}

/** A hole in what a client is sent: why, and after which id. */
export interface Hole {
  readonly reason: GapReason
  readonly after: string
}

/** Where a stream begins, and what it has to be told of it. */
export interface Start {
  /** The first sequence that it has to look at. */
  readonly cursor: number
  /** The sequence of the place that it goes on from. */
  readonly place: number
  /** The hole before that place, if there is one. */
  readonly gap?: Hole
}

/** An unknown id is told back to the client that sent it, but no more of it than this. */
export const maxEchoedId = 128

/** The id of a place: the epoch is that of the life whose stretch of the log it ends or lies in. */
export function idOfPlace(lives: readonly Life[], sequence: number): string | undefined {
  const life = lives.findLast((candidate) => candidate.first - 1 <= sequence) ?? lives[0]!
  return life.epoch === '' ? undefined : formatEventId(life.epoch, sequence)
}

/** How far back events are kept: by the log, or by the ring where the log keeps less. */
export function reachOf(ring: Ring, retained: Retained | undefined): Reach {
  return retained === undefined || retained.first > ring.first ? ring : retained
}

/**
 * Finds where a stream begins. To resume is to read an id, not to look it up.
 *
 * @param retained what the log keeps beyond the ring.
 */
export function findStart(
  ring: Ring,
  lives: readonly Life[],
  wants: Wants,
  request: StartRequest,
  retained?: Retained,
): Start {
  const { lastEventId, last, startAt } = request
  const reach = reachOf(ring, retained)
  if (lastEventId === 'earliest') return from(reach.first)
  if (lastEventId !== undefined) return resume(ring, reach, lives, wants, lastEventId)
  const start = startAt ?? newestWanted(ring, wants, last ?? 0).at(-1) ?? ring.next
  // What was looked up may be of a log that was lost meanwhile.
  return from(Math.min(start, ring.next))
}

function resume(ring: Ring, reach: Reach, lives: readonly Life[], wants: Wants, id: string): Start {
  const after = id.slice(0, maxEchoedId)
  const place = parseEventId(id)
  if (place === undefined) return { ...from(ring.next), gap: { reason: 'unknown', after } }
  const life = lives.find(({ epoch }) => epoch === place.epoch)
  if (life === undefined) return { ...from(reach.first), gap: { reason: 'epoch', after } }
  if (place.sequence > Math.min(life.last, life.sure ?? Infinity)) {
    return { ...from(Math.max(life.last + 1, reach.first)), gap: { reason: 'epoch', after } }
  }
  if (mayHaveMissed(reach, wants, place.sequence)) {
    return { ...from(reach.first), gap: { reason: 'evicted', after } }
  }
  return { cursor: Math.max(place.sequence + 1, reach.first), place: place.sequence }
}

function from(cursor: number): Start {
  return { cursor, place: cursor - 1 }
}
