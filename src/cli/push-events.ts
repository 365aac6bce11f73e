import { parseObject } from './service.js'

/** A line of the input that is not what it should be. The message says why, not which. */
export class InputError extends Error {
  override readonly name = 'InputError'
}

/** How an event is given: data that is text, data that is JSON, or the whole event as JSON. */
export type InputFormat = 'text' | 'json' | 'ndjson'

/** What the flags say about every event; an event object of its own fields wins over them. */
export interface Envelope {
  readonly topics: readonly string[]
  readonly users: readonly string[]
  readonly event?: string | undefined
}

/**
 * Makes the JSON of an event of a line, or undefined for a line that is none. JSON that is given
 * is passed on as it stands, since reading and writing it again would round its large numbers.
 * Throws an InputError.
 */
export type EncodeEvent = (text: string, key: string) => string | undefined

/** How the lines of a format become events. */
export function eventEncoder(format: InputFormat, envelope: Envelope): EncodeEvent {
  const address = members({ topic: oneOrMany(envelope.topics), user: oneOrMany(envelope.users) })
  const event = members({ event: envelope.event })
  const encode = (data: string, key: string) =>
    `{${joined([address, event, `"data":${data}`, members({ key })])}}`
  switch (format) {
    case 'text':
      return (text, key) => encode(JSON.stringify(text), key)
    case 'json':
      return (text, key) => (isBlank(text) ? undefined : encode(checkJson(text), key))
    case 'ndjson':
      return (text, key) => (isBlank(text) ? undefined : complete(text, { address, event, key }))
  }
}

function complete(text: string, given: { address: string; event: string; key: string }): string {
  const object = parseObject(text)
  if (object === undefined) throw new InputError('not a JSON object')
  const has = (name: string) => Object.hasOwn(object, name)
  const added = joined([
    has('topic') || has('user') ? '' : given.address,
    has('event') ? '' : given.event,
    has('key') ? '' : members({ key: given.key }),
  ])
  const own = text.trim().slice(1, -1).trim()
  return `{${joined([added, own])}}`
}

function checkJson(text: string): string {
  try {
    JSON.parse(text)
    return text
  } catch {
    throw new InputError('not JSON')
  }
}

function members(object: Record<string, unknown>): string {
  return JSON.stringify(object).slice(1, -1)
}

function joined(parts: readonly string[]): string {
  return parts.filter((part) => part !== '').join(',')
}

function oneOrMany(values: readonly string[]): string | readonly string[] | undefined {
  return values.length > 1 ? values : values[0]
}

function isBlank(text: string): boolean {
  return text.trim() === ''
}
