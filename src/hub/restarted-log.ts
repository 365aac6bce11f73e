import type { Dispatcher } from './dispatcher.js'
import type { EventLog, Life, Restart } from './event-log.js'
import type { History } from './history.js'
import { idOfPlace } from './resume.js'
import type { Ring } from './ring.js'
import type { StreamMap } from './stream-map.js'
import type { Stream } from './stream.js'
import { restarted } from './stretches.js'
import { restartedGaps } from './told-gaps.js'

/** What there is to be gone on with. */
export interface RestartParts {
  readonly log: EventLog
  readonly ring: Ring
  readonly streams: StreamMap
  readonly dispatcher: Dispatcher
  readonly history: History
}

/** Goes on with a log that has lost events, or another one: every stream from where it still can. */
export function goOnWith({ newest, common, former }: Restart, parts: RestartParts): void {
  const { log, ring, streams, dispatcher, history } = parts
  const { next } = ring
  history.restart()
  dispatcher.forget()
  ring.restart(newest, newest[0]?.sequence ?? log.head + 1)
  for (const stream of streams.values()) {
    if (!stream.begun) continue
    // An idle one has passed everything that the ring had.
    if (stream.state === 'idle') stream.cursor = next
    reseat(stream, history, common, former)
    if (stream.state === 'idle' || stream.state === 'reading') dispatcher.goOn(stream)
  }
}

function reseat(stream: Stream, history: History, common: number, former: readonly Life[]): void {
  if (stream.lastSent <= common) {
    // What it passed after that was not for it, and was lost.
    stream.cursor = Math.min(stream.cursor, common + 1)
  } else {
    const lastEventId = idOfPlace(former, stream.lastSent)
    const { cursor, place } = history.startOf(stream, { lastEventId })
    stream.lostAfter ??= lastEventId
    stream.cursor = cursor
    stream.lastSent = place
  }
  stream.beganFrom = Math.min(stream.beganFrom, stream.cursor)
  stream.gaps = restartedGaps(stream.gaps, common)
  stream.stretches = restarted(stream.stretches, stream, common + 1, stream.cursor)
}
