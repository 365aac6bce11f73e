import t from 'tap'
import { startApp, type RunningApp } from '../helpers/app.js'
import { ask, type Answer } from '../helpers/ask.js'
import { openStream } from '../helpers/sse-client.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'

const origin = 'https://app.example.com'
const settings = { apiKeys: [apiKey], jwtSecret, origins: [origin] }
const originRefused = { status: 403, json: { code: 'RINGCAST_ORIGIN_REFUSED' } }

function begin(app: RunningApp, token: string, headers = {}): Promise<Answer> {
  return ask(`${app.url}/api/session`, {
    method: 'POST',
    headers: { ...bearer(token), ...headers },
  })
}

const cookieOf = ({ headers }: Answer): string => headers['set-cookie']![0]!

t.test('a session is a cookie that scripts cannot read, for as long as its token', async (t) => {
  const app = await startApp(t, settings)
  const token = await tokenOf({ sub: 'ada', exp: inSeconds(600) })
  const answer = await begin(app, token)
  t.match(answer, { status: 204, headers: { 'cache-control': 'no-store' } })
  t.match(
    cookieOf(answer),
    new RegExp(`^ringcast_token=${token}; Max-Age=(600|599); Path=/; HttpOnly; SameSite=Lax$`),
  )
  t.notMatch(cookieOf(await begin(app, apiKey)), 'Max-Age')
  const forEver = await tokenOf({ exp: inSeconds(1e9) })
  t.match(cookieOf(await begin(app, forEver)), 'Max-Age=34560000;')
  const stream = await openStream(t, app.port, '/events', {
    headers: { Cookie: `a=b; ringcast_token=${token}` },
  })
  t.match(stream.head(), /^HTTP\/1\.1 200/)
})

t.test('a session of a page of https is kept for https', async (t) => {
  const app = await startApp(t, settings)
  t.match(cookieOf(await begin(app, apiKey, { origin })), /; Secure/)
  t.notMatch(cookieOf(await begin(app, apiKey)), /Secure/)
})

t.test('a session begins with a bearer, and with a good one', async (t) => {
  const app = await startApp(t, settings)
  const url = `${app.url}/api/session`
  const missing = { status: 401, json: { code: 'RINGCAST_UNAUTHENTICATED' } }
  t.match(await ask(`${url}?token=${apiKey}`, { method: 'POST' }), missing)
  const cookie = `ringcast_token=${apiKey}`
  t.match(await ask(url, { method: 'POST', headers: { cookie } }), missing)
  const bad = await begin(app, 'made-up')
  t.match(bad, { status: 401, json: { code: 'RINGCAST_INVALID_CREDENTIAL' } })
  t.notOk('set-cookie' in bad.headers)
})

t.test('a token that no browser would keep is refused, not lost', async (t) => {
  const app = await startApp(t, settings)
  const answer = await begin(app, await tokenOf({ x: 'x'.repeat(4000) }))
  t.match(answer, { status: 413, json: { code: 'RINGCAST_TOKEN_TOO_LARGE' } })
})

t.test('a session ends, whatever it was worth', async (t) => {
  const app = await startApp(t, settings)
  const headers = { cookie: 'ringcast_token=expired', origin }
  const answer = await ask(`${app.url}/api/session`, { method: 'DELETE', headers })
  t.equal(answer.status, 204)
  t.match(cookieOf(answer), /^ringcast_token=; Max-Age=0; Path=\/; HttpOnly/)
})

t.test('a page that ORIGINS names may use cookies, and reads the answers', async (t) => {
  const app = await startApp(t, settings)
  const headers = { origin, cookie: `ringcast_token=${apiKey}`, 'content-type': 'text/plain' }
  const push = { method: 'POST', headers, body: 'x' }
  t.match(await ask(`${app.url}/api/push`, push), {
    status: 202,
    headers: {
      'access-control-allow-origin': origin,
      'access-control-allow-credentials': 'true',
    },
  })
  const preflight = await ask(`${app.url}/events`, {
    method: 'OPTIONS',
    headers: {
      origin,
      'access-control-request-method': 'GET',
      'access-control-request-headers': 'last-event-id,authorization',
    },
  })
  t.match(preflight, { status: 204, headers: { 'access-control-allow-credentials': 'true' } })
  t.match(preflight.headers['access-control-allow-headers'], /Authorization.*Last-Event-ID/)
})

t.test('a page of another site has no use of a cookie, whatever it sends', async (t) => {
  const app = await startApp(t, settings)
  const cookie = `ringcast_token=${apiKey}`
  for (const from of [
    { origin: 'https://foreign.example' },
    { origin: 'https://evil.app.example.com' },
    { origin: 'null' },
    { 'sec-fetch-site': 'cross-site' },
    { 'sec-fetch-site': 'same-site' },
  ]) {
    const headers = { ...from, cookie, 'content-type': 'text/plain' }
    const push = { method: 'POST', headers, body: 'forged' }
    t.match(await ask(`${app.url}/api/push`, push), originRefused)
    const end = { method: 'DELETE', headers: { ...from, cookie } }
    t.match(await ask(`${app.url}/api/users/ada/streams`, end), originRefused)
    t.match(await ask(`${app.url}/api/session`, end), originRefused)
  }
  t.equal(app.hub.ring.size, 0)
  const own = { 'sec-fetch-site': 'same-origin', cookie, 'content-type': 'text/plain' }
  const push = { method: 'POST', headers: own, body: 'x' }
  t.equal((await ask(`${app.url}/api/push`, push)).status, 202)
})

t.test('ORIGINS=* is for pages without cookies', async (t) => {
  const app = await startApp(t, { ...settings, origins: ['*', origin] })
  const anywhere = { origin: 'https://any.example' }
  const withBearer = await ask(`${app.url}/api/stats`, {
    headers: { ...anywhere, ...bearer(apiKey) },
  })
  t.equal(withBearer.status, 200)
  t.notOk('access-control-allow-credentials' in withBearer.headers)
  const cookie = `ringcast_token=${apiKey}`
  t.match(await ask(`${app.url}/api/stats`, { headers: { ...anywhere, cookie } }), originRefused)
  const named = await ask(`${app.url}/api/stats`, { headers: { origin, cookie } })
  t.match(named, { status: 200, headers: { 'access-control-allow-credentials': 'true' } })
})
