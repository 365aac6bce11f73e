import type { Hub } from '../hub/hub.js'
import type { HubStats } from '../hub/stats.js'
import { totalOf } from './counts.js'

/** What was counted in the last hour, or since the start of a process that is younger. */
export interface HourCounts {
  readonly gaps: HubStats['gaps']
  readonly busy: number
  readonly rateLimited: number
  /** Streams turned away as one too many. */
  readonly limit: number
  readonly stalled: number
  readonly deadPeers: number
}

/** Something that happened in the last hour, for charts to mark. */
export interface Mark {
  /** RFC 3339, UTC, milliseconds; of gaps, the end of the minute that they were counted in. */
  readonly at: string
  readonly kind: 'start' | 'drain' | 'gaps'
  /** How many gaps. */
  readonly count?: number
}

const minuteMs = 60_000
const minutes = 60

/** Counts that only grow, looked at each minute, so that it is known what an hour adds to them. */
export class LastHour {
  readonly #hub: Hub
  readonly #now: () => number
  /** What was counted up to the end of each minute of the last hour, and before it. */
  readonly #counted: { readonly at: number; readonly counts: HourCounts }[] = []
  readonly #startedAt: number
  #drainAt: number | undefined

  /** @param now milliseconds since the Unix epoch. */
  constructor(hub: Hub, now: () => number = Date.now) {
    this.#hub = hub
    this.#now = now
    this.#startedAt = now()
    this.#counted.push({ at: this.#startedAt, counts: countsOf(hub.stats) })
  }

  /** Looks each minute, until the timer is cleared that it gives. */
  start(): NodeJS.Timeout {
    return setInterval(() => {
      this.look()
    }, minuteMs).unref()
  }

  /** Looks at the counts; to be called each minute. */
  look(): void {
    this.#counted.push({ at: this.#now(), counts: countsOf(this.#hub.stats) })
    if (this.#counted.length > minutes + 1) this.#counted.shift()
  }

  get counts(): HourCounts {
    return difference(countsOf(this.#hub.stats), this.#counted[0]!.counts)
  }

  /** Oldest first. */
  get marks(): readonly Mark[] {
    const now = this.#now()
    if (this.#hub.draining) this.#drainAt ??= now
    const since = now - minutes * minuteMs
    const ends = [...this.#counted, { at: now, counts: countsOf(this.#hub.stats) }]
    const gaps = ends.slice(1).flatMap(({ at, counts }, i): Mark[] => {
      const count = totalOf(counts.gaps) - totalOf(ends[i]!.counts.gaps)
      return count === 0 ? [] : [{ at: timeOf(at), kind: 'gaps', count }]
    })
    return [
      ...(this.#startedAt < since ? [] : [{ at: timeOf(this.#startedAt), kind: 'start' as const }]),
      ...gaps,
      ...(this.#drainAt === undefined
        ? []
        : [{ at: timeOf(this.#drainAt), kind: 'drain' as const }]),
    ].sort(byTime)
  }
}

function countsOf({ gaps, busy, rateLimited, closed }: HubStats): HourCounts {
  return {
    gaps: { ...gaps },
    busy,
    rateLimited,
    limit: closed.limit,
    stalled: closed.stalled,
    deadPeers: closed['dead-peer'],
  }
}

function difference(later: HourCounts, earlier: HourCounts): HourCounts {
  return combined(later, earlier, (a, b) => a - b)
}

/** The counts of two processes, added up. */
export function hoursTogether(one: HourCounts, other: HourCounts): HourCounts {
  return combined(one, other, (a, b) => a + b)
}

function combined(
  { gaps, ...counts }: HourCounts,
  { gaps: otherGaps, ...otherCounts }: HourCounts,
  combine: (a: number, b: number) => number,
): HourCounts {
  return { ...each(counts, otherCounts, combine), gaps: each(gaps, otherGaps, combine) }
}

function each<K extends string>(
  one: Readonly<Record<K, number>>,
  other: Readonly<Record<K, number>>,
  combine: (a: number, b: number) => number,
): Record<K, number> {
  const counts = { ...one } as Record<K, number>
  for (const name of Object.keys(counts) as K[]) counts[name] = combine(one[name], other[name])
  return counts
}

/** Orders marks, the oldest first. */
export function byTime(one: Mark, other: Mark): number {
  return one.at < other.at ? -1 : one.at > other.at ? 1 : 0
}

function timeOf(ms: number): string {
  return new Date(ms).toISOString()
}
