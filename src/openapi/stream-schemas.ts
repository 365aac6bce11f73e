import type { EventPlace } from '../hub/find-event.js'
import type { EndReason, StreamState } from '../hub/stream.js'
import type { Outcome } from '../hub/trace.js'
import type { StreamRow, TopicCount } from '../metrics/rows.js'
import type { EndedRow, GapRow, TracedRow } from '../peers/trace-rows.js'
import { hole } from './control-schemas.js'
import {
  count,
  described,
  list,
  object,
  orNull,
  ref,
  text,
  words,
  type JsonSchema,
} from './json-schema.js'

const states: Record<StreamState, string> = {
  waiting: 'its client has not subscribed yet.',
  idle: 'it has passed everything.',
  queued: 'it waits for its turn.',
  reading: 'it waits for a part of the log.',
  held: 'it waits for a replay that its client has asked for.',
  parked: 'its connection takes no more until the client reads.',
  ended: 'nothing is written to it any more.',
}

/** Why streams are over. */
export const endReasons: Record<EndReason, string> = {
  shutdown: 'the node went away.',
  expired: 'the credential expired.',
  revoked: 'the credential was revoked, or an administrator ended the stream.',
  limit: 'it was one too many.',
  rebalance: 'it was old.',
  client: 'the client went.',
  refused: 'the client said what is no message.',
  'dead-peer': 'the client acknowledged nothing any more.',
  stalled: 'the connection took nothing for too long.',
}

const outcomes: Record<Outcome, string> = {
  written: 'it was handed to the connection, which is no proof that the client has read it.',
  lagging: 'it is still to be written, or was when the stream ended.',
  parked: 'it is still to be written, and the connection takes no more.',
  gapped: 'it was given up, and the stream has a `gap` in its place.',
  before: 'the stream began after it.',
  'after-end': 'the stream was over before it.',
  'not-matched': 'it did not concern the stream.',
}

const places: Record<EventPlace, string> = {
  retained: 'it can be read.',
  evicted: 'it was in the log, and is gone.',
  ahead: 'the log has not come so far.',
  unknown: 'no log that is known has had it.',
}

/** What is told of open streams and of those that are over. */
const commonFields = {
  id: ref('StreamId'),
  node: text('The node that holds it.'),
  transport: text('Over what it goes.', { enum: ['sse', 'websocket'] }),
  user: orNull(ref('User'), 'Whose it is.'),
  address: text('The address of the client.'),
  topics: list({ type: 'string' }, { description: 'What it is subscribed to.' }),
  since: described('When it was opened.', ref('Time')),
  cursor: orNull(ref('EventId'), 'Where its client would resume from.'),
}

const rowFields = {
  ...commonFields,
  lag: count('How many events it has still to pass.'),
  bytes: count('How much was handed to its connection, in bytes.'),
  state: words('What it is at.', states),
} satisfies Record<keyof StreamRow, JsonSchema>

const outcomeFields = {
  outcome: words('What became of the event; not there where that is not known.', outcomes),
  by: { enum: ['topic', 'user', null], description: 'By what the event concerned the stream.' },
  why: text('A sentence that says why.'),
}

const gaps = list(object<GapRow>({ ...hole, at: described('When it was told.', ref('Time')) }), {
  description: 'The newest holes that the stream has.',
})

/** How many processes are missing in an answer. */
const silent = count('How many processes did not answer in time; not there for none.', {
  minimum: 1,
})

function page(name: string, rows: JsonSchema, description: string): JsonSchema {
  return object(
    {
      [name]: list(rows),
      total: count('How many there are on all pages.'),
      after: orNull({ type: 'string' }, 'The `after` of the next page; null on the last.'),
      silent,
    },
    { description, optional: ['silent'] },
  )
}

/** What administrators are told of streams. */
export const streamSchemas = {
  Stream: object<StreamRow>(rowFields, { description: 'An open stream.' }),
  StreamPage: page('streams', ref('Stream'), 'Open streams.'),
  TopicCount: object<TopicCount & { last: string | null }>(
    {
      topic: text('A topic or pattern.'),
      streams: count('How many streams are subscribed to it.'),
      last: orNull(ref('EventId'), 'The newest event retained of an exact topic.'),
    },
    { description: 'What is subscribed to.' },
  ),
  TopicPage: page('topics', ref('TopicCount'), 'What is subscribed to.'),
  Ended: object(
    { ended: count('How many streams were ended.'), silent },
    { description: 'Streams were ended.', optional: ['silent'] },
  ),
  TracedStream: object<TracedRow>(
    { ...rowFields, ...outcomeFields, gaps },
    {
      description: 'A stream, and what became of the event at it.',
      optional: ['outcome', 'by', 'why'],
    },
  ),
  EndedStream: object<EndedRow>(
    {
      ...commonFields,
      ...outcomeFields,
      gaps,
      until: described('When it was over.', ref('Time')),
      reason: words('Why it is over.', endReasons),
    },
    { description: 'A stream that is over.', optional: ['outcome', 'by', 'why'] },
  ),
  Trace: object(
    {
      event: orNull(
        object(
          {
            id: ref('EventId'),
            place: words('Where it is.', places),
            topics: list({ type: 'string' }),
            users: list(ref('User')),
            event: ref('EventName'),
            key: ref('Key'),
            time: ref('Time'),
          },
          { optional: ['topics', 'users', 'event', 'key', 'time'] },
        ),
        'The event, where one was asked for.',
      ),
      streams: list(ref('TracedStream')),
      ended: list(ref('EndedStream')),
      summary: text('All of it in a sentence or two.'),
      total: count('How many streams there are, open or over.'),
      silent,
    },
    { description: 'What became of an event, or of streams.', optional: ['silent'] },
  ),
} as const satisfies Record<string, JsonSchema>
