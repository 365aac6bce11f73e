import {
  maxEventNameLength,
  maxKeyLength,
  maxTopics,
  printableAscii,
  reservedEventNames,
} from '../hub/event.js'
import { idPattern } from '../hub/event-id.js'
import { controlCharacter, maxPatternSegments, maxTopicBytes } from '../hub/topic.js'
import { described, list, object, ref, text, type JsonSchema } from './json-schema.js'

/** The pattern of a text without control characters, that doesn't begin with what is excluded. */
function textPattern(...excluded: readonly string[]): string {
  const not = excluded.map((pattern) => `(?!${pattern})`).join('')
  return `^${not}[^${controlCharacter.source.slice(1, -1)}]+$`
}

/** Any segments, and their slashes. */
const segments = '([^/]*/)*'

/** A name of 1 to 1,024 bytes; a schema counts characters, of which there are no more. */
function name(description: string, keywords: JsonSchema = {}): JsonSchema {
  return text(`${description} 1 to ${maxTopicBytes} bytes of UTF-8 without control characters.`, {
    minLength: 1,
    maxLength: maxTopicBytes,
    pattern: textPattern(),
    ...keywords,
  })
}

/** One of these, or several. */
function oneOrMore(schema: JsonSchema): JsonSchema {
  return { oneOf: [schema, list(schema, { minItems: 1, maxItems: maxTopics })] }
}

/** Who an event is for is told in one way. */
export const notBoth: JsonSchema = { dependentSchemas: { topic: { properties: { user: false } } } }

/** What events are, and what they are made of. */
export const eventSchemas = {
  EventId: text('The place of an event in the order of all: `<epoch>-<sequence>`, both base 36.', {
    pattern: idPattern.source,
    examples: ['toyc8inxxy-1'],
  }),
  Time: text('RFC 3339, UTC, with milliseconds.', {
    format: 'date-time',
    pattern: '^\\d{4}-\\d\\d-\\d\\dT\\d\\d:\\d\\d:\\d\\d\\.\\d{3}Z$',
    examples: ['2026-11-25T17:39:41.727Z'],
  }),
  Topic: name('An exact topic; it has no segment `*` or `**`, and does not start with `$`.', {
    pattern: textPattern('\\$', `${segments}\\*\\*?(/|$)`),
    examples: ['orders/42'],
  }),
  TopicOrPattern: name(
    `An exact topic, or a pattern: a segment \`*\` matches one segment, a last segment \`**\` one or more. A pattern has at most ${maxPatternSegments} segments.`,
    { pattern: textPattern(`${segments}\\*\\*/`), examples: ['orders/*'] },
  ),
  User: name('The name of a user.', { examples: ['ada'] }),
  EventName: text(
    `What a browser listens to with \`addEventListener\`: 1 to ${maxEventNameLength} characters without control characters.`,
    {
      minLength: 1,
      maxLength: maxEventNameLength,
      pattern: textPattern(`(${[...reservedEventNames].join('|')})$`),
      examples: ['status'],
    },
  ),
  Key: text(
    `The publisher's own name for the event, 1 to ${maxKeyLength} printable ASCII characters: pushed again within 5 minutes or 100,000 keys, it is answered with the first id, and delivered no second time.`,
    { maxLength: maxKeyLength, pattern: printableAscii.source, examples: ['order-42-paid'] },
  ),
  Data: { description: 'Any JSON. A string goes out as it is, anything else as compact JSON.' },
  Topics: described(
    `One topic, or up to ${maxTopics}. Without \`topic\` and \`user\`: \`broadcast\`.`,
    oneOrMore(ref('Topic')),
  ),
  Users: described(
    `One user, or up to ${maxTopics}: every stream of theirs gets it, and no other.`,
    oneOrMore(ref('User')),
  ),
  Draft: object(
    {
      topic: ref('Topics'),
      user: ref('Users'),
      event: ref('EventName'),
      data: ref('Data'),
      key: ref('Key'),
    },
    {
      description: 'An event as it is pushed. `topic` and `user` exclude each other.',
      optional: ['topic', 'user', 'event', 'key'],
      additionalProperties: false,
      ...notBoth,
    },
  ),
  Event: object(
    {
      id: described('Not there for events of `$sys` topics, which are in no log.', ref('EventId')),
      topics: list(
        { type: 'string' },
        { description: 'All topics of the event; none where it was pushed to users.' },
      ),
      event: ref('EventName'),
      data: ref('Data'),
      key: ref('Key'),
      time: described('When it was accepted.', ref('Time')),
    },
    {
      description: 'An event whole. It never says who else it went to.',
      optional: ['id', 'event', 'key'],
    },
  ),
  Receipt: object(
    {
      id: ref('EventId'),
      duplicate: { const: true, description: 'The key was pushed before: the id is that of then.' },
    },
    { description: 'The event is in the log.', optional: ['duplicate'] },
  ),
  Receipts: object(
    {
      ids: list(ref('EventId'), { description: 'An id for each event, in their order.' }),
      duplicates: list(
        { type: 'integer', minimum: 0 },
        { description: 'Which of them are repeats of a key: their places, from 0.' },
      ),
    },
    { description: 'All of the events are in the log.', optional: ['duplicates'] },
  ),
} as const satisfies Record<string, JsonSchema>
