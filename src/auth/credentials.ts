import { hash, timingSafeEqual } from 'node:crypto'
import type { IncomingHttpHeaders } from 'node:http'
import { parseCookie } from 'cookie'
import { RingcastError } from '../errors.js'
import type { RevocationStore } from '../hub/event-log.js'
import { anonymousCaller, keyCaller, openCaller, type Caller } from './caller.js'
import { hasCredentials, type CredentialSettings } from './credential-settings.js'
import { unauthenticated } from './grants.js'
import { invalidCredential } from './invalid-credential.js'
import type { RemoteKeysParts } from './remote-keys.js'
import { Revocations } from './revocations.js'
import { Tickets, type TicketStore } from './tickets.js'
import { VerifiedTokens } from './verified-tokens.js'
import { WebTokens } from './web-tokens.js'

/** The cookie that a session is. */
export const sessionCookie = 'ringcast_token'

/** The longest token, in characters; a request's line and headers have 16 KiB together. */
const maxTokenLength = 8 * 1024

/** A credential as it came with a request, and where it stood. */
export interface Given {
  readonly from: 'header' | 'ticket' | 'query' | 'cookie'
  readonly text: string
}

/**
 * Finds the credential of a request: of `Authorization: Bearer`, the query's `ticket` and `token`,
 * and the session cookie, the first that is there. Whether it is good is another question.
 *
 * @throws RingcastError `RINGCAST_INVALID_CREDENTIAL` for an `Authorization` of no form that is known.
 */
export function findCredential(
  { authorization, cookie }: IncomingHttpHeaders,
  { ticket, token }: { readonly ticket?: string | undefined; readonly token?: string | undefined },
): Given | undefined {
  const bearer = authorization === undefined ? undefined : bearerOf(authorization)
  if (bearer !== undefined) return { from: 'header', text: bearer }
  if (ticket !== undefined) return { from: 'ticket', text: ticket }
  if (token !== undefined) return { from: 'query', text: token }
  const session = cookie === undefined ? undefined : parseCookie(cookie)[sessionCookie]
  return session ? { from: 'cookie', text: session } : undefined
}

/** The token of an `Authorization` header (RFC 6750 section 2.1). `Basic` is for a proxy in front. */
function bearerOf(authorization: string): string | undefined {
  const [, token] = /^bearer +([\x21-\x7e]+) *$/i.exec(authorization) ?? []
  if (token !== undefined || /^basic /i.test(authorization)) return token
  throw invalidCredential('"Authorization" is to be "Bearer <key or token>"')
}

/** What credentials are checked with. */
export interface CredentialParts extends RemoteKeysParts {
  /** Where revocations outlive the process, if they do. */
  readonly revocations?: RevocationStore | undefined
  /** Where tickets wait; with this process if undefined. */
  readonly tickets?: TicketStore | undefined
}

/** Tells who somebody is by their credential. */
export class Credentials {
  readonly #now: () => number
  readonly #keys: readonly { readonly digest: Buffer; readonly caller: Caller }[]
  readonly #webTokens: WebTokens
  readonly #verified: VerifiedTokens
  readonly #withoutCredential: Caller | undefined

  /** Whether anybody is asked who they are. */
  readonly configured: boolean
  readonly tickets: Tickets
  readonly revocations: Revocations

  constructor(settings: CredentialSettings, parts: CredentialParts) {
    this.#now = parts.now
    this.#keys = settings.apiKeys.map((key, index) => ({
      digest: digestOf(key),
      caller: keyCaller(index + 1),
    }))
    this.#webTokens = new WebTokens(settings, parts)
    this.#verified = new VerifiedTokens(parts.now)
    this.configured = hasCredentials(settings)
    this.tickets = new Tickets(parts.now, parts.tickets)
    this.revocations = new Revocations(parts.now, parts.revocations)
    this.#withoutCredential = callerWithout(this.configured, settings.anonymous)
  }

  /**
   * Who has a credential, or none. An open service has nothing to check it by, and does not look.
   *
   * @throws RingcastError `RINGCAST_UNAUTHENTICATED`, `RINGCAST_INVALID_CREDENTIAL`,
   * `RINGCAST_REVOKED`; a promise rejects with these or `RINGCAST_KEYS_UNAVAILABLE`.
   */
  callerOf(given: Given | undefined): Caller | Promise<Caller> {
    if (!this.configured) return openCaller
    if (given === undefined) {
      if (this.#withoutCredential === undefined) throw unauthenticated('this')
      return this.#withoutCredential
    }
    const { from, text } = given
    if (from === 'ticket') {
      const buyer = this.tickets.take(text)
      return buyer instanceof Promise
        ? buyer.then((caller) => this.#buyer(caller))
        : this.#buyer(buyer)
    }
    if (text.length > maxTokenLength) {
      throw invalidCredential(`it is longer than ${maxTokenLength} characters`)
    }
    const digest = digestOf(text)
    const holder = this.#holderOf(digest)
    if (holder !== undefined) return holder
    const name = digest.toString('latin1')
    const known = this.#verified.get(name)
    if (known !== undefined) return this.#checked(known)
    return this.#webTokens.verify(text).then((caller) => {
      this.#verified.add(name, caller)
      return this.#checked(caller)
    })
  }

  #buyer(caller: Caller | undefined): Caller {
    if (caller !== undefined) return this.#checked(caller)
    throw invalidCredential('the ticket is unknown, used or older than half a minute')
  }

  #holderOf(digest: Buffer): Caller | undefined {
    // All are compared, whichever it is.
    let holder: Caller | undefined
    for (const key of this.#keys) if (timingSafeEqual(key.digest, digest)) holder = key.caller
    return holder
  }

  #checked(caller: Caller): Caller {
    if (caller.expiresAt !== undefined && caller.expiresAt <= this.#now()) {
      throw invalidCredential('it has expired')
    }
    if (this.revocations.has(caller)) {
      throw new RingcastError('RINGCAST_REVOKED', 'the credential was revoked: sign in anew')
    }
    return caller
  }
}

function callerWithout(
  configured: boolean,
  anonymous: CredentialSettings['anonymous'],
): Caller | undefined {
  if (!configured || anonymous === 'all') return openCaller
  return anonymous === 'subscribe' ? anonymousCaller : undefined
}

/** Texts of any length, secret or not, as something that compares in constant time. */
function digestOf(text: string): Buffer {
  return hash('sha256', text, 'buffer')
}
