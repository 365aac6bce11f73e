import { ask } from '../helpers/ask.js'
import { connectEventStream, type Ask } from './connection.js'

/** How many streams that ended a process remembers. */
const rememberedStreams = 1000
/** How many streams are opened at once, and how often it is tried for each of those that count. */
const lanes = 8
const mostTries = 8
/** So many connections meet every worker of a node. */
const manyConnections = 16
/** What a page of history holds, in events: more bytes than the caches here. */
const pageEvents = 1000

/**
 * Opens and leaves streams at a node until each of its processes has had as many end as it remembers.
 * Rejects where they don't get there.
 */
export async function endStreams(
  url: string,
  processes: number,
  wishes: readonly Ask[],
): Promise<void> {
  const ended = new Map<string, number>()
  const isDone = (): boolean =>
    ended.size >= processes && [...ended.values()].every((count) => count >= rememberedStreams)
  let left = rememberedStreams * processes * mostTries
  const lane = async (): Promise<void> => {
    while (!isDone()) {
      if (left-- === 0) throw new Error(`streams ended at ${[...ended.values()].join(', ')} only`)
      const name = await openAndLeave(url, wishes[left % wishes.length]!)
      if (name !== undefined) ended.set(name, (ended.get(name) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: lanes }, lane))
}

/** Opens a stream, and leaves it; answers which process had it, by the first part of its id. */
function openAndLeave(url: string, wants: Ask): Promise<string | undefined> {
  return new Promise((resolve) => {
    const connection = connectEventStream(url, wants, {
      message: ({ stream }) => {
        connection.destroy()
        resolve(stream?.slice(0, stream.lastIndexOf('.')))
      },
      alive: () => {},
      refused: () => {
        resolve(undefined)
      },
      closed: () => {
        resolve(undefined)
      },
    })
  })
}

/** Reads the first page of the log at every process of a node: what they hold of the log is the same then. */
export async function readFirstPage(url: string, epoch: string): Promise<void> {
  const query = `topic=**&lastEventId=${epoch}-0&limit=${pageEvents}`
  for (let n = 0; n < manyConnections; n++) {
    const { status, text } = await ask(`${url}/api/history?${query}`)
    if (status !== 200) throw new Error(`history is answered ${status}: ${text.slice(0, 200)}`)
  }
}
