/**
 * What one request may ask for. The routes hold clients to these, and the OpenAPI document tells them.
 */

/** How many events `last` may ask for. */
export const lastLimits = { min: 0, max: 1000 }

/** How many rows or events `limit` may ask for, and how many come without it. */
export const pageLimits = { min: 1, max: 1000, default: 100 }

/** The most events in one push. */
export const maxBatch = 1000

/** The longest `ref` of a WebSocket message, in characters. */
export const maxRefLength = 128

/** What streams are sorted by; `-`: the largest first. The first is the default. */
export const streamSorts = ['-lag', 'lag', '-bytes', 'bytes', '-since', 'since'] as const

/** What topics are sorted by, in the same way. */
export const topicSorts = ['-streams', 'streams', 'topic', '-topic'] as const
