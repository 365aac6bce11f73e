import { parseEventId } from './event-id.js'
import type { Life } from './event-log.js'
import type { Hole } from './resume.js'
import type { HubStats } from './stats.js'
import type { Stream } from './stream.js'

/** A hole that a stream has, and what of the log is in it. */
export interface ToldGap extends Hole {
  /** When it was told: milliseconds since the Unix epoch. */
  readonly at: number
  /** The first sequence that the stream may have missed. */
  readonly from: number
  /** The last one; less than `from` where the hole is of a log that is lost, or of a replay. */
  readonly to: number
}

/** Of a stream without any, as nearly all are: they share it. */
export const noGaps: readonly ToldGap[] = []

/** How many a stream remembers. */
const mostGaps = 4
/** In no part of the log that goes on. */
const nowhere = { from: 0, to: -1 }

/** Counts a hole of a stream, and has the stream remember it. */
export function noteGap(
  { gaps }: HubStats,
  stream: Stream,
  { reason, after }: Hole,
  { from, to }: Pick<ToldGap, 'from' | 'to'> = nowhere,
): void {
  gaps[reason]++
  stream.gaps = [...stream.gaps, { reason, after, at: Date.now(), from, to }].slice(-mostGaps)
}

/** The first sequence in the hole that a stream begins with. */
export function missedFrom({ reason, after }: Hole, lives: readonly Life[]): number {
  const place = parseEventId(after)
  // Of an id that is not known it is not known either how much came after it.
  if (place === undefined) return 0
  if (reason === 'evicted') return place.sequence + 1
  const life = lives.find(({ epoch }) => epoch === place.epoch)
  return life === undefined ? 0 : life.last + 1
}

/** What of the log is in the holes, after it has lost what came after `common`. */
export function restartedGaps(gaps: readonly ToldGap[], common: number): readonly ToldGap[] {
  if (gaps.length === 0) return gaps
  return gaps.map((gap) => ({ ...gap, to: Math.min(gap.to, common) }))
}
