import type { Life } from '../hub/event-log.js'

/** A life as Redis has it: it ends where the next one begins, and the last at the head. */
export type KeptLife = Omit<Life, 'last'>

/** Reads the lives of the log, a line for each. */
export function readLives(text: string): readonly KeptLife[] {
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [epoch = '', first = '', sure] = line.split(' ')
      return {
        epoch,
        first: Number(first),
        ...(sure === undefined ? {} : { sure: Number(sure) }),
      }
    })
}

/** The same as text. */
export function livesText(lives: readonly KeptLife[]): string {
  return lives
    .map(({ epoch, first, sure }) => `${epoch} ${first}${sure === undefined ? '' : ` ${sure}`}`)
    .join('\n')
}

/** The lives with their ends. */
export function withEnds(lives: readonly KeptLife[], head: number): readonly Life[] {
  return lives.map((life, index) => {
    const next = lives[index + 1]
    return { ...life, last: next === undefined ? Math.max(head, life.first - 1) : next.first - 1 }
  })
}

/**
 * What has to be said of the lives of a log once it is known that a node had other events than it has
 * from a sequence on: the ids of the lives that those were of are sure before it only, and if one of
 * them goes on, another has to begin.
 *
 * @param own the lives as the node knew them.
 * @returns undefined if it is said already.
 */
export function unsureFrom(
  kept: readonly KeptLife[],
  own: readonly Life[],
  lost: number,
): { lives: readonly KeptLife[]; begins: boolean } | undefined {
  const sure = lost - 1
  const isUnsure = ({ epoch }: KeptLife): boolean =>
    own.some((life) => life.epoch === epoch && life.last >= lost)
  const begins = isUnsure(kept.at(-1)!)
  const lives = withEnds(kept, Infinity).map(({ last, ...life }) =>
    isUnsure(life) && Math.min(life.sure ?? Infinity, last) > sure ? { ...life, sure } : life,
  )
  const isSaid = lives.every((life, index) => life.sure === kept[index]!.sure)
  return isSaid && !begins ? undefined : { lives, begins }
}
