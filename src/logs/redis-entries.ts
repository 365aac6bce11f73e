import type { AcceptedEvent, EventDraft } from '../hub/event.js'
import type { Reply } from '../redis/connection.js'

/** An event as the log has it, and its mark: which group of which node brought it, and when. */
export interface LogEntry {
  readonly event: AcceptedEvent
  readonly mark: string
}

interface Header {
  readonly topics?: readonly string[]
  readonly users?: readonly string[]
  readonly event?: string
  readonly json?: 1
  readonly key?: string
  readonly epoch: string
  readonly time: number
  readonly by: string
}

const none: readonly string[] = []

/** The routing header of an event without what the log adds, and without its closing brace. */
export function openHeader({ topics, users, event, json, key }: EventDraft): string {
  const header = JSON.stringify({
    topics: topics.length === 0 ? undefined : topics,
    users: users.length === 0 ? undefined : users,
    event,
    json: json ? 1 : undefined,
    key,
  })
  return header.slice(0, -1)
}

/** By which names the log's index has an event. */
export function namesOf(topics: Iterable<string>, users: Iterable<string>): string[] {
  return [
    ...Array.from(topics, (topic) => `t:${topic}`),
    ...Array.from(users, (user) => `u:${user}`),
  ]
}

/** An entry of the stream. */
export function readEntry(entry: Reply): LogEntry {
  const [id, [, text, , data]] = entry as [string, [string, string, string, string]]
  const header = JSON.parse(text) as Header
  const { topics = none, users = none, event, json, key, epoch, time } = header
  return {
    event: {
      topics,
      users,
      event,
      data,
      json: json === 1,
      key,
      epoch,
      sequence: sequenceOf(id),
      time: timeText(time),
    },
    mark: markOf(text)!,
  }
}

/** The mark at the end of a header: two entries of one sequence are the same if theirs is. */
export function markOf(header: string): string | undefined {
  return /"epoch":"[^"]*","time":\d+,"by":"[^"]*"\}$/.exec(header)?.[0]
}

/** The sequence of an entry's id. */
export function sequenceOf(id: string): number {
  return Number(id.slice(0, id.indexOf('-')))
}

let lastTime = { time: NaN, text: '' }

/** A time as events have it. Those that came together have the same. */
function timeText(time: number): string {
  if (time !== lastTime.time) lastTime = { time, text: new Date(time).toISOString() }
  return lastTime.text
}
