import { parametersOf } from '../openapi/operation.js'
import { webSocketOperation } from '../openapi/stream-operations.js'
import type { StartRequest } from '../hub/resume.js'
import { defaultTopic } from '../hub/topic.js'
import { lastLimits } from '../limits/request-limits.js'
import { bad, type ClientMessage } from './client-messages.js'
import { checkNames, checkTopics, integer, many, subscription, type Query } from './query.js'

const parameters = parametersOf(webSocketOperation)

/** What a client subscribes to, and from where on. */
export interface Subscription extends StartRequest {
  readonly topics: readonly string[]
}

/**
 * What a handshake subscribes to, by its query; undefined where that says nothing of it.
 *
 * @param lastEventId the id to resume from, as `readLastEventId` found it.
 * @throws RingcastError `RINGCAST_INVALID_QUERY`, `RINGCAST_INVALID_TOPIC`.
 */
export function startOf(query: Query, lastEventId: string | undefined): Subscription | undefined {
  checkNames(query, parameters)
  const last = integer(query, 'last', lastLimits)
  const isNamed = many(query, 'topic').length > 0
  if (!isNamed && lastEventId === undefined && last === undefined) return undefined
  return { topics: subscription(query), lastEventId, last }
}

/**
 * What a message subscribes to, or ends.
 *
 * @throws BadMessage; RingcastError `RINGCAST_INVALID_TOPIC`.
 */
export function topicsOf({ type, ref, fields }: ClientMessage): Subscription {
  const byDefault = type === 'subscribe' ? [defaultTopic] : undefined
  const { topics = byDefault, lastEventId, last } = fields
  if (!isTexts(topics)) throw bad('"topics" is an array of topics and patterns', ref)
  if (lastEventId !== undefined && typeof lastEventId !== 'string') {
    throw bad('"lastEventId" is an id, or "earliest"', ref)
  }
  if (last !== undefined && !isLast(last)) {
    throw bad(`"last" is a whole number from ${lastLimits.min} to ${lastLimits.max}`, ref)
  }
  checkTopics(topics, 'topics')
  // As in a query, an empty id counts as none.
  return { topics, lastEventId: lastEventId === '' ? undefined : lastEventId, last }
}

function isTexts(value: unknown): value is readonly string[] {
  return Array.isArray(value) && value.length > 0 && value.every((text) => typeof text === 'string')
}

function isLast(value: unknown): value is number {
  if (!Number.isInteger(value)) return false
  return Number(value) >= lastLimits.min && Number(value) <= lastLimits.max
}
