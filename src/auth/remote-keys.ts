import {
  createLocalJWKSet,
  errors,
  type CryptoKey,
  type JSONWebKeySet,
  type LocalJWKSet,
} from 'jose'
import { RingcastError } from '../errors.js'

/** After how long the keys are asked for again, in milliseconds: a withdrawn one ends then. */
const freshMs = 10 * 60_000
/** How long the provider may take to answer, in milliseconds. */
const timeoutMs = 5000
/** The largest key set, in bytes. */
const maxBytes = 1024 * 1024
/** How many times in a row the provider is asked, and how long until it may be once more. */
const allowance = { times: 5, refillMs: 10_000 }

/** What a token says of the key that it is signed with (RFC 7515 section 4.1). */
export interface KeyHint {
  readonly alg?: string
  readonly kid?: string
}

/** What a test may put in the place of the real thing. */
export interface RemoteKeysParts {
  /** Milliseconds since the Unix epoch. */
  readonly now: () => number
  /** Told in words why the keys could not be fetched. */
  readonly onError: (reason: string) => void
}

/**
 * The keys of an identity provider (JWKS, RFC 7517 section 5). A key that is known goes on while
 * the provider is away; one that is not known is asked for, but not so often that a flood of forged
 * names would reach the provider.
 */
export class RemoteKeys {
  readonly #url: string
  readonly #parts: RemoteKeysParts
  #keys: LocalJWKSet | undefined
  #fetchedAt = -Infinity
  #failed = false
  #fetching: Promise<void> | undefined
  #allowed = allowance.times
  #countedAt: number

  constructor(url: string, parts: RemoteKeysParts) {
    this.#url = url
    this.#parts = parts
    this.#countedAt = parts.now()
  }

  /**
   * The keys that a token may be signed with; none if the provider has none such.
   *
   * @throws RingcastError `RINGCAST_KEYS_UNAVAILABLE` if the key is not known and the provider
   * cannot be asked.
   */
  async keysFor(hint: KeyHint): Promise<readonly CryptoKey[]> {
    const stale = this.#parts.now() >= this.#fetchedAt + freshMs
    const asked = stale ? this.#fetch() : undefined
    // Of an outage, only who finds it out waits.
    if (!this.#failed) await asked
    const known = await this.#matching(hint)
    if (known.length > 0) return known
    await (asked ?? this.#fetch())
    const fetched = await this.#matching(hint)
    if (fetched.length > 0 || !this.#failed) return fetched
    throw new RingcastError(
      'RINGCAST_KEYS_UNAVAILABLE',
      'the key of this token is not known yet, and its issuer (JWKS_URL) cannot be asked: try again',
      { retryAfterSeconds: allowance.refillMs / 1000 },
    )
  }

  async #matching({ alg, kid }: KeyHint): Promise<readonly CryptoKey[]> {
    if (this.#keys === undefined) return []
    try {
      return [await this.#keys({ alg: alg ?? '', ...(kid === undefined ? {} : { kid }) })]
    } catch (error) {
      // A token need not name its key where several would do.
      if (!(error instanceof errors.JWKSMultipleMatchingKeys)) return []
      const keys: CryptoKey[] = []
      for await (const key of error) keys.push(key)
      return keys
    }
  }

  /** Asks the provider, if that is allowed; those who come meanwhile wait for the same answer. */
  #fetch(): Promise<void> {
    if (this.#fetching === undefined && this.#mayAsk()) {
      this.#fetching = this.#ask().finally(() => (this.#fetching = undefined))
    }
    return this.#fetching ?? Promise.resolve()
  }

  #mayAsk(): boolean {
    const now = this.#parts.now()
    const refilled = Math.floor((now - this.#countedAt) / allowance.refillMs)
    if (refilled > 0) {
      this.#allowed = Math.min(allowance.times, this.#allowed + refilled)
      this.#countedAt += refilled * allowance.refillMs
    }
    if (this.#allowed === 0) return false
    this.#allowed--
    return true
  }

  async #ask(): Promise<void> {
    try {
      this.#keys = createLocalJWKSet(await fetchKeySet(this.#url))
      this.#fetchedAt = this.#parts.now()
      this.#failed = false
    } catch (error) {
      this.#failed = true
      this.#parts.onError(reasonOf(error))
    }
  }
}

async function fetchKeySet(url: string): Promise<JSONWebKeySet> {
  const response = await fetch(url, {
    headers: { accept: 'application/jwk-set+json, application/json' },
    redirect: 'error',
    signal: AbortSignal.timeout(timeoutMs),
  })
  if (response.status !== 200) {
    await response.body?.cancel()
    throw new Error(`it answers ${response.status}`)
  }
  const decoder = new TextDecoder('utf-8', { fatal: true })
  let [text, bytes] = ['', 0]
  for await (const part of response.body ?? []) {
    bytes += (part as Uint8Array).length
    // Leaving the loop lets go of the connection.
    if (bytes > maxBytes) throw new Error(`its answer is larger than ${maxBytes} bytes`)
    text += decoder.decode(part as Uint8Array, { stream: true })
  }
  return JSON.parse(text + decoder.decode()) as JSONWebKeySet
}

function reasonOf(error: unknown): string {
  const { message, cause } = error as Error
  return cause instanceof Error && cause.message !== '' ? cause.message : message
}
