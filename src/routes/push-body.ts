import { RingcastError } from '../errors.js'
import { checkEvent, type EventDraft } from '../hub/event.js'
import { maxBatch } from '../limits/request-limits.js'
import { pushOperation } from '../openapi/event-operations.js'
import { parametersOf } from '../openapi/operation.js'
import { parseJson, utf8Text } from './json-text.js'
import { checkNames, isAnybodys, many, single, type Query } from './query.js'

/** What a push asks for: its events, and whether it is answered as one or as many. */
export interface Push {
  readonly drafts: readonly EventDraft[]
  readonly single: boolean
}

/** What the query may say of an event whose data is the body. */
const textParameters = parametersOf(pushOperation)

/** The media types of a push, and how a body of each is read. */
export const pushTypes: Record<
  string,
  (body: Buffer, query: Query, maxEventBytes: number) => Push
> = {
  'application/json': readJson,
  'application/x-ndjson': readLines,
  'text/plain': readText,
}

function readJson(body: Buffer, query: Query, maxEventBytes: number): Push {
  refuseQuery(query)
  const value = parseJson(utf8Text(body))
  if (!Array.isArray(value)) return { drafts: [checkEvent(value, maxEventBytes)], single: true }
  checkLength(value.length)
  const drafts = value.map((event, index) => at({ index }, () => checkEvent(event, maxEventBytes)))
  return { drafts, single: false }
}

function readLines(body: Buffer, query: Query, maxEventBytes: number): Push {
  refuseQuery(query)
  const drafts: EventDraft[] = []
  for (const [index, text] of utf8Text(body).split('\n').entries()) {
    const line = index + 1
    // An empty line is none; a carriage return before the line feed is white space to JSON.
    if (text.trim() === '') continue
    drafts.push(at({ line }, () => checkEvent(parseJson(text, { line }), maxEventBytes)))
    if (drafts.length > maxBatch) checkLength(drafts.length)
  }
  checkLength(drafts.length)
  return { drafts, single: false }
}

function readText(body: Buffer, query: Query, maxEventBytes: number): Push {
  checkNames(query, textParameters)
  const event: Record<string, unknown> = { data: utf8Text(body) }
  for (const name of ['topic', 'user']) {
    const values = many(query, name)
    if (values.length > 0) event[name] = values
  }
  for (const name of ['event', 'key']) {
    const value = single(query, name)
    if (value !== undefined) event[name] = value
  }
  return { drafts: [checkEvent(event, maxEventBytes)], single: true }
}

function refuseQuery(query: Query): void {
  const name = Object.keys(query).find((candidate) => !isAnybodys(candidate))
  if (name === undefined) return
  throw new RingcastError(
    'RINGCAST_INVALID_QUERY',
    'a JSON push says all in its body; topic, user, event and key go into the query with text/plain only',
    { path: name.slice(0, 64) },
  )
}

function checkLength(length: number): void {
  if (length >= 1 && length <= maxBatch) return
  throw new RingcastError('RINGCAST_INVALID_EVENT', `a push takes 1 to ${maxBatch} events`)
}

/** Says, of an error in one of many events, which it was. */
function at<T>(place: { index: number } | { line: number }, read: () => T): T {
  try {
    return read()
  } catch (error) {
    if (error instanceof RingcastError) Object.assign(error.details, place)
    throw error
  }
}
