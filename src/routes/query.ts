import { closest } from 'fastest-levenshtein'
import { RingcastError } from '../errors.js'
import { maxTopics } from '../hub/event.js'
import { defaultTopic, isReserved, nameProblem, subscriptionProblem } from '../hub/topic.js'

/** The parameters of a request, by name; a repeated one has all its values. */
export type Query = Readonly<Record<string, string | readonly string[] | undefined>>

/** Where credentials may stand in a query, on every route. */
const credentialNames = ['token', 'ticket']

/** A `400` about one parameter. */
export function invalidQuery(name: string, message: string): RingcastError {
  return new RingcastError('RINGCAST_INVALID_QUERY', message, { path: name.slice(0, 64) })
}

/**
 * Refuses parameters that a route does not know, and names the one that was probably meant. Those
 * that start with `_` are anybody's, to get past caches.
 */
export function checkNames(query: Query, known: readonly string[]): void {
  for (const name of Object.keys(query)) {
    if (known.includes(name) || isAnybodys(name)) continue
    const hint =
      known.length === 0
        ? 'none are known here'
        : `did you mean ${JSON.stringify(closest(name, [...known, ...credentialNames]))}?`
    throw invalidQuery(name, `unknown parameter ${JSON.stringify(name.slice(0, 64))}: ${hint}`)
  }
}

/** Whether a parameter means no route in particular: a credential, or one to get past caches. */
export function isAnybodys(name: string): boolean {
  return credentialNames.includes(name) || name.startsWith('_')
}

/** A parameter that may be given once; an empty one counts as not given. */
export function single(query: Query, name: string): string | undefined {
  const value = query[name]
  if (typeof value === 'string' || value === undefined) return value === '' ? undefined : value
  throw invalidQuery(name, `"${name}" may be given once`)
}

/** A parameter that may be repeated. */
export function many(query: Query, name: string): readonly string[] {
  const value = query[name]
  if (value === undefined) return []
  return typeof value === 'string' ? [value] : value
}

/** A whole number, from `min` to `max`. */
export function integer(
  query: Query,
  name: string,
  { min, max }: { min: number; max: number },
): number | undefined {
  const value = single(query, name)
  if (value === undefined) return undefined
  const number = /^\d{1,15}$/.test(value) ? Number(value) : NaN
  if (number >= min && number <= max) return number
  throw invalidQuery(name, `"${name}" is a whole number from ${min} to ${max}`)
}

/** A parameter that is one of a few words. */
export function oneOf<T extends string>(
  query: Query,
  name: string,
  words: readonly T[],
): T | undefined {
  const value = single(query, name)
  if (value === undefined) return undefined
  const word = words.find((candidate) => candidate === value)
  if (word !== undefined) return word
  throw invalidQuery(name, `"${name}" is ${words.join(' or ')}`)
}

/** A user's name. */
export function user(query: Query): string | undefined {
  const value = single(query, 'user')
  const problem = value === undefined ? undefined : nameProblem(value)
  if (problem !== undefined) throw invalidQuery('user', `"user" ${problem}`)
  return value
}

/**
 * The topics and patterns of a subscription; `broadcast` without any.
 *
 * @throws RingcastError `RINGCAST_INVALID_TOPIC`.
 */
export function subscription(query: Query): readonly string[] {
  const topics = many(query, 'topic')
  if (topics.length === 0) return [defaultTopic]
  checkTopics(topics, 'topic')
  return topics
}

/**
 * Refuses topics and patterns of which a stream cannot be.
 *
 * @param path where they are given, for the error.
 * @throws RingcastError `RINGCAST_INVALID_TOPIC`.
 */
export function checkTopics(topics: readonly string[], path: 'topic' | 'topics'): void {
  if (topics.length > maxTopics) {
    throw invalidTopic(
      path,
      `a stream takes up to ${maxTopics} topics (there are ${topics.length})`,
    )
  }
  for (const [index, topic] of topics.entries()) {
    const problem = subscriptionProblem(topic)
    if (problem !== undefined) throw invalidTopic(path, `topic ${index + 1} ${problem}`)
  }
  if (topics.some(isReserved) && !topics.every(isReserved)) {
    throw mixedTopics(path)
  }
}

/** The refusal of topics of both kinds for one stream. */
export function mixedTopics(path: 'topic' | 'topics'): RingcastError {
  return invalidTopic(path, 'a stream takes $sys topics or others, not both: open two')
}

function invalidTopic(path: string, message: string): RingcastError {
  return new RingcastError('RINGCAST_INVALID_TOPIC', message, { path })
}
