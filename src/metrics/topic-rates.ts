import type { Ring } from '../hub/ring.js'
import { largest } from './largest.js'

/** How many events a second a topic got. */
export interface TopicRate {
  readonly topic: string
  readonly perSecond: number
}

const mostTopics = 100
/** How far it is looked back: in milliseconds, and in events, since it is done while others wait. */
const spanMs = 10_000
const mostEvents = 5_000

/**
 * The topics that got most events in the last ten seconds, the busiest first. Nothing is counted when
 * an event comes: the newest of the ring are looked at when this is asked for. Where more than 5,000
 * came, it is the rate of those.
 *
 * @param now milliseconds since the Unix epoch.
 */
export function busiestTopics(ring: Ring, now: number): readonly TopicRate[] {
  const counts = new Map<string, number>()
  // Times of one form are in order as texts, and none has to be parsed.
  const since = new Date(now - spanMs).toISOString()
  const first = Math.max(ring.first, ring.next - mostEvents)
  let sequence = ring.next - 1
  for (; sequence >= first; sequence--) {
    const { event } = ring.entry(sequence)
    if (event.time < since) break
    for (const topic of event.topics) counts.set(topic, (counts.get(topic) ?? 0) + 1)
  }
  // Where events are left out, those that were counted came within less.
  const isCut = sequence < first && first > 1 && first < ring.next
  const oldest = isCut ? Date.parse(ring.entry(first).event.time) : now - spanMs
  const seconds = Math.min(spanMs, Math.max(1_000, now - oldest)) / 1_000
  const busiest = largest(counts, ([, events]) => events, mostTopics)
  return busiest.map(([topic, events]) => ({
    topic,
    perSecond: Math.round((events / seconds) * 10) / 10,
  }))
}
