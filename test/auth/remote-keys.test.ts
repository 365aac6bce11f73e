import t, { type Test } from 'tap'
import { RemoteKeys } from '../../dist/auth/remote-keys.js'
import { startIdentityProvider } from '../helpers/identity-provider.js'

async function setUp(t: Test) {
  const provider = await startIdentityProvider(t)
  await provider.addKey('one')
  const reasons: string[] = []
  let now = 1_000_000
  const keys = new RemoteKeys(provider.url, {
    now: () => now,
    onError: (reason) => reasons.push(reason),
  })
  const count = async (kid?: string, alg = 'RS256') =>
    (await keys.keysFor({ alg, ...(kid === undefined ? {} : { kid }) })).length
  return { provider, reasons, count, pass: (ms: number) => (now += ms) }
}

const unavailable = { code: 'RINGCAST_KEYS_UNAVAILABLE', details: { retryAfterSeconds: 10 } }

t.test('keys are asked for once, and again when one is not known', async (t) => {
  const { provider, count } = await setUp(t)
  t.same(await Promise.all([count('one'), count('one'), count('one')]), [1, 1, 1])
  t.equal(provider.asked, 1)
  await provider.addKey('two')
  t.equal(await count('two'), 1)
  t.equal(provider.asked, 2)
  t.equal(await count('three'), 0)
  t.equal(provider.asked, 3)
})

t.test('a flood of unknown keys does not reach the provider', async (t) => {
  const { provider, count, pass } = await setUp(t)
  for (let i = 0; i < 500; i++) t.equal(await count(`forged-${i}`), 0)
  t.equal(provider.asked, 5)
  t.equal(await count('one'), 1)
  pass(10_000)
  for (let i = 0; i < 500; i++) await count(`forged-${i}`)
  t.equal(provider.asked, 6)
})

t.test('while the provider is away, known keys go on, however old', async (t) => {
  const { provider, reasons, count, pass } = await setUp(t)
  t.equal(await count('one'), 1)
  provider.answerWith((response) => response.writeHead(500).end())
  await t.rejects(count('two'), unavailable)
  pass(24 * 3600_000)
  t.equal(await count('one'), 1)
  await t.rejects(count('two'), unavailable)
  t.match(reasons[0], /it answers 500/)
  provider.answerWith(undefined)
  await provider.addKey('two')
  pass(10_000)
  t.equal(await count('two'), 1, 'and it recovers')
})

t.test('a provider that was never there makes every key unknown', async (t) => {
  const { provider, count, pass } = await setUp(t)
  provider.answerWith((response) => response.destroy())
  for (let i = 0; i < 20; i++) await t.rejects(count('one'), unavailable)
  t.equal(provider.asked, 5)
  provider.answerWith(undefined)
  pass(10_000)
  t.equal(await count('one'), 1)
})

t.test('a withdrawn key ends when the keys are asked for again', async (t) => {
  const { provider, count, pass } = await setUp(t)
  await provider.addKey('two')
  t.equal(await count('one'), 1)
  provider.withdraw('one')
  pass(9 * 60_000)
  t.equal(await count('one'), 1)
  pass(60_000)
  t.equal(await count('one'), 0)
  t.equal(await count('two'), 1)
})

t.test('a token need not name its key', async (t) => {
  const { provider, count } = await setUp(t)
  t.equal(await count(), 1)
  await provider.addKey('two')
  await count('two')
  t.equal(await count(), 2)
  t.equal(await count(undefined, 'ES256'), 0)
})

t.test('what is no key set, or too much of one, is refused', async (t) => {
  const { provider, reasons, count } = await setUp(t)
  for (const [body, reason] of [
    ['[]', /malformed/],
    ['<html>', /JSON/],
    ['{"keys":1}', /malformed/],
    [`{"keys":[],"x":"${'x'.repeat(2 ** 20)}"}`, /larger than 1048576 bytes/],
  ] as const) {
    provider.answerWith((response) => response.end(body))
    await t.rejects(count('one'), unavailable)
    t.match(reasons.at(-1), reason)
  }
  provider.answerWith((response) => response.writeHead(302, { location: provider.url }).end())
  await t.rejects(count('one'), unavailable)
})

t.test('a secret in a key set is no key', async (t) => {
  const { provider, count } = await setUp(t)
  const jwk = { kty: 'oct', k: 'AAAA', kid: 'one', alg: 'HS256' }
  provider.answerWith((response) => response.end(JSON.stringify({ keys: [jwk] })))
  t.equal(await count('one', 'HS256'), 0)
  t.equal(await count('one', 'RS256'), 0)
  t.equal(await count('one', 'none'), 0)
})
