import type { KeyObject } from 'node:crypto'

/** The algorithms that public keys are for (RFC 7518 section 3.1, RFC 8037): no secret is in one. */
export const asymmetric = [
  ...['RS256', 'RS384', 'RS512', 'PS256', 'PS384', 'PS512'],
  ...['ES256', 'ES384', 'ES512', 'EdDSA', 'Ed25519'],
]

/** The algorithms that a public key is good for; none for a key of another kind. */
export function algorithmsOf(key: KeyObject): readonly string[] {
  switch (key.asymmetricKeyType) {
    case 'rsa':
      return asymmetric.filter((name) => /^[RP]S/.test(name))
    case 'ed25519':
      return ['EdDSA', 'Ed25519']
    case 'ec':
      return curves[key.asymmetricKeyDetails?.namedCurve ?? ''] ?? []
    default:
      return []
  }
}

const curves: Readonly<Record<string, readonly string[]>> = {
  prime256v1: ['ES256'],
  secp384r1: ['ES384'],
  secp521r1: ['ES512'],
}
