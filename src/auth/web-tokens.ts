import { createPublicKey, createSecretKey, type KeyObject } from 'node:crypto'
import { decodeProtectedHeader, errors, jwtVerify, type CryptoKey, type JWTPayload } from 'jose'
import { RingcastError } from '../errors.js'
import type { Caller } from './caller.js'
import { callerOfClaims, ClaimError, type ClaimSettings } from './claims.js'
import { invalidCredential } from './invalid-credential.js'
import { algorithmsOf, asymmetric } from './key-algorithms.js'
import { RemoteKeys, type KeyHint, type RemoteKeysParts } from './remote-keys.js'

/** How tokens are checked; an empty text is a setting that was not given. */
export interface WebTokenSettings extends ClaimSettings {
  readonly jwtSecret: string
  /** PEM. */
  readonly jwtPublicKey: string
  readonly jwksUrl: string
  readonly jwtAudience: string
  readonly jwtIssuer: string
}

/** How far the issuer's clock may be ahead, in seconds. */
const clockToleranceSeconds = 10

/** Keys, and the algorithms that they are good for: no token chooses how its key is used. */
interface KeySource {
  readonly algorithms: readonly string[]
  keysFor(hint: KeyHint): Promise<readonly (KeyObject | CryptoKey)[]>
}

/** Checks JSON Web Tokens (RFC 7519, RFC 8725) by the keys that the settings name. */
export class WebTokens {
  readonly #settings: WebTokenSettings
  readonly #now: () => number
  readonly #sources: readonly KeySource[]

  constructor(settings: WebTokenSettings, parts: RemoteKeysParts) {
    this.#settings = settings
    this.#now = parts.now
    this.#sources = sourcesOf(settings, parts)
  }

  /**
   * What a token grants.
   *
   * @throws RingcastError `RINGCAST_INVALID_CREDENTIAL` or `RINGCAST_KEYS_UNAVAILABLE`; it says what
   * is wrong, and of a token that is not signed by a known key no more than that.
   */
  async verify(token: string): Promise<Caller> {
    try {
      const { alg, kid } = decodeProtectedHeader(token)
      const hint = { ...(alg === undefined ? {} : { alg }), ...(kid === undefined ? {} : { kid }) }
      const claims = await this.#claimsOf(token, hint)
      this.#checkTimes(claims)
      return callerOfClaims(claims, this.#settings)
    } catch (error) {
      if (error instanceof RingcastError) throw error
      throw invalidCredential(whatIsWrong(error))
    }
  }

  async #claimsOf(token: string, hint: KeyHint): Promise<JWTPayload> {
    const { jwtAudience, jwtIssuer } = this.#settings
    for (const source of this.#sources) {
      const { algorithms } = source
      if (!algorithms.includes(hint.alg ?? '')) continue
      for (const key of await source.keysFor(hint)) {
        try {
          const { payload } = await jwtVerify(token, key, {
            algorithms: [...algorithms],
            ...(jwtAudience === '' ? {} : { audience: jwtAudience }),
            ...(jwtIssuer === '' ? {} : { issuer: jwtIssuer }),
            clockTolerance: clockToleranceSeconds,
            currentDate: new Date(this.#now()),
          })
          return payload
        } catch (error) {
          // It may be another key's.
          if (!(error instanceof errors.JWSSignatureVerificationFailed)) throw error
        }
      }
    }
    if (this.#sources.length === 0) {
      throw new ClaimError(
        'this service takes API keys only (JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL)',
      )
    }
    throw new errors.JWSSignatureVerificationFailed()
  }

  /**
   * The tolerance is for what begins: a token that ends does so at its `exp`, as its streams do. One
   * issued in the future would outlive its revocation.
   */
  #checkTimes({ exp, iat }: JWTPayload): void {
    const seconds = this.#now() / 1000
    if (exp !== undefined && exp <= seconds) throw new ClaimError('it has expired')
    if (iat !== undefined && iat > seconds + clockToleranceSeconds) {
      throw new ClaimError('it was issued in the future')
    }
  }
}

function sourcesOf(
  { jwtSecret, jwtPublicKey, jwksUrl }: WebTokenSettings,
  parts: RemoteKeysParts,
): readonly KeySource[] {
  const sources: KeySource[] = []
  if (jwtSecret !== '') sources.push(ofOne(['HS256'], createSecretKey(jwtSecret, 'utf8')))
  if (jwtPublicKey !== '') {
    const key = createPublicKey(jwtPublicKey)
    sources.push(ofOne(algorithmsOf(key), key))
  }
  if (jwksUrl !== '') {
    const keys = new RemoteKeys(jwksUrl, parts)
    sources.push({ algorithms: asymmetric, keysFor: (hint) => keys.keysFor(hint) })
  }
  return sources
}

function ofOne(algorithms: readonly string[], key: KeyObject): KeySource {
  return { algorithms, keysFor: () => Promise.resolve([key]) }
}

function whatIsWrong(error: unknown): string {
  if (error instanceof ClaimError) return error.message
  if (error instanceof errors.JWTExpired) return 'it has expired'
  if (error instanceof errors.JWTClaimValidationFailed) {
    switch (error.claim) {
      case 'nbf':
        return 'it is not valid yet'
      case 'aud':
      case 'iss':
        return `its "${error.claim}" is not what this service asks for`
      default:
        return `its "${error.claim}" is no number`
    }
  }
  return error instanceof errors.JWSSignatureVerificationFailed
    ? 'it is not signed by a key of this service'
    : 'it is no key and no token of this service'
}
