import { ask, type Answer } from '../ask.js'
import { eventMs, type Examination } from '../examination.js'
import { ok, problem, unknown, type Finding } from '../finding.js'
import { ProbeStream } from '../probe-stream.js'
import { epochOf } from '../seen-logs.js'

/** No id of the service, which it answers with a gap that says so. */
const noId = 'ringcast-doctor'

/**
 * Whether the id that a client resumes from arrives, and whether each stream is one of its own.
 *
 * @param live a stream of the same URL. If it got events, it is resumed from the first of them, which
 * is no longer where a stream without an id would begin; else from an id that is none.
 * @param before the history of the topic before anything was pushed to it.
 */
export async function checkResume(
  examination: Examination,
  live: ProbeStream,
  before: Answer | undefined,
): Promise<Finding[]> {
  const stale = await checkStale(examination, live, before)
  const query = { topic: examination.topic }
  const asked = (live.events.length > 1 ? live.events[0]?.id : undefined) ?? noId
  const byHeader = new ProbeStream(examination, query, { 'last-event-id': asked })
  const byQuery = new ProbeStream(examination, { ...query, lastEventId: asked })
  try {
    const [header, inQuery] = await Promise.all(
      [byHeader, byQuery].map((stream) => arrives(stream, asked)),
    )
    return [
      stale ?? checkSame(live.opening?.stream, byHeader.opening?.stream),
      header === undefined || inQuery === undefined
        ? unknown('resume', 'no opening event came')
        : judged(header, inQuery),
    ]
  } finally {
    byHeader.close()
    byQuery.close()
  }
}

function judged(header: boolean, inQuery: boolean): Finding {
  if (header && inQuery) return ok('resume', 'Last-Event-ID arrives, as header and in the query')
  const lost = header ? 'lastEventId of the query' : 'the header Last-Event-ID'
  return problem('resume', 'last-event-id', `${lost} does not arrive`)
}

/** Undefined where the stream did not open. */
async function arrives(stream: ProbeStream, asked: string): Promise<boolean | undefined> {
  await stream.until(() => stream.opening !== undefined, eventMs)
  if (stream.opening === undefined) return undefined
  if (stream.opening.id !== undefined) return stream.opening.id === asked
  // A gap follows, and says after which id.
  return stream.until(() => stream.controls.some(({ after }) => after === asked), eventMs)
}

/** The history of the topic; undefined where it cannot be had. */
export async function history(examination: Examination): Promise<Answer | undefined> {
  const query = new URLSearchParams({ topic: examination.topic })
  const answer = await ask(examination, `/api/history?${query.toString()}`).catch(() => undefined)
  examination.logs.note(answer?.json?.['last'])
  return answer
}

/** What was answered before must not be answered again, once there is something else to say. */
async function checkStale(
  examination: Examination,
  live: ProbeStream,
  before: Answer | undefined,
): Promise<Finding | undefined> {
  if (before?.status !== 200 || live.events.length === 0) return undefined
  const { events, last } = (await history(examination))?.json ?? {}
  // Another log has nothing of it, which is no cache's fault.
  const isOwn = epochOf(last) === epochOf(live.opening?.id)
  return isOwn && Array.isArray(events) && events.length === 0
    ? problem('caching', 'caching', 'the history is as it was before events were pushed')
    : undefined
}

function checkSame(first: string | undefined, second: string | undefined): Finding {
  if (first === undefined || second === undefined) {
    return unknown('caching', 'there were not two streams to compare')
  }
  return first === second
    ? problem('caching', 'caching', `two requests were given one stream, ${first}`)
    : ok('caching', 'each request has a stream of its own')
}
