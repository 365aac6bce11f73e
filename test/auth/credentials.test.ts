import { createHmac, generateKeyPairSync } from 'node:crypto'
import { exportSPKI, generateKeyPair, type JWTPayload } from 'jose'
import t, { type Test } from 'tap'
import { Credentials, findCredential, type Given } from '../../dist/auth/credentials.js'
import { RingcastError } from '../../dist/errors.js'
import { defaultSettings, type Settings } from '../../dist/settings.js'
import { startIdentityProvider } from '../helpers/identity-provider.js'
import { apiKey, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'

function setUp(settings: Partial<Settings> = { jwtSecret }) {
  let now = Date.now()
  const credentials = new Credentials(
    { ...defaultSettings(), ...settings },
    { now: () => now, onError: () => {} },
  )
  return { credentials, pass: (ms: number) => (now += ms) }
}

const given = (text: string, from: Given['from'] = 'header'): Given => ({ text, from })

/** What a credential comes to: the caller's kind and user, or why it is refused. */
async function outcome(credentials: Credentials, what: Given | undefined): Promise<string> {
  try {
    const { kind, user } = await credentials.callerOf(what)
    return user === undefined ? kind : `${kind} of ${user}`
  } catch (error) {
    if (!(error instanceof RingcastError)) throw error
    return `${error.code}: ${error.message}`
  }
}

async function isRefused(t: Test, credentials: Credentials, token: string, reason: RegExp) {
  const said = await outcome(credentials, given(token))
  t.match(said, /^RINGCAST_INVALID_CREDENTIAL: the credential is not valid: /)
  t.match(said, reason)
  if (token.length > 10) t.notOk(said.includes(token.slice(-10)), 'it is not repeated')
}

/** A token put together by hand. */
function forged(header: unknown, claims: unknown, signature = ''): string {
  const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
  return `${part(header)}.${part(claims)}.${signature}`
}

t.test('of several credentials the first counts: header, ticket, token, cookie', async (t) => {
  const headers = { authorization: 'Bearer a', cookie: 'x=1; ringcast_token=d' }
  const query = { ticket: 'b', token: 'c' }
  t.same(findCredential(headers, query), { from: 'header', text: 'a' })
  const { cookie } = headers
  t.same(findCredential({ cookie }, query), { from: 'ticket', text: 'b' })
  t.same(findCredential({ cookie }, { token: 'c' }), { from: 'query', text: 'c' })
  t.same(findCredential({ cookie }, {}), { from: 'cookie', text: 'd' })
  t.equal(findCredential({ cookie: 'ringcast_token=' }, {}), undefined)
  t.equal(findCredential({}, {}), undefined)
})

t.test('a service without a key for tokens says so', async (t) => {
  const { credentials } = setUp({ apiKeys: [apiKey] })
  await isRefused(t, credentials, forged({ alg: 'HS256' }, {}, 'x'), /takes API keys only/)
})

t.test('an Authorization is Bearer; Basic is somebody else’s', async (t) => {
  t.same(findCredential({ authorization: 'bearer  x.y ' }, {}), { from: 'header', text: 'x.y' })
  t.same(findCredential({ authorization: 'Basic eDp5' }, { token: 'c' })?.text, 'c')
  for (const authorization of ['Bearer', 'Bearer ', 'x.y', 'Bearer x y', 'Token x', 'Bearer ü']) {
    t.throws(() => findCredential({ authorization }, { token: 'c' }), {
      code: 'RINGCAST_INVALID_CREDENTIAL',
    })
  }
})

t.test('each of several API keys is good, and nothing like them', async (t) => {
  const { credentials } = setUp({ apiKeys: [apiKey, `${apiKey}-2`] })
  t.equal(await outcome(credentials, given(apiKey)), 'key')
  t.equal(await outcome(credentials, given(`${apiKey}-2`, 'cookie')), 'key')
  for (const text of ['x', `${apiKey}-3`, apiKey.slice(1), ` ${apiKey}`, apiKey.toUpperCase()]) {
    await isRefused(t, credentials, text, /no token of this service/)
  }
})

t.test('without a credential one is refused, listens, or may do everything', async (t) => {
  const apiKeys = [apiKey]
  for (const [settings, expected] of [
    [{ apiKeys }, /^RINGCAST_UNAUTHENTICATED/],
    [{ apiKeys, anonymous: 'subscribe' }, /^anonymous$/],
    [{ apiKeys, anonymous: 'all' }, /^open$/],
    [{}, /^open$/],
    [{ anonymous: 'all' }, /^open$/],
  ] as const) {
    const { credentials } = setUp(settings)
    t.match(await outcome(credentials, undefined), expected)
    if (credentials.configured) await isRefused(t, credentials, 'bad', /no token/)
  }
})

t.test('a token by secret, by public key and by key set says who one is', async (t) => {
  const provider = await startIdentityProvider(t)
  const claims = { sub: 'ada', exp: inSeconds(60) }
  const bySecret = setUp().credentials
  t.equal(await outcome(bySecret, given(await tokenOf(claims))), 'token of ada')
  for (const alg of ['RS256', 'PS512', 'ES256', 'ES384', 'EdDSA']) {
    const { publicKey, privateKey } = await generateKeyPair(alg, { extractable: true })
    const { credentials } = setUp({ jwtPublicKey: await exportSPKI(publicKey) })
    t.equal(
      await outcome(credentials, given(await tokenOf(claims, privateKey, { alg }))),
      'token of ada',
      alg,
    )
    await provider.addKey(alg, alg)
    const byKeySet = setUp({ jwksUrl: provider.url }).credentials
    t.equal(await outcome(byKeySet, given(await provider.sign(alg, claims))), 'token of ada', alg)
    await isRefused(t, byKeySet, await tokenOf(claims, privateKey, { alg }), /not signed by a key/)
  }
})

t.test('a key, a secret, a public key and a key set go together', async (t) => {
  const provider = await startIdentityProvider(t)
  await provider.addKey('k')
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const { credentials } = setUp({
    apiKeys: [apiKey],
    jwtSecret,
    jwtPublicKey: publicKey.export({ type: 'spki', format: 'pem' }) as string,
    jwksUrl: provider.url,
  })
  t.equal(await outcome(credentials, given(apiKey)), 'key')
  t.equal(await outcome(credentials, given(await tokenOf({ sub: 'a' }))), 'token of a')
  t.equal(await outcome(credentials, given(await provider.sign('k', { sub: 'b' }))), 'token of b')
  const unnamed = await provider.sign('k', { sub: 'b' }, {})
  t.equal(await outcome(credentials, given(unnamed)), 'token of b')
})

t.test('no token chooses how its key is used', async (t) => {
  const { publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = publicKey.export({ type: 'spki', format: 'pem' }) as string
  const { credentials } = setUp({ jwtPublicKey: pem })
  const claims = { sub: 'ada', exp: inSeconds(60) }
  for (const alg of ['none', 'None', 'NONE', '', 'HS256', 'HS512', 'ES256', 'RS1', 256, null]) {
    const [head, body] = forged({ alg }, claims).split('.')
    const signature = createHmac('sha256', pem).update(`${head!}.${body!}`).digest('base64url')
    await isRefused(t, credentials, `${head!}.${body!}.`, /not signed|no token/)
    await isRefused(t, credentials, `${head!}.${body!}.${signature}`, /not signed|no token/)
  }
  const bySecret = setUp().credentials
  const hs384 = await tokenOf(claims, jwtSecret, { alg: 'HS384' })
  await isRefused(t, bySecret, hs384, /not signed/)
  await isRefused(t, bySecret, forged({ alg: 'none' }, claims), /not signed/)
  const embedded = { alg: 'RS256', jwk: publicKey.export({ format: 'jwk' }) }
  await isRefused(t, bySecret, forged(embedded, claims, 'AAAA'), /not signed/)
  const critical = forged({ alg: 'HS256', crit: ['b64'], b64: false }, claims, 'AAAA')
  await isRefused(t, bySecret, critical, /no token|not signed/)
})

t.test('a token is good from its nbf to its exp, to the second', async (t) => {
  const { credentials, pass } = setUp()
  await isRefused(t, credentials, await tokenOf({ exp: inSeconds(-1) }), /has expired/)
  await isRefused(t, credentials, await tokenOf({ exp: 0 }), /has expired/)
  await isRefused(t, credentials, await tokenOf({ nbf: inSeconds(60) }), /not valid yet/)
  await isRefused(t, credentials, await tokenOf({ iat: inSeconds(60) }), /in the future/)
  await isRefused(t, credentials, await tokenOf({ exp: 'x' } as unknown as JWTPayload), /no number/)
  const token = await tokenOf({ exp: inSeconds(60), nbf: inSeconds(5), iat: inSeconds(5) })
  t.equal(await outcome(credentials, given(token)), 'token', 'clocks differ a little')
  pass(120_000)
  await isRefused(t, credentials, token, /has expired/)
})

t.test('a token is for this service, where that is asked for', async (t) => {
  const { credentials } = setUp({ jwtSecret, jwtAudience: 'push', jwtIssuer: 'https://id' })
  const good = { aud: ['other', 'push'], iss: 'https://id' }
  t.equal(await outcome(credentials, given(await tokenOf(good))), 'token')
  for (const [claims, reason] of [
    [{ ...good, aud: 'other' }, /"aud"/],
    [{ iss: good.iss }, /"aud"/],
    [{ ...good, iss: 'https://id/' }, /"iss"/],
    [{ aud: 'push' }, /"iss"/],
  ] as const) {
    await isRefused(t, credentials, await tokenOf(claims), reason)
  }
})

t.test('what is cut, joined or made too long is no token', async (t) => {
  const { credentials } = setUp()
  const token = await tokenOf({ sub: 'ada' })
  for (let end = 0; end < token.length; end += 7) {
    await isRefused(t, credentials, token.slice(0, end) || '.', /not valid/)
  }
  for (const text of [`${token}x`, `${token}.`, `${token}.${token}`, `.${token}`, '..', '....']) {
    await isRefused(t, credentials, text, /not valid/)
  }
  await isRefused(t, credentials, await tokenOf({ x: 'x'.repeat(12_000) }), /longer than 8192/)
  await isRefused(t, credentials, await tokenOf({ ringcast: 'all' }), /no object/)
})

t.test('a token that was checked is not checked again, but it ends in time', async (t) => {
  const provider = await startIdentityProvider(t)
  await provider.addKey('k')
  const { credentials, pass } = setUp({ jwksUrl: provider.url })
  const token = given(await provider.sign('k', { sub: 'ada', iat: inSeconds(-10) }))
  const caller = await credentials.callerOf(token)
  t.equal(credentials.callerOf(token), caller, 'at once, and not in a promise')
  provider.withdraw('k')
  pass(15 * 60_000)
  await isRefused(t, credentials, token.text, /not signed by a key/)
})

t.test('an unknown key of a provider that is away is no bad credential', async (t) => {
  const provider = await startIdentityProvider(t)
  await provider.addKey('k')
  const { credentials } = setUp({ jwksUrl: provider.url })
  provider.answerWith((response) => response.writeHead(503).end())
  const token = given(await provider.sign('k', { sub: 'ada' }))
  t.match(await outcome(credentials, token), /^RINGCAST_KEYS_UNAVAILABLE: /)
})

t.test('a revoked user’s tokens and tickets are refused; keys are not', async (t) => {
  const { credentials, pass } = setUp({ jwtSecret, apiKeys: [apiKey] })
  const token = given(await tokenOf({ sub: 'ada', iat: inSeconds(-5) }))
  const caller = await credentials.callerOf(token)
  const ticket = given(await credentials.tickets.issue(caller), 'ticket')
  credentials.revocations.revoke('ada')
  t.match(await outcome(credentials, token), /^RINGCAST_REVOKED/)
  t.match(await outcome(credentials, ticket), /^RINGCAST_REVOKED/)
  t.match(await outcome(credentials, given(await tokenOf({ sub: 'ada' }))), /^RINGCAST_REVOKED/)
  t.equal(await outcome(credentials, given(apiKey)), 'key')
  pass(2000)
  const fresh = given(await tokenOf({ sub: 'ada', iat: inSeconds(2) }))
  t.equal(await outcome(credentials, fresh), 'token of ada')
})

t.test('a ticket is as good as the credential it was bought with, and once', async (t) => {
  const { credentials, pass } = setUp()
  const caller = await credentials.callerOf(given(await tokenOf({ sub: 'a', exp: inSeconds(10) })))
  const buy = async () => given(await credentials.tickets.issue(caller), 'ticket')
  const [first, second] = [await buy(), await buy()]
  t.equal(await outcome(credentials, first), 'token of a')
  t.match(await outcome(credentials, first), /unknown, used or older/)
  t.match(await outcome(credentials, given(second.text)), /no token/, 'a ticket is no token')
  pass(25_000)
  t.match(await outcome(credentials, second), /has expired/)
})
