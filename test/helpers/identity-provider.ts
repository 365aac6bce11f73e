import { once } from 'node:events'
import { createServer, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { exportJWK, generateKeyPair, type CryptoKey, type JWK, type JWTPayload } from 'jose'
import type { Test } from 'tap'
import { tokenOf } from './tokens.js'

/** An identity provider with a real endpoint for its keys, until the test ends. */
export interface IdentityProvider {
  /** Where its keys are. */
  readonly url: string
  /** How many times they were asked for. */
  readonly asked: number
  /** Makes a key of this name; its token says `kid` unless it is told not to. */
  addKey(kid: string, alg?: string): Promise<void>
  /** Takes a key out of the set. */
  withdraw(kid: string): void
  /** A token that a key of it signed. */
  sign(kid: string, claims: JWTPayload, header?: { kid?: string }): Promise<string>
  /** How it answers from now on; by default with its keys. */
  answerWith(answer: ((response: ServerResponse) => void) | undefined): void
}

/** Starts an identity provider without keys. */
export async function startIdentityProvider(t: Pick<Test, 'teardown'>): Promise<IdentityProvider> {
  const keys = new Map<string, { alg: string; privateKey: CryptoKey; jwk: JWK }>()
  const published = new Set<string>()
  let answer: ((response: ServerResponse) => void) | undefined
  let asked = 0
  const server = createServer((_request, response) => {
    asked++
    if (answer !== undefined) {
      answer(response)
      return
    }
    const set = { keys: [...published].map((kid) => keys.get(kid)!.jwk) }
    response.setHeader('content-type', 'application/json').end(JSON.stringify(set))
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close().closeAllConnections())
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/jwks`,
    get asked() {
      return asked
    },
    async addKey(kid, alg = 'RS256') {
      const { publicKey, privateKey } = await generateKeyPair(alg)
      keys.set(kid, { alg, privateKey, jwk: { ...(await exportJWK(publicKey)), kid, alg } })
      published.add(kid)
    },
    withdraw(kid) {
      published.delete(kid)
    },
    sign(kid, claims, header = { kid }) {
      const { alg, privateKey } = keys.get(kid)!
      return tokenOf(claims, privateKey, { alg, ...header })
    },
    answerWith(next) {
      answer = next
    },
  }
}
