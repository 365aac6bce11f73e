import { newEpoch } from '../hub/event-id.js'
import type { Reply } from '../redis/connection.js'
import { markOf } from './redis-entries.js'
import { livesText, readLives, unsureFrom, withEnds, type KeptLife } from './redis-lives.js'
import type { Marks } from './redis-marks.js'
import type { LiveLog } from './redis-retained.js'
import { livesScript, lookScript } from './redis-scripts.js'

type Where = Pick<LiveLog, 'connection' | 'prefix'>

/** What a node knows of a log. */
export interface Known {
  readonly known: {
    readonly lives: readonly KeptLife[]
    readonly head: number
    readonly marks: Marks
    /** Whether anybody was told of it: before, of the marks it has that of the head alone. */
    readonly isFollowed: boolean
  }
}

/** Where a log stands. */
interface LogState {
  readonly lives: readonly KeptLife[]
  readonly head: number
  readonly first: number
  /** The mark of the sequence that was asked for. */
  readonly mark: string | undefined
  readonly noteId: string
}

/** Where a log stands, and what of it is what a node knew. */
export interface Comparison extends LogState {
  /** The last sequence that is what it was to the node; -1 where it is another log. */
  readonly common: number
}

/**
 * Compares the log that a Redis has with the one that a node has followed. A log that is new gets its
 * first life; one that has lost what the node had gets a new one, unless another node has begun it.
 */
export async function compare(where: Where, { known }: Known): Promise<Comparison> {
  for (;;) {
    const state = await lookAt(where, known.head)
    if (state === undefined) {
      await setLives(where, [], [], newEpoch(Date.now()))
      continue
    }
    if (known.lives.length === 0) {
      const { head } = state
      return { ...state, mark: (await lookAt(where, head))?.mark, common: head }
    }
    const common = await commonWith(where, state, known)
    if (common === known.head) return { ...state, common }
    const own = withEnds(known.lives, known.head)
    const unsure = unsureFrom(state.lives, own, common + 1)
    if (unsure === undefined) return { ...state, common }
    const epoch = unsure.begins ? newEpoch(Date.now()) : ''
    await setLives(where, state.lives, unsure.lives, epoch)
  }
}

/** Of two logs that have nothing in common, not even where they began. */
const nothing = -1

/** The last sequence that a log has as the node has it; 0 if that is not known. */
async function commonWith(
  where: Where,
  { lives, head, first, mark }: LogState,
  { lives: own, head: ownHead, marks, isFollowed }: Known['known'],
): Promise<number> {
  const { epoch } = own.at(-1)!
  const life = withEnds(lives, head).find((each) => each.epoch === epoch)
  if (life !== undefined) {
    if (ownHead === 0 || marks.has(ownHead, mark)) return ownHead
    const last = Math.min(life.last, life.sure ?? Infinity)
    // What was deleted can't be compared any more: it is as it was, unless its life says otherwise.
    if (ownHead < first) return Math.min(ownHead, last)
    // Who has told nobody anything has only to see that the end is gone; more is not for it to say.
    if (!isFollowed) return Math.min(ownHead - 1, last)
  }
  let [low, high] = [Math.max(first, marks.first) - 1, Math.min(ownHead, head)]
  const start = low
  while (low < high) {
    const middle = Math.ceil((low + high) / 2)
    const state = await lookAt(where, middle)
    if (marks.has(middle, state?.mark)) low = middle
    else high = middle - 1
  }
  if (low > start) return low
  return life === undefined ? nothing : 0
}

async function lookAt({ connection, prefix }: Where, at: number): Promise<LogState | undefined> {
  const answer = await lookScript.run(connection, [prefix, String(at)])
  if (answer === null) return undefined
  const [lives, head, first, header, noteId] = answer as readonly Reply[] as [
    string,
    string,
    string,
    string | null,
    string,
  ]
  return {
    lives: readLives(lives),
    head: Number(head),
    first: Number(first),
    mark: header === null ? undefined : markOf(header),
    noteId,
  }
}

async function setLives(
  { connection, prefix }: Where,
  before: readonly KeptLife[],
  lives: readonly KeptLife[],
  epoch: string,
): Promise<void> {
  await livesScript.run(connection, [prefix, livesText(before), livesText(lives), epoch])
}
