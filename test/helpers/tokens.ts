import { SignJWT, type CryptoKey, type JWTPayload } from 'jose'

/** An API key and a secret that are long enough. */
export const apiKey = 'an-api-key-of-a-service'
export const jwtSecret = 'a secret that is long enough for HS256'

/** A token of these claims, signed with a secret (HS256) or a private key. */
export function tokenOf(
  claims: JWTPayload,
  key: string | CryptoKey = jwtSecret,
  header: { alg: string; kid?: string } = { alg: 'HS256' },
): Promise<string> {
  return new SignJWT(claims)
    .setProtectedHeader(header)
    .sign(typeof key === 'string' ? Buffer.from(key) : key)
}

/** Seconds since the Unix epoch, so many from now. */
export function inSeconds(seconds: number): number {
  return Math.floor(Date.now() / 1000) + seconds
}

/** The header that says who one is. */
export function bearer(token: string): { authorization: string } {
  return { authorization: `Bearer ${token}` }
}
