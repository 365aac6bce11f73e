/** Who asks, and what is granted to them: what a credential comes to, once it is checked. */
export interface Caller {
  /**
   * `open`: the service asks nobody who they are. `anonymous`: without a credential, where one would
   * say more. `key`: with an API key. `token`: with a JWT.
   */
  readonly kind: 'open' | 'anonymous' | 'key' | 'token'
  /** Whose streams these are: they get what is pushed to this user. */
  readonly user: string | undefined
  /** Which of the API keys it is, from 1: what a key is called where it is not to be shown. */
  readonly key?: number
  /** Topics and patterns that may be subscribed to; those of the service come with `admin`. */
  readonly subscribe: readonly string[]
  /** Topics and patterns that may be pushed to. */
  readonly publish: readonly string[]
  /** Whether what the service says of itself may be read, and streams ended. */
  readonly admin: boolean
  /** When the credential expires: milliseconds since the Unix epoch; never, if undefined. */
  readonly expiresAt: number | undefined
  /** When the credential was issued, in seconds since the Unix epoch, if it says so. */
  readonly issuedAt: number | undefined
}

/** What every valid credential may subscribe to, and anybody with `ANONYMOUS=subscribe`. */
export const publicTopics: readonly string[] = ['broadcast', 'public/**']

const nobody = { user: undefined, expiresAt: undefined, issuedAt: undefined }
const everything = { subscribe: ['**'], publish: ['**'], admin: true }

/** Whoever asks a service that is open. */
export const openCaller: Caller = { kind: 'open', ...nobody, ...everything }

/** The holder of an API key, an internal service as a rule. */
export function keyCaller(key: number): Caller {
  return { kind: 'key', key, ...nobody, ...everything }
}

/** Whoever has no credential, where `ANONYMOUS=subscribe` lets them listen. */
export const anonymousCaller: Caller = {
  kind: 'anonymous',
  ...nobody,
  subscribe: publicTopics,
  publish: [],
  admin: false,
}
