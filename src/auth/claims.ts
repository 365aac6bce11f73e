import { isReserved, nameProblem, subscriptionProblem } from '../hub/topic.js'
import { publicTopics, type Caller } from './caller.js'
import { grantsOfUser } from './grants.js'

/** Where in a token's claims its user and grants stand, and what users have without a claim. */
export interface ClaimSettings {
  /** The setting `JWT_CLAIM`: the claim with `subscribe`, `publish` and `admin`. */
  readonly jwtClaim: string
  /** The setting `JWT_USER_CLAIM`. */
  readonly jwtUserClaim: string
  /** The setting `USER_GRANTS`. */
  readonly userGrants: readonly string[]
}

/** Says what is wrong with the claims of a token that is otherwise good. */
export class ClaimError extends Error {
  override readonly name = 'ClaimError'
}

/**
 * What the claims of a verified token grant (RFC 7519 section 4). Only a claim's own fields count,
 * whatever they are named; a claim of the wrong form is no grant of something else, but an error.
 *
 * @throws ClaimError
 */
export function callerOfClaims(
  claims: Readonly<Record<string, unknown>>,
  { jwtClaim, jwtUserClaim, userGrants }: ClaimSettings,
): Caller {
  const user = userOf(own(claims, jwtUserClaim), jwtUserClaim)
  const grants = own(claims, jwtClaim) ?? {}
  if (typeof grants !== 'object' || Array.isArray(grants)) {
    throw new ClaimError(`its claim "${jwtClaim}" is no object`)
  }
  const admin = own(grants, 'admin') ?? false
  if (typeof admin !== 'boolean') throw new ClaimError(`its "${jwtClaim}.admin" is no boolean`)
  const { exp, iat } = claims
  return {
    kind: 'token',
    user,
    subscribe: [
      ...publicTopics,
      ...patternsOf(own(grants, 'subscribe'), `${jwtClaim}.subscribe`),
      ...(user === undefined ? [] : grantsOfUser(userGrants, user)),
    ],
    publish: patternsOf(own(grants, 'publish'), `${jwtClaim}.publish`),
    admin,
    expiresAt: typeof exp === 'number' ? exp * 1000 : undefined,
    issuedAt: typeof iat === 'number' ? iat : undefined,
  }
}

function own(object: object, name: string): unknown {
  return Object.hasOwn(object, name) ? (object as Record<string, unknown>)[name] : undefined
}

function userOf(value: unknown, claim: string): string | undefined {
  if (value === undefined || value === null) return undefined
  // Some identity providers number their users.
  const user = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value
  if (typeof user === 'string' && nameProblem(user) === undefined) return user
  throw new ClaimError(`its claim "${claim}" is no user's name`)
}

function patternsOf(value: unknown, claim: string): readonly string[] {
  if (value === undefined) return []
  const patterns: unknown[] = Array.isArray(value) ? value : [value]
  if (patterns.every(isGrant)) return patterns
  throw new ClaimError(`its "${claim}" is no list of topics and patterns`)
}

/** Topics of the service come with `admin` and in no other way. */
function isGrant(value: unknown): value is string {
  return typeof value === 'string' && subscriptionProblem(value) === undefined && !isReserved(value)
}
