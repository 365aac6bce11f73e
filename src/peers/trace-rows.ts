import type { EndReason } from '../hub/stream.js'
import type { ToldGap } from '../hub/told-gaps.js'
import type { Outcome, TracedEvent } from '../hub/trace.js'
import { addedUp } from '../metrics/counts.js'
import { largest } from '../metrics/largest.js'
import type { StreamRow } from '../metrics/rows.js'

/** What is traced: an event, whose streams, which stream; at least one of them. */
export interface TraceRequest {
  readonly event: TracedEvent | undefined
  readonly user: string | undefined
  readonly stream: string | undefined
  /** The most open streams, and the most that ended, that are listed. */
  readonly limit: number
}

/** What became of the event at a stream; nothing of it where no event is traced. */
export interface OutcomeFields {
  /** Not there where it is not known any more what the event, or the stream, was for. */
  readonly outcome?: Outcome | undefined
  /** By what the event concerned the stream; null if it did not, or that is not known. */
  readonly by?: 'topic' | 'user' | null
  /** A sentence that says why. */
  readonly why?: string
}

/** A hole that a stream has. */
export interface GapRow extends Pick<ToldGap, 'reason' | 'after'> {
  /** When it was told: RFC 3339, UTC, milliseconds. */
  readonly at: string
}

/** An open stream that is traced. */
export interface TracedRow extends StreamRow, OutcomeFields {
  readonly gaps: readonly GapRow[]
}

/** One that is over. */
export interface EndedRow extends Omit<TracedRow, 'lag' | 'bytes' | 'state'> {
  /** When it was over: RFC 3339, UTC, milliseconds. */
  readonly until: string
  readonly reason: EndReason
}

/** How many streams there are of each outcome. */
export type OutcomeCounts = Readonly<Partial<Record<Outcome | 'unknown', number>>>

/** What was found of the open streams, or of those that ended. */
export interface TracedPart<Row> {
  readonly rows: readonly Row[]
  /** How many there are to be listed. */
  readonly total: number
  /** Of all that the user and the stream ask for, listed or not. */
  readonly outcomes: OutcomeCounts
}

/** What a process, or all of them, found. */
export interface Trace {
  readonly streams: TracedPart<TracedRow>
  readonly ended: TracedPart<EndedRow>
}

/** What says most about why it did not get there comes first. */
const ranks: readonly (Outcome | undefined)[] = [
  'written',
  'not-matched',
  undefined,
  'after-end',
  'before',
  'lagging',
  'parked',
  'gapped',
]
/** More than any lag, or any time in milliseconds. */
const perRank = 1e15

/**
 * The order in which streams are listed, the largest first.
 *
 * @param within among those of one outcome: how far behind an open one is, when one that is over ended.
 */
export function placeOf(outcome: Outcome | undefined, within: number): number {
  return ranks.indexOf(outcome) * perRank + within
}

/** What all processes found. */
export function tracesTogether(all: readonly Trace[], limit: number): Trace {
  const placeOfOpen = ({ outcome, lag }: TracedRow): number => placeOf(outcome, lag)
  const placeOfEnded = ({ outcome, until }: EndedRow): number => placeOf(outcome, Date.parse(until))
  return {
    streams: partsTogether(
      all.map(({ streams }) => streams),
      placeOfOpen,
      limit,
    ),
    ended: partsTogether(
      all.map(({ ended }) => ended),
      placeOfEnded,
      limit,
    ),
  }
}

function partsTogether<Row>(
  parts: readonly TracedPart<Row>[],
  place: (row: Row) => number,
  limit: number,
): TracedPart<Row> {
  const rows = parts.flatMap((part) => part.rows)
  return {
    rows: largest(rows, place, limit),
    total: parts.reduce((sum, { total }) => sum + total, 0),
    outcomes: addedUp(parts.map(({ outcomes }) => outcomes)),
  }
}
