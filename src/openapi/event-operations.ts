import { maxTopics } from '../hub/event.js'
import { maxBatch } from '../limits/request-limits.js'
import { ids, lines, many, plain, status, statusEvent, toUser } from './examples.js'
import { hole } from './control-schemas.js'
import { described, list, object, orNull, ref, type JsonSchema } from './json-schema.js'
import { json, operation } from './operation.js'
import { last, lastEventId, lastEventIdHeader, limit, topic, user } from './parameters.js'

const body: JsonSchema = {
  content: {
    'application/json': {
      schema: {
        oneOf: [ref('Draft'), list(ref('Draft'), { minItems: 1, maxItems: maxBatch })],
        'x-examples': {
          status: { summary: 'One event, with a key', value: status },
          toUser: { summary: 'To a user', value: toUser },
          many: { summary: 'Several at once', value: many },
        },
      },
    },
    'application/x-ndjson': {
      schema: {
        type: 'string',
        description: `A \`Draft\` as JSON a line, up to ${maxBatch}.`,
        'x-examples': {
          lines: {
            summary: 'An event a line',
            value: lines.map((line) => `${JSON.stringify(line)}\n`).join(''),
          },
        },
      },
    },
    'text/plain': {
      schema: {
        type: 'string',
        description: 'The data of one event; the rest comes from the query.',
        'x-examples': { text: { summary: 'Just a text', value: plain } },
      },
    },
  },
}

const withText = 'With `text/plain` alone.'

/** `POST /api/push`. */
export const pushOperation = operation({
  operationId: 'push',
  tag: 'Publishing',
  access: 'publishers',
  changes: true,
  summary: 'Push events',
  description: `One event, or 1 to ${maxBatch} that are accepted or refused as a whole. Once it is answered they are in the log, in order, and every stream that they concern will get them; nobody waits for a subscriber.`,
  query: {
    topic: list(ref('Topic'), { maxItems: maxTopics, description: withText }),
    user: list(ref('User'), { maxItems: maxTopics, description: withText }),
    event: described(withText, ref('EventName')),
    key: described(withText, ref('Key')),
  },
  body,
  answers: {
    202: json({ anyOf: [ref('Receipt'), ref('Receipts')] }, 'The events are in the log.', {
      status: { value: { id: ids.status } },
      toUser: { value: { id: ids.user } },
      many: { value: { ids: ids.many } },
      lines: { value: { ids: ids.lines } },
      text: { value: { id: ids.text } },
    }),
  },
  codes: [
    'RINGCAST_INVALID_JSON',
    'RINGCAST_INVALID_EVENT',
    'RINGCAST_TOPIC_RESERVED',
    'RINGCAST_KEY_CONFLICT',
    'RINGCAST_EVENT_TOO_LARGE',
    'RINGCAST_RATE_LIMITED',
    'RINGCAST_DRAINING',
    'RINGCAST_LOG_UNAVAILABLE',
    'RINGCAST_UNCERTAIN',
  ],
})

/** `GET /api/history`. */
export const historyOperation = operation({
  operationId: 'history',
  tag: 'Streams',
  access: 'subscribers',
  summary: 'What a stream would be sent, a page at a time',
  description:
    'For clients that poll. Ask again with `lastEventId` as the page says in `last`. Without an id: the newest `limit`. A page ends early, and says `more`, once its data are over 1 MiB.',
  query: { topic, user, lastEventId, last, limit },
  headers: { 'Last-Event-ID': lastEventIdHeader },
  answers: {
    200: json(ref('History'), 'A page of events.', {
      newest: {
        summary: 'GET /api/history?topic=orders/42',
        value: { events: [statusEvent], last: ids.text, more: false, gap: null },
      },
      page: {
        summary: `GET /api/history?topic=**&lastEventId=${ids.before}&limit=1`,
        value: { events: [statusEvent], last: ids.status, more: true, gap: null },
      },
      gap: {
        summary: 'GET /api/history?topic=orders/42&lastEventId=nonsense',
        value: {
          events: [],
          last: ids.text,
          more: false,
          gap: { reason: 'unknown', after: 'nonsense' },
        },
      },
    }),
  },
  codes: ['RINGCAST_INVALID_TOPIC'],
  refusals: {
    400: {
      misspelt: {
        summary: 'GET /api/history?topik=orders/42',
        value: {
          statusCode: 400,
          code: 'RINGCAST_INVALID_QUERY',
          error: 'Bad Request',
          message: 'unknown parameter "topik": did you mean "topic"?',
          path: 'topik',
        },
      },
    },
  },
})

/** What these answer beside events themselves. */
export const historySchemas = {
  History: object(
    {
      events: list(ref('Event')),
      last: described('The id to ask with for what comes next.', ref('EventId')),
      more: { type: 'boolean', description: 'Whether there is more already.' },
      gap: orNull(object(hole), 'A hole before these events.'),
    },
    { description: 'A page of events.', optional: ['last'] },
  ),
} as const satisfies Record<string, JsonSchema>
