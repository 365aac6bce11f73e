import { randomInt } from 'node:crypto'

/** A place in the total order: which life of a log, and which sequence in it. */
export interface Place {
  readonly epoch: string
  readonly sequence: number
}

/** The form of an id. */
export const idPattern = /^([0-9a-z]{1,32})-(0|[1-9a-z][0-9a-z]{0,10})$/

/** The id of a place: `<epoch>-<sequence>`, the sequence in base 36. */
export function formatEventId(epoch: string, sequence: number): string {
  return `${epoch}-${sequence.toString(36)}`
}

/**
 * The place that an id names, or undefined where the text is no id of ours. Only the form that
 * `formatEventId` writes is one, so that two texts never name the same place.
 */
export function parseEventId(text: string): Place | undefined {
  const match = idPattern.exec(text)
  if (match === null) return undefined
  const sequence = Number.parseInt(match[2]!, 36)
  return Number.isSafeInteger(sequence) ? { epoch: match[1]!, sequence } : undefined
}

/**
 * A name for a new life of a log: the second it began, so that ids sort by age to a human eye, and
 * four random digits, so that two logs born in one second differ.
 */
export function newEpoch(now: number): string {
  const random = randomInt(36 ** 4)
    .toString(36)
    .padStart(4, '0')
  return Math.floor(now / 1000).toString(36) + random
}
