import { pino } from 'pino'
import t, { type Test } from 'tap'
import type { Settings } from '../../dist/settings.js'
import { startApp, type RunningApp } from '../helpers/app.js'
import { ask, type Answer } from '../helpers/ask.js'
import { startIdentityProvider } from '../helpers/identity-provider.js'
import { openStream } from '../helpers/sse-client.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'

const closedSettings = { apiKeys: [apiKey], jwtSecret, userGrants: ['users/{user}/**'] }

function start(t: Test, settings: Partial<Settings> = {}): Promise<RunningApp> {
  return startApp(t, { ...closedSettings, ...settings })
}

function pushAs(app: RunningApp, token: string | undefined, event: unknown): Promise<Answer> {
  const headers = {
    'content-type': 'application/json',
    ...(token === undefined ? {} : bearer(token)),
  }
  return ask(`${app.url}/api/push`, { method: 'POST', headers, body: JSON.stringify(event) })
}

const getAs = (app: RunningApp, token: string, path: string): Promise<Answer> =>
  ask(app.url + path, { headers: bearer(token) })

const missing = {
  status: 401,
  headers: { 'www-authenticate': 'Bearer realm="ringcast"' },
  json: { code: 'RINGCAST_UNAUTHENTICATED' },
}
const invalid = {
  status: 401,
  headers: { 'www-authenticate': 'Bearer realm="ringcast", error="invalid_token"' },
  json: { code: 'RINGCAST_INVALID_CREDENTIAL' },
}
const forbidden = {
  status: 403,
  headers: { 'www-authenticate': 'Bearer realm="ringcast", error="insufficient_scope"' },
  json: { code: 'RINGCAST_FORBIDDEN' },
}

const protectedRoutes = [
  ['GET', '/events'],
  ['HEAD', '/events'],
  ['GET', '/api/history'],
  ['POST', '/api/push'],
  ['GET', '/api/streams'],
  ['DELETE', '/api/streams/x'],
  ['DELETE', '/api/users/ada/streams'],
  ['GET', '/api/topics'],
  ['GET', '/api/stats'],
  ['GET', '/api/trace'],
  ['POST', '/api/tickets'],
  ['POST', '/api/session'],
] as const

t.test('with credentials, nothing is done without one but what is open to all', async (t) => {
  const app = await start(t)
  for (const [method, path] of protectedRoutes) {
    const { status, headers, json } = await ask(app.url + path, { method })
    t.match({ status, headers }, { status: 401, headers: missing.headers }, path)
    if (method !== 'HEAD') t.match(json, missing.json, path)
  }
  for (const path of ['/livez', '/readyz']) t.equal((await ask(app.url + path)).status, 200, path)
  t.equal((await ask(`${app.url}/nothing`)).status, 404)
  t.equal(app.hub.streams.size, 0)
})

t.test('a bad credential is refused everywhere, though none would do', async (t) => {
  const app = await start(t, { anonymous: 'subscribe' })
  const expired = await tokenOf({ sub: 'ada', exp: inSeconds(-1) })
  for (const [method, path] of protectedRoutes) {
    for (const request of [
      { path, headers: bearer('made-up') },
      { path, headers: bearer(expired) },
      { path: `${path}?token=${expired}`, headers: {} },
      { path: `${path}?ticket=made-up`, headers: {} },
      { path, headers: { cookie: `ringcast_token=${expired}` } },
      { path, headers: { authorization: apiKey } },
    ]) {
      const answer = await ask(app.url + request.path, { method, headers: request.headers })
      t.equal(answer.status, 401, `${method} ${request.path}`)
      if (method !== 'HEAD') t.match(answer, invalid)
    }
  }
  t.equal(app.hub.streams.size, 0)
})

t.test('a key pushes anywhere, listens anywhere and administers', async (t) => {
  const app = await start(t)
  const stream = await openStream(t, app.port, '/events?topic=**', { headers: bearer(apiKey) })
  t.equal((await pushAs(app, apiKey, { topic: 'a/b', data: 1 })).status, 202)
  t.equal((await stream.received(1))[0]!.data, '1')
  for (const path of [
    '/api/stats',
    '/api/streams',
    '/api/topics',
    '/api/trace?user=u',
    '/api/history?topic=**',
  ]) {
    t.equal((await getAs(app, apiKey, path)).status, 200, path)
  }
  const system = await openStream(t, app.port, '/events?topic=$sys/stats', {
    headers: bearer(apiKey),
  })
  t.match(system.head(), /^HTTP\/1\.1 200/)
})

t.test('a token listens to what is granted, and to what is public', async (t) => {
  const app = await start(t)
  const token = await tokenOf({ sub: 'ada', ringcast: { subscribe: ['orders/*'] } })
  const granted = 'topic=orders/*&topic=users/ada/**&topic=public/x&topic=broadcast'
  const stream = await openStream(t, app.port, `/events?${granted}`, { headers: bearer(token) })
  t.match(await stream.told('open'), { topics: ['broadcast', 'orders/*', 'public/x'] })
  t.equal((await getAs(app, token, '/api/history?topic=orders/1')).status, 200)
  for (const topic of ['orders/**', 'orders', 'users/bob/x', 'users/*/x', '**', 'orders/1/2']) {
    for (const path of ['/events', '/api/history']) {
      const answer = await getAs(app, token, `${path}?topic=orders/1&topic=${topic}`)
      t.match(answer, forbidden, path + topic)
      t.ok(String(answer.json!['message']).includes(`"${topic}"`), 'it is named')
    }
  }
  t.match(await getAs(app, token, '/events?topic=$sys/stats'), forbidden)
  for (const path of ['/api/stats', '/api/streams', '/api/topics', '/api/trace?user=u']) {
    t.match(await getAs(app, token, path), forbidden, path)
  }
})

t.test('a token pushes what is granted, and to users only with all of it', async (t) => {
  const app = await start(t)
  const token = await tokenOf({ ringcast: { publish: ['log/**'] } })
  t.equal((await pushAs(app, token, { topic: 'log/a', data: 1 })).status, 202)
  t.match(await pushAs(app, token, { topic: ['log/a', 'other'], data: 1 }), forbidden)
  t.match(await pushAs(app, token, { data: 1 }), forbidden, 'broadcast is for listening')
  const many = [
    { topic: 'log/a', data: 1 },
    { topic: 'x', data: 1 },
  ]
  t.match((await pushAs(app, token, many)).json, { code: 'RINGCAST_FORBIDDEN', index: 1 })
  t.notOk('index' in (await pushAs(app, token, many[1])).json!, 'a single one has no place')
  t.match(await pushAs(app, token, { user: 'ada', data: 1 }), forbidden)
  const all = await tokenOf({ ringcast: { publish: ['**'] } })
  t.equal((await pushAs(app, all, { user: 'ada', data: 1 })).status, 202)
  t.match(await pushAs(app, await tokenOf({ sub: 'x' }), 'no JSON of an event'), forbidden)
  t.equal(app.hub.ring.size, 2)
})

t.test('nobody says in the query who they are', async (t) => {
  const app = await start(t)
  for (const token of [apiKey, await tokenOf({ sub: 'bob' })]) {
    for (const path of ['/events?user=ada', '/api/history?user=ada']) {
      t.match(await getAs(app, token, path), {
        status: 400,
        json: { code: 'RINGCAST_INVALID_QUERY', path: 'user' },
      })
    }
  }
})

t.test('grants are asked for again at every resume', async (t) => {
  const app = await start(t)
  const granted = await tokenOf({ ringcast: { subscribe: ['a'] } })
  const first = await openStream(t, app.port, '/events?topic=a', { headers: bearer(granted) })
  await pushAs(app, apiKey, { topic: 'a', data: 1 })
  await first.received(1)
  first.cut()
  const headers = { ...bearer(await tokenOf({})), 'Last-Event-ID': first.lastId! }
  t.match(await ask(`${app.url}/events?topic=a`, { headers }), forbidden)
})

t.test('with ANONYMOUS=subscribe anyone listens to what is public, no more', async (t) => {
  const app = await start(t, { anonymous: 'subscribe' })
  const stream = await openStream(t, app.port, '/events?topic=broadcast&topic=public/**')
  await pushAs(app, apiKey, { topic: 'public/a', data: 1 })
  await stream.received(1)
  t.equal((await ask(`${app.url}/api/history`)).status, 200)
  for (const topic of ['orders', '**', '$sys/stats']) {
    t.match(await ask(`${app.url}/events?topic=${topic}`), missing, topic)
  }
  t.match(await pushAs(app, undefined, { topic: 'public/a', data: 1 }), missing)
  t.match(await ask(`${app.url}/api/stats`), missing)
  t.match(await ask(`${app.url}/api/tickets`, { method: 'POST' }), missing)
})

t.test('with ANONYMOUS=all anyone does everything, and a credential still counts', async (t) => {
  const app = await start(t, { anonymous: 'all' })
  t.equal((await pushAs(app, undefined, { topic: 'x', data: 1 })).status, 202)
  t.equal((await ask(`${app.url}/api/stats`)).status, 200)
  t.match(await getAs(app, await tokenOf({}), '/api/stats'), forbidden)
})

t.test('an open service asks nobody, and has nothing to check a token by', async (t) => {
  const app = await startApp(t)
  t.equal((await pushAs(app, 'whatever', { data: 1 })).status, 202)
  t.equal((await ask(`${app.url}/api/history?token=x&ticket=y&user=ada`)).status, 200)
  t.equal((await ask(`${app.url}/api/tickets`, { method: 'POST' })).status, 200)
  t.equal((await ask(`${app.url}/api/session`, { method: 'POST' })).status, 204)
})

t.test('a refused push is refused before its body is there', async (t) => {
  const app = await start(t)
  const answer = await ask(`${app.url}/api/push`, {
    method: 'POST',
    headers: { ...bearer('made-up'), 'content-type': 'text/plain' },
    body: 'x'.repeat(1024),
  })
  t.match(answer, invalid)
  const listener = await tokenOf({ sub: 'ada' })
  const headers = { ...bearer(listener), 'content-type': 'nonsense' }
  t.match(await ask(`${app.url}/api/push`, { method: 'POST', headers }), forbidden)
})

t.test('revoking ends what is open and refuses what was issued before', async (t) => {
  const app = await start(t)
  const old = await tokenOf({ sub: 'ada', iat: inSeconds(-60) })
  const ticketAnswer = await ask(`${app.url}/api/tickets`, { method: 'POST', headers: bearer(old) })
  const ticket = String(ticketAnswer.json!['ticket'])
  const streams = [
    await openStream(t, app.port, '/events', { headers: bearer(old) }),
    await openStream(t, app.port, '/events', { headers: { cookie: `ringcast_token=${old}` } }),
  ]
  const bob = await openStream(t, app.port, '/events', {
    headers: bearer(await tokenOf({ sub: 'bob', iat: inSeconds(-60) })),
  })
  const answer = await ask(`${app.url}/api/users/ada/streams`, {
    method: 'DELETE',
    headers: bearer(apiKey),
  })
  t.same(answer.json, { ended: 2 })
  for (const stream of streams) {
    t.match(await stream.told('bye'), { reason: 'revoked', reconnect: false })
  }
  for (const request of [
    { path: '/events', headers: bearer(old) },
    { path: `/events?token=${old}`, headers: {} },
    { path: `/events?ticket=${ticket}`, headers: {} },
    { path: '/events', headers: { cookie: `ringcast_token=${old}` } },
  ]) {
    const { status, text } = await ask(app.url + request.path, request)
    t.same([status, text], [204, ''], request.path)
  }
  t.equal((await ask(`${app.url}/events`, { method: 'HEAD', headers: bearer(old) })).status, 204)
  const revoked = { status: 401, json: { code: 'RINGCAST_REVOKED' } }
  t.match(await getAs(app, old, '/api/history'), revoked)
  t.match(await pushAs(app, old, { data: 1 }), revoked)
  const session = await ask(`${app.url}/api/session`, { method: 'POST', headers: bearer(old) })
  t.match(session, revoked)
  const fresh = await tokenOf({ sub: 'ada', iat: inSeconds(5) })
  t.equal((await getAs(app, fresh, '/api/history')).status, 200)
  t.notOk(bob.closed)
})

t.test('?revoke=false only ends', async (t) => {
  const app = await start(t)
  const token = await tokenOf({ sub: 'ada' })
  const stream = await openStream(t, app.port, '/events', { headers: bearer(token) })
  const url = `${app.url}/api/users/ada/streams?revoke=false`
  t.same((await ask(url, { method: 'DELETE', headers: bearer(apiKey) })).json, { ended: 1 })
  t.match(await stream.told('bye'), { reason: 'rebalance', reconnect: true })
  t.equal((await getAs(app, token, '/api/history')).status, 200)
})

t.test('keys of a provider change while streams are open, and it may go away', async (t) => {
  const provider = await startIdentityProvider(t)
  await provider.addKey('one')
  const app = await start(t, { jwksUrl: provider.url })
  const claims = { sub: 'ada', exp: inSeconds(300) }
  const old = await provider.sign('one', claims)
  const stream = await openStream(t, app.port, '/events', { headers: bearer(old) })
  await provider.addKey('two')
  provider.withdraw('one')
  const renewed = await provider.sign('two', { ...claims, sub: 'bob' })
  t.equal((await getAs(app, renewed, '/api/history')).status, 200)
  await pushAs(app, apiKey, { user: 'ada', data: 'still here' })
  await stream.received(1)
  await provider.addKey('three')
  provider.answerWith((response) => response.destroy())
  const known = await provider.sign('two', { ...claims, sub: 'new' })
  t.equal((await getAs(app, known, '/api/history')).status, 200, 'a known key goes on')
  const unknown = await provider.sign('three', claims)
  for (const path of ['/events', '/api/history']) {
    t.match(await getAs(app, unknown, path), {
      status: 503,
      headers: { 'retry-after': '10' },
      json: { code: 'RINGCAST_KEYS_UNAVAILABLE' },
    })
  }
  provider.answerWith(undefined)
  t.equal((await getAs(app, unknown, '/api/history')).status, 200, 'and it recovers')
})

t.test('the log has no token and no ticket, whatever becomes of a request', async (t) => {
  const lines: string[] = []
  const logger = pino({ level: 'trace' }, { write: (line: string) => void lines.push(line) })
  const app = await startApp(t, { ...closedSettings, origins: ['*'] }, { logger })
  const good = await tokenOf({ sub: 'ada', iat: inSeconds(-60) })
  const { json } = await ask(`${app.url}/api/tickets`, { method: 'POST', headers: bearer(good) })
  const secrets = [good, 'made-up-token', String(json!['ticket']), apiKey]
  for (const secret of secrets) {
    const stream = await openStream(t, app.port, `/events?token=${secret}`)
    stream.cut()
    for (const path of [
      '/events',
      '/api/history',
      '/nothing',
      '/%zz',
      '/api/users/%',
      '/events/',
    ]) {
      for (const method of ['GET', 'POST', 'DELETE', 'OPTIONS']) {
        // An unknown parameter, so that no stream goes on.
        const url = `${app.url}${path}?nonsense=1`
        const origin = 'https://foreign.example'
        const cookie = `ringcast_token=${secret}`
        const answers = [
          await ask(`${url}&token=${secret}&ticket=${secret}`, { method }),
          await ask(url, { method, headers: bearer(secret) }),
          await ask(url, { method, headers: { cookie, origin } }),
        ]
        for (const { text } of answers) t.notOk(text.includes(secret), `${method} ${path}`)
      }
    }
  }
  await until(() => app.hub.streams.size === 0, 'the end of the streams')
  t.ok(lines.length > 5)
  for (const secret of secrets) t.notOk(lines.some((line) => line.includes(secret)))
})
