import type { BlockCache } from './block-cache.js'
import type { Place } from './event-id.js'
import type { EventLog } from './event-log.js'
import type { AcceptedEvent } from './event.js'
import type { Ring } from './ring.js'

/**
 * Where the event of an id is. `retained`: it can be read. `evicted`: it was, and is gone. `ahead`: the
 * log goes on in this life, and has not come so far. `unknown`: no log that is known has had it.
 */
export type EventPlace = 'retained' | 'evicted' | 'ahead' | 'unknown'

/** What is known of the event of an id. */
export interface FoundEvent {
  readonly place: EventPlace
  /** Only where it is retained. */
  readonly event?: AcceptedEvent
}

/** Where events are looked for. */
export interface EventSources {
  readonly ring: Ring
  readonly log: EventLog
  /** The log behind the ring, if it keeps more. */
  readonly blocks: BlockCache | undefined
}

/**
 * Finds the event of an id: in the ring, else in the log behind it. A place that this node has not
 * come to yet is waited for, as a client is that comes from another node.
 *
 * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE`.
 */
export async function findEvent(
  { ring, log, blocks }: EventSources,
  place: Place,
): Promise<FoundEvent> {
  const { epoch, sequence } = place
  if (sequence >= ring.next) await log.shared?.reach(place)
  const { lives } = log
  const life = lives.find((each) => each.epoch === epoch)
  if (life === undefined || sequence < life.first) return { place: 'unknown' }
  if (sequence > Math.min(life.last, life.sure ?? Infinity)) {
    return { place: life === lives.at(-1) ? 'ahead' : 'unknown' }
  }
  if (sequence >= ring.next) return { place: 'ahead' }
  const from =
    sequence >= ring.first
      ? ring
      : sequence >= (log.retained?.first ?? Infinity)
        ? await blocks?.load(sequence)
        : undefined
  // It may have been deleted meanwhile, or lost together with its log.
  const isThere = from !== undefined && sequence >= from.first && sequence < from.next
  const event = isThere ? from.entry(sequence).event : undefined
  return event?.epoch === epoch ? { place: 'retained', event } : { place: 'evicted' }
}
