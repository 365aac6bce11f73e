import type { AcceptedEvent } from './event.js'
import { isWanted, type Concern, type Wants } from './filter.js'

/** A part of the log that a stream has passed with one subscription, from a place up to another. */
export interface Stretch extends Wants {
  readonly from: number
  readonly to: number
}

/**
 * What of the log a stream has passed, and with which subscription: what it was sent of that, it is
 * not sent again. Nothing of it is needed before a client subscribes a second time.
 */
export interface Stretches {
  /** Where the subscription begins that it has now. */
  readonly since: number
  /** What it passed with others, and what was replayed of that, in the order in which it was. */
  readonly passed: readonly Stretch[]
  /** What it was sent before this place is not known any more. */
  readonly knownFrom: number
}

/** The most stretches that are kept; a client that changes its mind more often is forgotten some. */
const maxStretches = 16

/** Of a stream that has passed nothing. */
export const noStretches: Stretches = { since: Infinity, passed: [], knownFrom: 0 }

/** Of a stream that begins at a place. */
export function stretchesFrom(since: number): Stretches {
  return { ...noStretches, since }
}

/**
 * Ends the present subscription at a place: another one goes on from there.
 *
 * @param oldest what comes before it is retained no more.
 */
export function turned(
  { since, passed, knownFrom }: Stretches,
  { filter, user }: Wants,
  place: number,
  oldest: number,
): Stretches {
  const kept = passed.filter(({ to }) => to > oldest)
  if (place > since) kept.push({ from: since, to: place, filter, user })
  return { since: place, ...newest(kept, knownFrom) }
}

/** Adds a part that was replayed: what is in it is not sent a third time either. */
export function replayed({ since, passed, knownFrom }: Stretches, part: Stretch): Stretches {
  return { since, ...newest([...passed, part], knownFrom) }
}

function newest(
  passed: readonly Stretch[],
  knownFrom: number,
): Pick<Stretches, 'passed' | 'knownFrom'> {
  const forgotten = passed.slice(0, -maxStretches).at(-1)
  return { passed: passed.slice(-maxStretches), knownFrom: forgotten?.to ?? knownFrom }
}

/**
 * After a log has lost what came from a place on, and perhaps has other events there by now.
 *
 * @param cursor where the stream goes on.
 */
export function restarted(
  stretches: Stretches,
  wants: Wants,
  lostFrom: number,
  cursor: number,
): Stretches {
  if (stretches === noStretches) return stretches
  const { passed, knownFrom } = turned(stretches, wants, Math.min(lostFrom, cursor), 0)
  const kept = passed
    .filter(({ from }) => from < lostFrom)
    .map((stretch) => ({ ...stretch, to: Math.min(stretch.to, lostFrom) }))
  return { since: cursor, passed: kept, knownFrom: Math.min(knownFrom, lostFrom) }
}

/** Whether an event was sent when the stream passed it. */
export function wasSent(
  { passed }: Stretches,
  event: Concern & Pick<AcceptedEvent, 'sequence'>,
): boolean {
  const { sequence } = event
  return passed.some(
    (stretch) => sequence >= stretch.from && sequence < stretch.to && isWanted(stretch, event),
  )
}
