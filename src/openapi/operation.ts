import type { ErrorCode } from '../errors.js'
import { errorAnswers } from './error-schemas.js'
import type { Examples, JsonSchema } from './json-schema.js'

/** What the document groups operations by. */
export const tags = {
  Streams: 'What clients listen to.',
  Publishing: 'What services push.',
  Credentials: 'Tickets and sessions.',
  Administration: 'What the service says of itself, and the end of streams.',
  Health: 'For probes.',
  Pages: 'What browsers load.',
}

/** The ways to say who one is, by their names in the document. */
export type SecurityScheme = 'bearer' | 'ticket' | 'token' | 'session'

/** Who may ask. What it says of errors and credentials is the same for all routes of a kind. */
export type Access = keyof typeof accesses

/** What a route says of itself. */
export interface OperationParts {
  readonly operationId: string
  readonly tag: keyof typeof tags
  readonly summary: string
  readonly description?: string
  readonly access: Access
  /** The parameters of the query, by their names. */
  readonly query?: Readonly<Record<string, JsonSchema>>
  /** Those of the path. */
  readonly params?: Readonly<Record<string, JsonSchema>>
  /** Headers that mean something to this route. */
  readonly headers?: Readonly<Record<string, JsonSchema>>
  readonly body?: JsonSchema
  /** What it answers when all is well, by status. */
  readonly answers: Readonly<Record<number, JsonSchema>>
  /** Errors beside those that come with `access` and the method. */
  readonly codes?: readonly ErrorCode[]
  /** Those of them that this route does not give all the same. */
  readonly without?: readonly ErrorCode[]
  /** Examples of errors, by status. */
  readonly refusals?: Readonly<Record<number, Examples>>
  /** Whether it is a POST or DELETE, whose body is read whether the route wants one or not. */
  readonly changes?: boolean
  /** Where it differs from what `access` says. */
  readonly security?: readonly (readonly SecurityScheme[])[]
  /** Extensions of the document, beginning with `x-`. */
  readonly [extension: `x-${string}`]: unknown
}

/** What a route's own schema is: for the document alone, since routes check what they get themselves. */
export interface Operation {
  readonly operationId: string
  readonly tags: readonly string[]
  readonly summary: string
  readonly description?: string
  readonly security: readonly Readonly<Record<string, readonly string[]>>[]
  readonly querystring?: JsonSchema
  readonly params?: JsonSchema
  readonly headers?: JsonSchema
  readonly body?: JsonSchema
  readonly response: Readonly<Record<number, JsonSchema>>
}

/** What any request may be answered. */
const always: readonly ErrorCode[] = [
  'RINGCAST_BAD_REQUEST',
  'RINGCAST_HOST_REFUSED',
  'RINGCAST_REQUEST_TIMEOUT',
  'RINGCAST_HEADERS_TOO_LARGE',
  'RINGCAST_INTERNAL',
]

/** What any request is answered whose body is not what the service takes. */
const ofBodies: readonly ErrorCode[] = [
  'RINGCAST_BODY_TOO_LARGE',
  'RINGCAST_UNSUPPORTED_MEDIA_TYPE',
  'RINGCAST_BUSY',
]

/** What finding out who asks may come to. */
const ofCredentials: readonly ErrorCode[] = [
  'RINGCAST_INVALID_QUERY',
  'RINGCAST_ORIGIN_REFUSED',
  'RINGCAST_UNAUTHENTICATED',
  'RINGCAST_INVALID_CREDENTIAL',
  'RINGCAST_REVOKED',
  'RINGCAST_KEYS_UNAVAILABLE',
  // A ticket is in Redis where there are several nodes.
  'RINGCAST_LOG_UNAVAILABLE',
]

const anyCredential = [['bearer'], ['ticket'], ['token'], ['session']] as const

const accesses = {
  /** Pages of any origin, without a credential. */
  everyPage: { codes: [], security: [] },
  everybody: { codes: ['RINGCAST_ORIGIN_REFUSED'], security: [] },
  /** As far as granted; without a credential where `ANONYMOUS` allows it. */
  subscribers: {
    codes: [...ofCredentials, 'RINGCAST_FORBIDDEN'],
    security: [...anyCredential, []],
  },
  publishers: { codes: [...ofCredentials, 'RINGCAST_FORBIDDEN'], security: anyCredential },
  holders: { codes: ofCredentials, security: anyCredential },
  administrators: { codes: [...ofCredentials, 'RINGCAST_FORBIDDEN'], security: anyCredential },
} as const satisfies Record<
  string,
  {
    readonly codes: readonly ErrorCode[]
    readonly security: readonly (readonly SecurityScheme[])[]
  }
>

/** The schema of a route. */
export function operation({
  tag,
  access,
  query,
  params,
  headers,
  answers,
  codes = [],
  without = [],
  refusals = {},
  changes = false,
  security = accesses[access].security,
  ...rest
}: OperationParts): Operation {
  const allCodes = [
    ...always,
    ...accesses[access].codes,
    ...(changes ? ofBodies : []),
    ...(query === undefined ? [] : (['RINGCAST_INVALID_QUERY'] as const)),
    ...codes,
  ].filter((code) => !without.includes(code))
  return {
    ...rest,
    tags: [tag],
    security: security.map((schemes) => Object.fromEntries(schemes.map((name) => [name, []]))),
    ...(query === undefined ? {} : { querystring: fields(query) }),
    ...(params === undefined ? {} : { params: fields(params) }),
    ...(headers === undefined ? {} : { headers: fields(headers) }),
    response: { ...answers, ...errorAnswers(allCodes, refusals) },
  }
}

/** The names of the parameters that a route knows. */
export function parametersOf({ querystring }: Operation): readonly string[] {
  return Object.keys(querystring?.['properties'] ?? {})
}

/** An answer in JSON, with examples. */
export function json(schema: JsonSchema, description: string, examples?: Examples): JsonSchema {
  return media('application/json', schema, description, examples)
}

/** An answer of this media type. */
export function media(
  type: string,
  schema: JsonSchema,
  description: string,
  examples?: Examples,
): JsonSchema {
  const content = { [type]: { schema, ...(examples === undefined ? {} : { examples }) } }
  return { description, content }
}

/** An answer without a body. */
export function empty(description: string): JsonSchema {
  return { type: 'null', description }
}

function fields(properties: Readonly<Record<string, JsonSchema>>): JsonSchema {
  return { type: 'object', properties }
}
