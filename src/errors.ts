/**
 * Every error that a user of the service can meet: its stable code, its status, and when it comes.
 * Users match on `code`; the message says what was wrong and what would be right, and never echoes
 * a secret. README's table of codes is held equal to this registry by a test.
 */
export const errorCodes = {
  RINGCAST_BAD_REQUEST: [400, 'The request is not HTTP that the service can read.'],
  RINGCAST_INVALID_JSON: [400, 'The body, or a line of it, is not JSON in UTF-8.'],
  RINGCAST_INVALID_EVENT: [400, 'An event breaks its grammar; `path` names the field.'],
  RINGCAST_INVALID_TOPIC: [400, 'A topic or pattern of the query breaks its grammar.'],
  RINGCAST_INVALID_QUERY: [400, 'A query parameter is unknown, repeated or has a bad value.'],
  RINGCAST_INVALID_MESSAGE: [400, 'A WebSocket message is none that the service knows.'],
  RINGCAST_UNAUTHENTICATED: [401, 'A credential is needed, and none was given.'],
  RINGCAST_INVALID_CREDENTIAL: [
    401,
    'The credential is unknown, malformed, expired, used up, not valid yet or for another service.',
  ],
  RINGCAST_REVOKED: [
    401,
    'The credential was revoked; `GET /events` answers `204`, and an EventSource stops.',
  ],
  RINGCAST_FORBIDDEN: [403, 'The credential does not grant this; the message names the topic.'],
  RINGCAST_TOPIC_RESERVED: [403, 'Topics that start with `$` belong to the service.'],
  RINGCAST_HOST_REFUSED: [403, 'The `Host` is not this machine, while the service is open.'],
  RINGCAST_ORIGIN_REFUSED: [403, 'The page that asks is of an origin that is not allowed.'],
  RINGCAST_NOT_FOUND: [404, 'There is no such route.'],
  RINGCAST_STREAM_NOT_FOUND: [404, 'No open stream has this id.'],
  RINGCAST_METHOD_NOT_ALLOWED: [405, 'The route exists, with another method.'],
  RINGCAST_NOT_ACCEPTABLE: [406, '`Accept` excludes what the route answers.'],
  RINGCAST_REQUEST_TIMEOUT: [408, 'The request did not arrive in time.'],
  RINGCAST_KEY_CONFLICT: [409, 'The key was used before, for another event.'],
  RINGCAST_TOKEN_TOO_LARGE: [413, 'The token is larger than what browsers keep as a cookie.'],
  RINGCAST_EVENT_TOO_LARGE: [413, 'An event is larger than `MAX_EVENT_BYTES`.'],
  RINGCAST_BODY_TOO_LARGE: [
    413,
    'The body is larger than `MAX_BODY_BYTES`, or the batch than the ring.',
  ],
  RINGCAST_UNSUPPORTED_MEDIA_TYPE: [415, 'The content type is none that the route reads.'],
  RINGCAST_UPGRADE_REQUIRED: [426, '`GET /ws` is for WebSocket handshakes.'],
  RINGCAST_RATE_LIMITED: [429, 'The client pushed more events than `PUSHES_PER_SECOND` allows.'],
  RINGCAST_HEADERS_TOO_LARGE: [431, 'The request line and headers are larger than 16 KiB.'],
  RINGCAST_INTERNAL: [500, 'A fault of the service; the log has it.'],
  RINGCAST_BUSY: [503, 'The ring holds only events that are not yet fanned out.'],
  RINGCAST_DRAINING: [503, 'The service is shutting down.'],
  RINGCAST_KEYS_UNAVAILABLE: [
    503,
    'The keys to check the token with cannot be fetched; tokens of known keys go on.',
  ],
  RINGCAST_TOO_MANY_TICKETS: [
    503,
    'More tickets wait to be used than the service holds, or one user may have.',
  ],
  RINGCAST_WORKER_SILENT: [
    503,
    'A worker did not answer in time: without it the metrics would be less than they are.',
  ],
  RINGCAST_LOG_UNAVAILABLE: [503, 'The log cannot be reached.'],
  RINGCAST_UNCERTAIN: [
    503,
    'The log was lost in the middle of a push and cannot be asked: repeat it with the same key.',
  ],
} as const satisfies Record<string, readonly [status: number, when: string]>

/** The stable code of an error. */
export type ErrorCode = keyof typeof errorCodes

/** What an error says beyond its code and message. */
export interface ErrorDetails {
  /** Which of many events was at fault: its place in the array, from 0. */
  index?: number
  /** Which line of an NDJSON body was at fault, from 1. */
  line?: number
  /** Which field of the event was at fault, as `data` or `topic[3]`. */
  path?: string
  /** After how many seconds to try again: the `Retry-After` header (RFC 9110 section 10.2.3). */
  retryAfterSeconds?: number
}

/** An error of the registry, with the message for this one case. */
export class RingcastError extends Error {
  override readonly name = 'RingcastError'
  /** The HTTP status that the registry gives to the code. */
  readonly statusCode: number

  constructor(
    readonly code: ErrorCode,
    message: string,
    readonly details: ErrorDetails = {},
  ) {
    super(message)
    this.statusCode = errorCodes[code][0]
  }
}

/** Why the log cannot be used for now, as its users are told: they may ask again in a moment. */
export function logUnavailable(why: string): RingcastError {
  return new RingcastError('RINGCAST_LOG_UNAVAILABLE', why, { retryAfterSeconds: 1 })
}
