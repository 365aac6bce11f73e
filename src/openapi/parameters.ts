import { maxTopics } from '../hub/event.js'
import { lastLimits, pageLimits } from '../limits/request-limits.js'
import { ref, text, type JsonSchema } from './json-schema.js'

/** Parameters that several routes have. */

/** Topics and patterns to subscribe to. */
export const topic: JsonSchema = {
  type: 'array',
  maxItems: maxTopics,
  items: ref('TopicOrPattern'),
  description: `An exact topic or a pattern; repeatable, up to ${maxTopics}. Without any: \`broadcast\`.`,
  examples: [['orders/*']],
}

/** Whose a stream is. */
export const user: JsonSchema = {
  allOf: [ref('User')],
  description: 'Only while the service has no credentials: the user that asks.',
}

/** Where to resume. */
export const lastEventId = text(
  'Where to resume: an id, or `earliest` for all that is retained. The header `Last-Event-ID` wins.',
)

/** The same as a header, as an EventSource sends it (WHATWG HTML, section 9.2). */
export const lastEventIdHeader = text('Where to resume: an id, or `earliest`.')

/** The newest events first. */
export const last: JsonSchema = {
  type: 'integer',
  minimum: lastLimits.min,
  maximum: lastLimits.max,
  description: 'Without an id to resume from: first the newest so many events that match.',
}

/** The most rows or events. */
export const limit: JsonSchema = {
  type: 'integer',
  minimum: pageLimits.min,
  maximum: pageLimits.max,
  default: pageLimits.default,
  description: 'The most that are listed.',
}

/** The next page. */
export const after = text('For the next page: what the last one gave as `after`.')

/** By what a list is sorted; the first is the default. */
export function sort(words: readonly string[]): JsonSchema {
  return {
    type: 'string',
    enum: words,
    default: words[0],
    description: 'By what the list is sorted; `-`: the largest first.',
  }
}
