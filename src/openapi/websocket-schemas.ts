import { maxTopics } from '../hub/event.js'
import { lastLimits, maxRefLength } from '../limits/request-limits.js'
import { controlNames, retryMs } from './control-schemas.js'
import { errorDetails } from './error-schemas.js'
import { notBoth } from './event-schemas.js'
import {
  count,
  described,
  list,
  object,
  oneOfThese,
  orNull,
  ref,
  text,
  type JsonSchema,
} from './json-schema.js'

/** What a client may give each of its messages. */
const clientRef = described('Comes back with the answer.', ref('Ref'))

/** The names of the components for what a client says, by their types. */
export const clientMessageNames = {
  auth: 'WebSocketAuth',
  subscribe: 'WebSocketSubscribe',
  unsubscribe: 'WebSocketUnsubscribe',
  push: 'WebSocketPush',
  ping: 'WebSocketPing',
}

/** The names of the components for what the service says. */
export const serverMessageNames = {
  event: 'WebSocketEvent',
  ...mapped(controlNames, (name) => `WebSocket${name}`),
  ok: 'WebSocketOk',
  error: 'WebSocketError',
}

function mapped<Name extends string, T>(
  names: Readonly<Record<Name, string>>,
  to: (name: string) => T,
): Record<Name, T> {
  const entries = Object.entries<string>(names).map(([key, name]) => [key, to(name)])
  return Object.fromEntries(entries) as Record<Name, T>
}

function said(
  type: string,
  description: string,
  fields: Readonly<Record<string, JsonSchema>> = {},
  optional: readonly string[] = [],
  keywords: JsonSchema = {},
): JsonSchema {
  const all: Readonly<Record<string, JsonSchema>> = {
    type: { const: type },
    ...fields,
    ref: clientRef,
  }
  return object(all, {
    description,
    optional: [...optional, 'ref'],
    additionalProperties: false,
    ...keywords,
  })
}

const subscribed = described(
  `Topics and patterns, up to ${maxTopics} in all.`,
  list(ref('TopicOrPattern'), { minItems: 1, maxItems: maxTopics }),
)

const clientMessages = {
  WebSocketAuth: said('auth', 'Says who the client is: first of all, or later to renew.', {
    token: text('An API key or a token.'),
  }),
  WebSocketSubscribe: said(
    'subscribe',
    'Subscribes. The first one sets the place of the connection. Without `topics`: `broadcast`.',
    {
      topics: subscribed,
      lastEventId: text('Where to resume: an id, or `earliest`.'),
      last: {
        type: 'integer',
        minimum: lastLimits.min,
        maximum: lastLimits.max,
        description: 'Without an id: first the newest so many.',
      },
    },
    ['topics', 'lastEventId', 'last'],
  ),
  WebSocketUnsubscribe: said('unsubscribe', 'Ends subscriptions.', { topics: subscribed }),
  WebSocketPush: said(
    'push',
    'Pushes an event, as `POST /api/push` does.',
    {
      topic: ref('Topics'),
      user: ref('Users'),
      event: ref('EventName'),
      data: ref('Data'),
      key: ref('Key'),
    },
    ['topic', 'user', 'event', 'key'],
    notBoth,
  ),
  WebSocketPing: said('ping', 'Asks for an `ok`: pages see no pings of the protocol.'),
}

/** Of an event or a gap that a later `subscribe` asked for. */
const replay = {
  const: true,
  description: 'It was asked for by a later `subscribe`, and is no place to resume from.',
}

const placed = object(
  { id: described('The place to resume from.', ref('EventId')), retryMs, replay, ref: clientRef },
  { optional: ['id', 'retryMs', 'replay', 'ref'] },
)

const serverMessages = {
  WebSocketEvent: {
    description: 'An event.',
    allOf: [object({ type: { const: 'event' }, replay }, { optional: ['replay'] }), ref('Event')],
  },
  ...Object.fromEntries(
    Object.values(controlNames).map((name) => [
      `WebSocket${name}`,
      {
        description: `The control event \`${name}\`, with its id where it has one.`,
        allOf: [ref(name), placed],
      },
    ]),
  ),
  WebSocketOk: object(
    {
      type: { const: 'ok' },
      ref: clientRef,
      topics: list(
        { type: 'string' },
        { description: 'To `subscribe` and `unsubscribe`: all that the connection has now.' },
      ),
      user: orNull(ref('User'), 'To `auth`: whose the connection is.'),
      expires: orNull(ref('Time'), 'To `auth`: when the credential expires.'),
      id: described('To `push`: the id of the event.', ref('EventId')),
      duplicate: { const: true, description: 'To `push`: the key was pushed before.' },
    },
    {
      description: 'What was asked is done.',
      optional: ['ref', 'topics', 'user', 'expires', 'id', 'duplicate'],
    },
  ),
  WebSocketError: object(
    {
      type: { const: 'error' },
      ref: clientRef,
      code: ref('ErrorCode'),
      message: text('What was wrong and what would be right.'),
      ...errorDetails,
      retryAfterSeconds: count('After how many seconds to try again.'),
    },
    {
      description: 'What was asked is refused.',
      optional: ['ref', 'index', 'line', 'path', 'retryAfterSeconds'],
    },
  ),
}

/** What goes over a WebSocket, both ways: JSON in text frames. */
export const webSocketSchemas: Readonly<Record<string, JsonSchema>> = {
  Ref: {
    description: `A number, or a string of up to ${maxRefLength} characters.`,
    anyOf: [{ type: 'number' }, { type: 'string', maxLength: maxRefLength }],
  },
  WebSocketClientMessage: oneOfThese('type', clientMessageNames, 'What a client says over `/ws`.'),
  WebSocketServerMessage: oneOfThese(
    'type',
    serverMessageNames,
    'What the service says over `/ws`. Clients ignore types and fields that they do not know.',
  ),
  ...clientMessages,
  ...serverMessages,
}
