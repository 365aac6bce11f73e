import type { ByeReason, ControlEvent, GapReason } from '../hub/wire-format.js'
import {
  count,
  described,
  list,
  object,
  oneOfThese,
  ref,
  text,
  words,
  type JsonSchema,
} from './json-schema.js'

/** Why there is a hole in a stream, and what follows it. */
export const gapReasons: Record<GapReason, string> = {
  evicted: 'events after that id are gone; everything still retained follows.',
  epoch:
    'the id is of a life of the log that is over; what came after that life follows, or all that is retained.',
  unknown: 'it is no id of this service; live events follow.',
  lagged: 'the stream was too slow for the ring; everything still retained follows.',
}

/** Why the service ends a stream, and what the client does. */
const byeReasons: Record<ByeReason, string> = {
  shutdown: 'the node goes away; come back.',
  expired: 'the credential has expired; come back with another.',
  revoked: 'the credential was revoked, or an administrator ended the stream.',
  limit: 'one stream too many; come back later.',
  rebalance: 'the stream is old; come back, perhaps to another node.',
}

type Of<Type extends ControlEvent['type']> = Extract<ControlEvent, { type: Type }>

/** The names of the control events' components, by their types. */
export const controlNames = {
  open: 'Open',
  cursor: 'Cursor',
  gap: 'Gap',
  expiring: 'Expiring',
  bye: 'Bye',
} as const satisfies Record<ControlEvent['type'], string>

/** A hole: why, and after which id. */
export const hole = {
  reason: words('Why there is a hole.', gapReasons),
  after: text('The id asked for or last sent; of a text that is no id, its first 128 characters.'),
}

/** When to come back, in milliseconds. */
export const retryMs = count('When to come back, in milliseconds.')

/** The same on an event stream, where it stands with the first block, whatever that is. */
const retry = retryMs

/** What the service tells a client about its stream, beside the events. */
export const controlSchemas = {
  StreamId: text('`<node>.<n>`, or `<node>-<worker>.<n>`.', {
    pattern: '^[^.]+\\.\\d+$',
    examples: ['3rgxg2.1'],
  }),
  ControlEvent: oneOfThese(
    'type',
    controlNames,
    'What the service tells a client about its stream. Clients ignore types and fields that they do not know.',
  ),
  Open: object<Of<'open'>>(
    {
      type: { const: 'open' },
      stream: ref('StreamId'),
      topics: list({ type: 'string' }, { description: 'What the stream is subscribed to.' }),
      heartbeatMs: count('How long the stream may be silent, in milliseconds.'),
    },
    {
      description:
        'First of all. Its id is the place that the stream goes on from; where a `gap` follows, the `gap` has it.',
    },
  ),
  Cursor: object<Of<'cursor'>>(
    { type: { const: 'cursor' } },
    { description: 'A new id to resume from, for a stream that was quiet while others were not.' },
  ),
  Gap: object<Of<'gap'>>(
    { type: { const: 'gap' }, ...hole },
    { description: 'There is a hole, here.' },
  ),
  Expiring: object<Of<'expiring'>>(
    { type: { const: 'expiring' }, inSeconds: count('How long the credential lasts, in seconds.') },
    { description: 'The credential of the stream expires soon: time to get another one.' },
  ),
  Bye: object<Of<'bye'>>(
    {
      type: { const: 'bye' },
      reason: words('Why the stream ends.', byeReasons),
      reconnect: { type: 'boolean', description: 'Whether to come back.' },
      retryMs,
    },
    { description: 'The last of a stream that the service ends.', optional: ['retryMs'] },
  ),
  SseEvent: object(
    {
      id: ref('EventId'),
      event: ref('EventName'),
      data: text('The data: a string as it was pushed, anything else as compact JSON.'),
      retry,
    },
    {
      description: 'An event on the stream: its `id:`, `event:` and `data:` lines.',
      optional: ['id', 'event', 'retry'],
    },
  ),
  SseEnvelope: object(
    {
      id: ref('EventId'),
      data: text('The event whole.', {
        contentMediaType: 'application/json',
        contentSchema: ref('Event'),
      }),
      retry,
    },
    { description: 'An event on a stream with `envelope=1`.', optional: ['id', 'retry'] },
  ),
  SseControl: object(
    {
      id: described('The place to resume from.', ref('EventId')),
      event: { const: 'ringcast' },
      data: text('The control event.', {
        contentMediaType: 'application/json',
        contentSchema: ref('ControlEvent'),
      }),
      retry,
    },
    {
      description: 'A control event on the stream. Its name keeps it from an `onmessage`.',
      optional: ['id', 'retry'],
    },
  ),
  EventStream: list(
    { anyOf: [ref('SseControl'), ref('SseEvent'), ref('SseEnvelope')] },
    {
      description:
        'The blocks of a `text/event-stream` (WHATWG HTML, section 9.2), each as its fields. Lines that begin with `:` are heartbeats.',
    },
  ),
} as const satisfies Record<string, JsonSchema>
