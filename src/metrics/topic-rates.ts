import type { Ring } from '../hub/ring.js'

/** How many events a second a topic got. */
export interface TopicRate {
  readonly topic: string
  readonly perSecond: number
}

const mostTopics = 100
/** How far it is looked back: in milliseconds, and in events, since it is done while others wait. */
const spanMs = 10_000
const mostEvents = 5_000

/** The topics that got most events in the last ten seconds, the busiest first. */
export function busiestTopics(ring: Ring, now: number): readonly TopicRate[] {
  const counts = new Map<string, number>()
  const since = now - spanMs
  const first = Math.max(ring.first, ring.next - mostEvents)
  let oldest = now
  for (let sequence = ring.next - 1; sequence >= first; sequence--) {
    const { event } = ring.entry(sequence)
    const at = Date.parse(event.time)
    if (at < since) {
      oldest = since
      break
    }
    oldest = at
    for (const topic of event.topics) counts.set(topic, (counts.get(topic) ?? 0) + 1)
  }
  // Where more came than are looked at, they came within less.
  const cut = first === ring.next - mostEvents && oldest > since
  const seconds = (cut ? Math.max(1, now - oldest) : spanMs) / 1000
  return Array.from(counts, ([topic, events]) => ({ topic, perSecond: round(events / seconds) }))
    .sort((a, b) => b.perSecond - a.perSecond)
    .slice(0, mostTopics)
}

function round(rate: number): number {
  return Math.round(rate * 10) / 10
}
