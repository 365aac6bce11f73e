import { blockEvents, type EventLog, type Retained } from './event-log.js'
import type { AcceptedEvent } from './event.js'
import { bytesOfAll } from './ring.js'

/** A log, or as much of one as has to be known of it. */
export interface NewestSource {
  readonly head: number
  readonly retained: Pick<Retained, 'first' | 'read'> | undefined
}

/**
 * What a ring begins with, of a log that may become another one while it is read: then of that.
 *
 * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE`.
 */
export async function ringBegins(
  log: Pick<EventLog, 'head' | 'lives' | 'retained'>,
  ringEvents: number,
  ringBytes: number,
): Promise<readonly AcceptedEvent[]> {
  for (;;) {
    const { head, lives } = log
    try {
      return await newestPart(log, ringEvents, ringBytes)
    } catch (error) {
      if (log.head === head && log.lives.at(-1)?.epoch === lives.at(-1)?.epoch) throw error
    }
  }
}

/**
 * The newest events of a log, as many as a ring holds: what it begins with when the process starts.
 *
 * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE`.
 */
export async function newestPart(
  { head, retained }: NewestSource,
  ringEvents: number,
  ringBytes: number,
): Promise<readonly AcceptedEvent[]> {
  if (retained === undefined) return []
  const parts: (readonly AcceptedEvent[])[] = []
  let [events, bytes] = [0, 0]
  for (let next = head; next >= retained.first && events < ringEvents && bytes < ringBytes;) {
    const blockStart = Math.floor(next / blockEvents) * blockEvents
    const block: AcceptedEvent[] = []
    // A block of large events takes several reads.
    for (let from = Math.max(blockStart, retained.first); from <= next;) {
      const events = await retained.read(from)
      const part = events.filter(({ sequence }) => sequence >= from && sequence <= next)
      // Deleted meanwhile.
      if (part.length === 0) break
      block.push(...part)
      from = block.at(-1)!.sequence + 1
    }
    parts.push(block)
    events += block.length
    bytes += bytesOfAll(block)
    next = blockStart - 1
  }
  return parts.reverse().flat().slice(-ringEvents)
}
