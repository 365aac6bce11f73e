import { lastLimits } from '../limits/request-limits.js'
import { closeCodes } from '../transports/websocket-transport.js'
import { ids, status, statusEvent, stream } from './examples.js'
import { ref, type Examples, type JsonSchema } from './json-schema.js'
import { empty, media, operation } from './operation.js'
import { last, lastEventId, lastEventIdHeader, topic, user } from './parameters.js'

const open = { type: 'open', stream, topics: ['orders/*'], heartbeatMs: 15_000 }
const data = JSON.stringify(status.data)

/** A block of an event stream, of its fields in their order. */
function block(fields: Readonly<Record<string, string | number>>): string {
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\n`)
  return `${lines.join('')}\n`
}

function control(event: object, fields: Readonly<Record<string, string | number>> = {}): string {
  return block({ ...fields, event: 'ringcast', data: JSON.stringify(event) })
}

const statusBlock = block({ id: ids.status, event: status.event, data })

const streams: Examples = {
  live: {
    summary: 'GET /events?topic=orders/*',
    value: control(open, { retry: 3141, id: ids.before }) + statusBlock,
  },
  lastThenLive: {
    summary: 'GET /events?topic=orders/*&last=1',
    value: control(open, { retry: 3141, id: ids.before }) + statusBlock,
  },
  resumed: {
    summary: `GET /events?topic=orders/*&lastEventId=${ids.before}`,
    value: control(open, { retry: 3141, id: ids.before }) + statusBlock,
  },
  envelope: {
    summary: 'GET /events?topic=orders/*&last=1&envelope=1',
    value:
      control(open, { retry: 3141, id: ids.before }) +
      block({ id: ids.status, data: JSON.stringify(statusEvent) }),
  },
  gap: {
    summary: 'GET /events?topic=orders/*&lastEventId=lost-1',
    value:
      control(open, { retry: 3141 }) +
      control({ type: 'gap', reason: 'epoch', after: 'lost-1' }, { id: ids.before }) +
      statusBlock,
  },
  quiet: {
    summary: 'GET /events?topic=orders/*&last=1&control=off',
    value: `retry: 3141\n:\n${statusBlock}`,
  },
}

/** `GET /events` and `HEAD /events`. */
export const eventsOperation = operation({
  operationId: 'events',
  tag: 'Streams',
  access: 'subscribers',
  summary: 'The stream of events',
  description:
    'Server-Sent Events (WHATWG HTML, section 9.2): in order, each once, and across reconnects that carry the last id none is missing, unless a `gap` says so. An `EventSource` reads it. `HEAD` answers the head and ends. The answer has no end: what is shown is its beginning.',
  query: {
    topic,
    user,
    lastEventId,
    last,
    envelope: {
      type: 'string',
      enum: ['0', '1'],
      default: '0',
      description: '`1`: `data` is the event whole, and there is no `event:` line.',
    },
    control: {
      type: 'string',
      enum: ['on', 'off'],
      default: 'on',
      description: '`off`: no control events. The promise then ends at the first hole.',
    },
  },
  headers: { 'Last-Event-ID': lastEventIdHeader },
  answers: {
    200: media('text/event-stream', ref('EventStream'), 'The stream.', streams),
    204: empty('The credential was revoked: an `EventSource` stops.'),
  },
  codes: ['RINGCAST_INVALID_TOPIC', 'RINGCAST_NOT_ACCEPTABLE'],
  without: ['RINGCAST_REVOKED'],
})

const said = {
  auth: { type: 'auth', token: 'eyJhbGciOiJIUzI1NiJ9.e30.c2lnbmF0dXJl', ref: 1 },
  subscribe: { type: 'subscribe', topics: ['orders/*'], last: 1, ref: 2 },
  push: { type: 'push', ...status, ref: 3 },
  unsubscribe: { type: 'unsubscribe', topics: ['orders/*'], ref: 4 },
  ping: { type: 'ping', ref: 5 },
}

const heard = {
  auth: { type: 'ok', ref: 1, user: null, expires: null },
  open: { ...open, id: ids.before, retryMs: 3141 },
  subscribe: { type: 'ok', ref: 2, topics: ['orders/*'] },
  event: { type: 'event', ...statusEvent },
  push: { type: 'ok', ref: 3, id: ids.status },
  unsubscribe: { type: 'ok', ref: 4, topics: [] },
  ping: { type: 'ok', ref: 5 },
}

function examplesOf(values: Readonly<Record<string, object>>): Examples {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]))
}

/** What an extension says of the messages, since OpenAPI 3.1 knows of no operations but those of HTTP. */
const webSocket: JsonSchema = {
  client: { schema: ref('WebSocketClientMessage'), examples: examplesOf(said) },
  server: { schema: ref('WebSocketServerMessage'), examples: examplesOf(heard) },
  closeCodes,
}

/** `GET /ws`. */
export const webSocketOperation = operation({
  operationId: 'webSocket',
  tag: 'Streams',
  access: 'everybody',
  security: [['bearer'], ['ticket'], ['token'], ['session'], []],
  summary: 'The same over WebSocket, with answers',
  description: `The handshake of a WebSocket (RFC 6455). What goes over it is JSON in text frames: a client says \`WebSocketClientMessage\`, the service \`WebSocketServerMessage\`, both below. OpenAPI 3.1 cannot describe messages as operations: \`x-websocket\` has their schemas, examples, and the codes that a connection is closed with. A credential that is none, or a query that is wrong, is told as an \`error\` over the connection, since a browser shows a page neither status nor body of a handshake. With \`topic\`, \`lastEventId\` or \`last\` (up to ${lastLimits.max}) the connection is subscribed at once.`,
  query: { topic, user, lastEventId, last },
  headers: { 'Last-Event-ID': lastEventIdHeader },
  answers: { 101: empty('The connection is a WebSocket.') },
  codes: ['RINGCAST_UPGRADE_REQUIRED'],
  without: ['RINGCAST_INVALID_QUERY'],
  'x-websocket': webSocket,
})
