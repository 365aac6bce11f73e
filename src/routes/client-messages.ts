import { closest } from 'fastest-levenshtein'
import { RingcastError } from '../errors.js'
import { maxRefLength } from '../limits/request-limits.js'
import { parseJson } from './json-text.js'

/** What a client gives a request, to find its answer by. */
export type Ref = string | number

/** What a client asks for over WebSocket; what its fields hold is for whoever answers it to check. */
export interface ClientMessage {
  readonly type: MessageType
  readonly ref: Ref | undefined
  readonly fields: Readonly<Record<string, unknown>>
}

/** The fields of each type of message, beside `type` and `ref`. */
const fieldsOf = {
  auth: ['token'],
  subscribe: ['topics', 'lastEventId', 'last'],
  unsubscribe: ['topics'],
  push: ['topic', 'user', 'event', 'data', 'key'],
  ping: [],
} as const satisfies Record<string, readonly string[]>

/** The types of messages. */
export type MessageType = keyof typeof fieldsOf

const types = Object.keys(fieldsOf)

/** A message that is none, with the `ref` that it had all the same. */
export class BadMessage extends Error {
  /** @param answer what its sender is told. */
  constructor(
    readonly answer: RingcastError,
    readonly ref?: Ref,
  ) {
    super(answer.message)
  }
}

/**
 * Reads a message.
 *
 * @throws BadMessage with `RINGCAST_INVALID_JSON` or `RINGCAST_INVALID_MESSAGE`.
 */
export function readMessage(text: string): ClientMessage {
  const value = valueOf(text)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw bad('a message is an object with "type"', undefined)
  }
  const { type, ref: given, ...fields } = value as Record<string, unknown>
  const ref = refOf(given)
  if (!isType(type)) {
    const hint =
      typeof type === 'string' ? `: did you mean ${JSON.stringify(closest(type, types))}?` : ''
    throw bad(`"type" is one of ${types.join(', ')}${hint}`, ref)
  }
  const known: readonly string[] = fieldsOf[type]
  const unknown = Object.keys(fields).find((name) => !known.includes(name))
  if (unknown !== undefined) {
    const name = JSON.stringify(unknown.slice(0, 64))
    throw bad(`unknown field ${name}: ${type} has ${['ref', ...known].join(', ')}`, ref)
  }
  return { type, ref, fields }
}

/** A message that is wrong in what it says. */
export function bad(message: string, ref: Ref | undefined): BadMessage {
  return new BadMessage(new RingcastError('RINGCAST_INVALID_MESSAGE', message), ref)
}

function valueOf(text: string): unknown {
  try {
    return parseJson(text)
  } catch (error) {
    if (error instanceof RingcastError) throw new BadMessage(error)
    throw error
  }
}

function refOf(ref: unknown): Ref | undefined {
  const isRef =
    ref === undefined ||
    typeof ref === 'number' ||
    (typeof ref === 'string' && ref.length <= maxRefLength)
  if (isRef) return ref
  throw bad(`"ref" is a number, or a string of up to ${maxRefLength} characters`, undefined)
}

function isType(type: unknown): type is MessageType {
  return typeof type === 'string' && types.includes(type)
}
