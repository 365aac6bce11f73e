import { RingcastError, type ErrorDetails } from '../errors.js'
import { controlCharacter, defaultTopic, isReserved, nameProblem, topicProblem } from './topic.js'

/** An event as a publisher gave it, checked. */
export interface EventDraft {
  /** Exact topics; none when the event is for users. */
  readonly topics: readonly string[]
  /** Whom it is for, when it is for users. */
  readonly users: readonly string[]
  /** The event's name (SSE's `event:`). */
  readonly event: string | undefined
  /** The data: the text itself, or compact JSON. */
  readonly data: string
  /** Whether `data` is JSON (true) or a string as it was given (false). */
  readonly json: boolean
  /** The publisher's own name for the event, which makes the push idempotent. */
  readonly key: string | undefined
}

/** An event in its place in the total order. Immutable. */
export interface AcceptedEvent extends EventDraft {
  /** The life of the log that it was appended under; empty for events outside any log. */
  readonly epoch: string
  readonly sequence: number
  /** When it was accepted: RFC 3339, UTC, milliseconds. */
  readonly time: string
}

/** The most topics or users that one event, or one subscription, may name. */
export const maxTopics = 100

/** The longest name of an event, in characters. */
export const maxEventNameLength = 64
/** The longest key, in characters. */
export const maxKeyLength = 256
/** The form of a key. */
export const printableAscii = /^[\x20-\x7e]+$/
/** `ringcast` is the control events' name; EventSource fires `open` and `error` itself. */
export const reservedEventNames: ReadonlySet<string> = new Set(['ringcast', 'open', 'error'])
const fields = new Set(['topic', 'user', 'event', 'data', 'key'])

/**
 * Checks one event of a push whole.
 *
 * @param maxEventBytes the largest data, in bytes of UTF-8 as it is sent.
 * @throws RingcastError `RINGCAST_INVALID_EVENT`, `RINGCAST_TOPIC_RESERVED` or
 * `RINGCAST_EVENT_TOO_LARGE`, with the `path` of the field.
 */
export function checkEvent(value: unknown, maxEventBytes: number): EventDraft {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('', 'an event is an object with "data", and may have topic or user, event, key')
  }
  for (const name of Object.keys(value)) {
    if (!fields.has(name)) {
      const shown = name.slice(0, 64)
      throw invalid(
        shown,
        `unknown field ${JSON.stringify(shown)}: ${[...fields].join(', ')} are known`,
      )
    }
  }
  const { topic, user, event, data, key } = value as Record<string, unknown>
  if (topic !== undefined && user !== undefined) {
    throw invalid('user', '"topic" and "user" exclude each other: push two events')
  }
  const users = names('user', user, nameProblem)
  const checked = checkData(data, maxEventBytes)
  return {
    topics: topic === undefined && user === undefined ? broadcast : topics(topic),
    users,
    event: eventName(event),
    data: checked.data,
    json: checked.json,
    key: checkKey(key),
  }
}

const broadcast: readonly string[] = [defaultTopic]
const none: readonly string[] = []

/**
 * The last topic that was pushed to alone. The batches shape pays for it: events that follow each
 * other are mostly of one topic, which is then checked once, and one list for all of them.
 */
let lastTopic: readonly string[] = broadcast

function topics(value: unknown): readonly string[] {
  if (value === lastTopic[0]) return lastTopic
  const list = names('topic', value, topicProblem)
  const reserved = list.findIndex(isReserved)
  if (reserved !== -1) {
    throw new RingcastError(
      'RINGCAST_TOPIC_RESERVED',
      'topics that start with $ belong to the service and cannot be pushed',
      { path: pathOf('topic', value, reserved) },
    )
  }
  if (list.length === 1) lastTopic = list
  return list
}

function names(
  field: string,
  value: unknown,
  problemOf: (text: string) => string | undefined,
): readonly string[] {
  if (value === undefined) return none
  const list: unknown[] = Array.isArray(value) ? value : [value]
  if (list.length === 0 || list.length > maxTopics) {
    throw invalid(field, `"${field}" takes 1 to ${maxTopics} names (it has ${list.length})`)
  }
  for (const [index, name] of list.entries()) {
    const problem = typeof name === 'string' ? problemOf(name) : 'must be a string'
    if (problem !== undefined) throw invalid(pathOf(field, value, index), `a ${field} ${problem}`)
  }
  return list.length === 1 ? (list as string[]) : [...new Set(list as string[])]
}

function pathOf(field: string, value: unknown, index: number): string {
  return Array.isArray(value) ? `${field}[${index}]` : field
}

function eventName(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (
    typeof value !== 'string' ||
    value.length === 0 ||
    Array.from(value).length > maxEventNameLength ||
    controlCharacter.test(value) ||
    !value.isWellFormed()
  ) {
    throw invalid(
      'event',
      `"event" is 1 to ${maxEventNameLength} characters without control characters`,
    )
  }
  if (reservedEventNames.has(value)) {
    throw invalid(
      'event',
      `"event" must not be ${[...reservedEventNames].join(', ')}: clients take these for their own`,
    )
  }
  return value
}

function checkKey(value: unknown): string | undefined {
  if (value === undefined) return undefined
  if (typeof value !== 'string' || value.length > maxKeyLength || !printableAscii.test(value)) {
    throw invalid('key', `"key" is 1 to ${maxKeyLength} printable ASCII characters`)
  }
  return value
}

function checkData(value: unknown, maxEventBytes: number): { data: string; json: boolean } {
  if (value === undefined) throw invalid('data', '"data" is required; it may be any JSON, null too')
  const json = typeof value !== 'string'
  const data = json ? JSON.stringify(value) : value
  if (!json && !data.isWellFormed()) {
    throw invalid('data', '"data" has a lone surrogate, which UTF-8 cannot carry')
  }
  // A string is at most three bytes a UTF-16 unit: most data is short enough without being counted.
  const bytes = data.length * 3 <= maxEventBytes ? 0 : Buffer.byteLength(data)
  if (bytes > maxEventBytes) {
    throw new RingcastError(
      'RINGCAST_EVENT_TOO_LARGE',
      `"data" has ${bytes} bytes, the most is ${maxEventBytes} (MAX_EVENT_BYTES)`,
      { path: 'data' },
    )
  }
  return { data, json }
}

function invalid(path: string, message: string): RingcastError {
  const details: ErrorDetails = path === '' ? {} : { path }
  return new RingcastError('RINGCAST_INVALID_EVENT', message, details)
}
