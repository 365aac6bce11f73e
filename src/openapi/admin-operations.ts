import { streamSorts, topicSorts } from '../limits/request-limits.js'
import { ids, node, status, statusEvent, stream, time } from './examples.js'
import { ref, text, type JsonSchema } from './json-schema.js'
import { empty, json, media, operation } from './operation.js'
import { after, limit, sort } from './parameters.js'
import { figuresExample } from './figure-example.js'

const row = {
  id: stream,
  node,
  transport: 'sse',
  user: 'ada',
  address: '127.0.0.1',
  topics: ['orders/*'],
  since: time,
  // The last of the events for it.
  cursor: ids.many[1],
  lag: 0,
  bytes: 387,
  state: 'idle',
}

const userParameter: JsonSchema = { allOf: [ref('User')], description: 'Those of this user alone.' }

/** `GET /api/streams`. */
export const streamsOperation = operation({
  operationId: 'listStreams',
  tag: 'Administration',
  access: 'administrators',
  summary: 'Open streams',
  query: {
    user: userParameter,
    topic: text('Those that asked for this topic or pattern.'),
    node: text('Those of the node of this name.'),
    sort: sort(streamSorts),
    limit,
    after,
  },
  answers: {
    200: json(ref('StreamPage'), 'A page of streams.', {
      ofUser: {
        summary: 'GET /api/streams?user=ada',
        value: { streams: [row], total: 1, after: null },
      },
    }),
  },
})

/** `GET /api/topics`. */
export const topicsOperation = operation({
  operationId: 'listTopics',
  tag: 'Administration',
  access: 'administrators',
  summary: 'What is subscribed to',
  query: { topic: text('This topic or pattern alone.'), sort: sort(topicSorts), limit, after },
  answers: {
    200: json(ref('TopicPage'), 'A page of topics and patterns.', {
      all: {
        summary: 'GET /api/topics',
        value: { topics: [{ topic: 'orders/*', streams: 1, last: null }], total: 1, after: null },
      },
    }),
  },
})

/** `DELETE /api/streams/:id`. */
export const endStreamOperation = operation({
  operationId: 'endStream',
  tag: 'Administration',
  access: 'administrators',
  changes: true,
  summary: 'End a stream',
  description: 'It is told `bye`, `revoked`, and does not come back by itself.',
  query: {},
  params: { id: { allOf: [ref('StreamId')], description: 'The id of the stream.' } },
  answers: { 204: empty('It is ended.') },
  codes: ['RINGCAST_STREAM_NOT_FOUND'],
  refusals: {
    404: {
      gone: {
        summary: 'DELETE /api/streams/3rgxg2.99',
        value: {
          statusCode: 404,
          code: 'RINGCAST_STREAM_NOT_FOUND',
          error: 'Not Found',
          message: 'no open stream has this id',
        },
      },
    },
  },
})

/** `DELETE /api/users/:user/streams`. */
export const endStreamsOfUserOperation = operation({
  operationId: 'endStreamsOfUser',
  tag: 'Administration',
  access: 'administrators',
  changes: true,
  summary: 'End all streams of a user',
  description:
    'And refuses, on all nodes, what was issued to them before now: tokens, sessions and tickets.',
  query: {
    revoke: {
      type: 'string',
      enum: ['true', 'false'],
      default: 'true',
      description: '`false`: only end the streams; they may come back.',
    },
  },
  params: { user: { allOf: [ref('User')], description: 'The user.' } },
  answers: {
    200: json(ref('Ended'), 'They are ended.', {
      ended: { summary: 'DELETE /api/users/ada/streams?revoke=false', value: { ended: 1 } },
    }),
  },
})

/** `GET /api/stats`. */
export const statsOperation = operation({
  operationId: 'stats',
  tag: 'Administration',
  access: 'administrators',
  summary: 'The figures of the dashboard',
  description: 'Of this node, its workers together. Counts grow from the start.',
  answers: {
    200: json(ref('Figures'), 'The figures.', {
      figures: { summary: 'GET /api/stats', value: figuresExample },
    }),
  },
})

/** `GET /api/trace`. */
export const traceOperation = operation({
  operationId: 'trace',
  tag: 'Administration',
  access: 'administrators',
  summary: 'Why did it not get there?',
  description:
    'What became of an event, or of the streams of a user: `event`, `user` or `stream` is needed, or several of them.',
  query: {
    event: {
      allOf: [ref('EventId')],
      description: 'The id of an event, as a push is answered.',
    },
    user: userParameter,
    stream: text('The stream of this id alone.'),
    limit,
  },
  answers: {
    200: json(ref('Trace'), 'What became of it.', {
      written: {
        summary: `GET /api/trace?event=${ids.status}&user=ada`,
        value: {
          event: {
            id: ids.status,
            place: 'retained',
            topics: [status.topic],
            event: status.event,
            key: status.key,
            time,
          },
          streams: [
            {
              ...row,
              outcome: 'written',
              by: 'topic',
              why: `It matches by the topic ${status.topic} and was handed to the connection, which is no proof that the client has read it.`,
              gaps: [],
            },
          ],
          ended: [],
          summary: `Accepted at ${statusEvent.time} for the topic ${status.topic}. It was written to the user ada.`,
          total: 1,
        },
      },
    }),
  },
})

/** `GET /metrics`. */
export const metricsOperation = operation({
  operationId: 'metrics',
  tag: 'Administration',
  access: 'administrators',
  summary: 'Metrics for Prometheus',
  query: {},
  answers: {
    200: media('text/plain', { type: 'string' }, 'The metrics, in Prometheus’ text format.'),
  },
  codes: ['RINGCAST_WORKER_SILENT'],
})

/** `GET /openapi.json`. */
export const documentOperation = operation({
  operationId: 'openapi',
  tag: 'Administration',
  access: 'administrators',
  summary: 'This document',
  query: {},
  answers: { 200: json({ type: 'object' }, 'OpenAPI 3.1.') },
})

/** `GET /docs`. */
export const docsOperation = operation({
  operationId: 'docs',
  tag: 'Administration',
  access: 'administrators',
  summary: 'This document as a page',
  query: {},
  answers: { 200: media('text/html', { type: 'string' }, 'The page.') },
})
