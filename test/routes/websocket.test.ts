import { once } from 'node:events'
import { Writable } from 'node:stream'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import type { Settings } from '../../dist/settings.js'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { connection, requestText } from '../helpers/connection.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'

type Told = Record<string, unknown> & { readonly type: string }

interface Client {
  readonly socket: WebSocket
  /** All that came, in its order. */
  readonly told: Told[]
  /** Sends a request and resolves with its answer. */
  ask(request: Record<string, unknown>): Promise<Told>
  /** Resolves once so much of a type came. */
  got(type: string, count?: number): Promise<Told[]>
  /** Resolves with the close code. */
  closed(): Promise<number>
}

function open(
  t: Test,
  { port }: RunningApp,
  path = '/ws',
  headers: Record<string, string> = {},
): Client {
  const socket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers })
  t.teardown(() => {
    socket.terminate()
  })
  const told: Told[] = []
  let code: number | undefined
  let refs = 0
  socket.on('message', (data: Buffer) => told.push(JSON.parse(data.toString()) as Told))
  socket.on('close', (closedWith) => (code = closedWith))
  const of = (type: string): Told[] => told.filter((each) => each.type === type)
  return {
    socket,
    told,
    async ask(request) {
      const ref = `r${++refs}`
      if (socket.readyState === socket.CONNECTING) await once(socket, 'open')
      socket.send(JSON.stringify({ ...request, ref }))
      const isAnswer = (each: Told): boolean =>
        each['ref'] === ref && ['ok', 'error'].includes(each.type)
      await until(() => told.some(isAnswer) || code !== undefined, `an answer to ${ref}`)
      return told.find(isAnswer) ?? { type: 'closed', code }
    },
    async got(type, count = 1) {
      await until(() => of(type).length >= count, `${count} ${type}`)
      return of(type)
    },
    async closed() {
      await until(() => code !== undefined, 'the end of the connection')
      return code!
    },
  }
}

const closedSettings = { apiKeys: [apiKey], jwtSecret, userGrants: ['users/{user}/**'] }

const startClosed = (t: Test, settings: Partial<Settings> = {}): Promise<RunningApp> =>
  startApp(t, { ...closedSettings, ...settings })

const adas = (more: object = {}): Promise<string> =>
  tokenOf({ sub: 'ada', exp: inSeconds(600), ringcast: { subscribe: ['orders/*'], ...more } })

const dataOf = (told: readonly Told[]): unknown[] => told.map(({ data }) => data)

t.test('an open service answers who says nothing of themselves', async (t) => {
  const app = await startApp(t)
  const client = open(t, app)
  t.match(await client.ask({ type: 'ping' }), { type: 'ok' })
  t.match(await client.ask({ type: 'auth', token: 'whatever' }), { type: 'ok', user: null })
  t.equal(client.told.length, 2, 'and sends nothing that was not asked for')
  t.same(Object.keys(await client.ask({ type: 'ping' })), ['type', 'ref'])
})

t.test('who subscribes is told where the stream begins, then all that comes', async (t) => {
  const app = await startApp(t)
  const client = open(t, app)
  const [before] = await push(app.url, { topic: 'orders/1', data: 'before' })
  t.match(await client.ask({ type: 'subscribe', topics: ['orders/*'] }), {
    type: 'ok',
    topics: ['orders/*'],
  })
  const [id] = await push(app.url, { topic: 'orders/2', event: 'status', data: { n: 1 }, key: 'k' })
  const [event] = await client.got('event')
  t.match(client.told[0], { type: 'open', id: before, topics: ['orders/*'], heartbeatMs: 15_000 })
  t.match(client.told[1], { type: 'ok' })
  const { time, ...rest } = event!
  t.same(rest, {
    type: 'event',
    id,
    topics: ['orders/2'],
    event: 'status',
    data: { n: 1 },
    key: 'k',
  })
  t.match(time, /^\d{4}-\d\d-\d\dT.*Z$/)
})

t.test('a query subscribes at once, and the header of the last id wins', async (t) => {
  const app = await startApp(t)
  const [id] = await push(app.url, [{ data: 1 }, { data: 2 }, { topic: 'a', data: 3 }])
  const resumed = open(t, app, '/ws?lastEventId=nonsense', { 'last-event-id': id! })
  t.same(dataOf(await resumed.got('event')), [2])
  const client = open(t, app, '/ws?last=1')
  t.same(dataOf(await client.got('event')), [2])
  t.match(client.told[0], { type: 'open', topics: ['broadcast'] })
  t.match(await client.ask({ type: 'subscribe', topics: ['a'] }), { topics: ['a', 'broadcast'] })
})

t.test(
  'what is subscribed to later comes from then on, and can be asked for from before',
  async (t) => {
    const app = await startApp(t)
    const [first] = await push(app.url, [
      { topic: 'b', data: 1 },
      { topic: 'b', data: 2 },
      { topic: 'a', data: 3 },
    ])
    const client = open(t, app, '/ws?topic=a')
    await client.got('open')
    await client.ask({ type: 'subscribe', topics: ['b'], lastEventId: first })
    t.match(client.told.slice(1), [
      { type: 'event', data: 2, replay: true },
      // What it was subscribed to when it began is not known to have been sent: it was not.
      { type: 'ok', topics: ['a', 'b'] },
    ])
    await push(app.url, { topic: ['a', 'b'], data: 4 })
    await client.got('event', 2)
    t.equal(client.told.at(-1)!['replay'], undefined)
    await client.ask({ type: 'unsubscribe', topics: ['b', 'unheard of'] })
    await push(app.url, [
      { topic: 'b', data: 5 },
      { topic: 'a', data: 6 },
    ])
    t.same(dataOf(await client.got('event', 3)), [2, 4, 6])

    await client.ask({ type: 'subscribe', topics: ['a', 'b', 'c'], last: 10 })
    const replayed = (await client.got('event')).filter(({ replay }) => replay === true)
    t.same(dataOf(replayed), [2, 1, 3, 5], 'none of it that came live, or was sent again before')
  },
)

t.test('after a subscription the place to resume from is the one at which it began', async (t) => {
  const app = await startApp(t)
  const client = open(t, app, '/ws?topic=a')
  await client.got('open')
  const [id] = await push(app.url, { topic: 'b', data: 1 })
  await client.ask({ type: 'subscribe', topics: ['b'], last: 1 })
  t.match(
    client.told.slice(1).map(({ type, id }) => [type, id]),
    [
      ['event', id],
      ['cursor', id],
      ['ok', undefined],
    ],
  )
})

t.test('what can not be sent again is told as a hole', async (t) => {
  const app = await startApp(t, { ringEvents: 1500 })
  const [first] = await push(app.url, { topic: 'b', data: 0 })
  const many = Array.from({ length: 1000 }, (_, data) => ({ topic: 'b', data }))
  await push(app.url, many)
  await push(app.url, many.slice(0, 300))
  const client = open(t, app, '/ws?topic=a')
  await client.got('open')
  await client.ask({ type: 'subscribe', topics: ['b'], lastEventId: first })
  t.match(client.told[1], { type: 'gap', reason: 'evicted', after: first, replay: true, ref: 'r1' })
  t.equal(client.told[1]!['id'], undefined)
  t.equal((await client.got('event')).length, 1000)
  await client.ask({ type: 'subscribe', topics: ['c'], lastEventId: 'made-up!' })
  t.match(client.told.at(-2), { type: 'gap', reason: 'unknown', after: 'made-up!' })
})

t.test('a replay reads what only the log has, and live events wait for it', async (t) => {
  const app = await startApp(t, { store: `file:${t.testdir()}`, ringEvents: 16 })
  const [first] = await push(app.url, { topic: 'b', data: 0 })
  for (let n = 1; n <= 60; n++) {
    await push(app.url, [
      { topic: 'b', data: n },
      { topic: 'other', data: 'x'.repeat(1000) },
    ])
  }
  const client = open(t, app, '/ws?topic=a')
  await client.got('open')
  const done = client.ask({ type: 'subscribe', topics: ['b'], lastEventId: first })
  await push(app.url, { topic: 'b', data: 61 })
  await done
  await client.got('event', 61)
  t.same(
    dataOf(await client.got('event')),
    Array.from({ length: 61 }, (_, n) => n + 1),
  )
  await client.ask({ type: 'subscribe', topics: ['other'], last: 3 })
  t.equal((await client.got('event')).length, 64)
})

t.test('the service topics are streams of their own', async (t) => {
  const app = await startApp(t)
  const client = open(t, app)
  t.match(await client.ask({ type: 'subscribe', topics: ['$sys/stats', 'a'] }), {
    code: 'RINGCAST_INVALID_TOPIC',
    path: 'topics',
  })
  t.match(await client.ask({ type: 'subscribe', topics: ['$sys/stats'], last: 1 }), {
    code: 'RINGCAST_INVALID_TOPIC',
  })
  t.match(await client.ask({ type: 'subscribe', topics: ['$sys/stats'] }), { type: 'ok' })
  t.match(await client.ask({ type: 'subscribe', topics: ['a'] }), {
    code: 'RINGCAST_INVALID_TOPIC',
  })
  const [stats] = await client.got('event')
  t.equal(stats!['id'], undefined)
  t.match(stats!['data'], { systemStreams: 1, streams: 0 })
  const { json } = await ask(`${app.url}/api/streams`)
  t.match(json, { total: 1, streams: [{ transport: 'websocket', topics: ['$sys/stats'] }] })
})

t.test('pushes are answered with their ids, and come to who subscribes', async (t) => {
  const app = await startApp(t)
  const client = open(t, app, '/ws?topic=a')
  const pushed = await client.ask({ type: 'push', topic: 'a', data: { n: 1 }, key: 'k1' })
  const [event] = await client.got('event')
  t.equal(pushed['id'], event!['id'])
  t.match(await client.ask({ type: 'push', topic: 'a', data: { n: 1 }, key: 'k1' }), {
    id: pushed['id'],
    duplicate: true,
  })
  t.match(await client.ask({ type: 'push', topic: 'a', data: { n: 2 }, key: 'k1' }), {
    type: 'error',
    code: 'RINGCAST_KEY_CONFLICT',
  })
  t.match(await client.ask({ type: 'push', topic: 'a', user: 'b', data: 1 }), {
    code: 'RINGCAST_INVALID_EVENT',
    path: 'user',
  })
  t.match(await client.ask({ type: 'push', topic: '$sys/x', data: 1 }), {
    code: 'RINGCAST_TOPIC_RESERVED',
  })
  const { text } = await ask(`${app.url}/metrics`)
  t.match(text, /ringcast_pushes_refused_total\{code="RINGCAST_KEY_CONFLICT"\} 1/)
  t.match(text, /ringcast_streams\{transport="websocket"\} 1/)
  t.match(text, /ringcast_deliveries_total\{transport="websocket"\} 1/)
})

t.test('PUSHES_PER_SECOND counts what comes over WebSocket', async (t) => {
  const app = await startApp(t, { pushesPerSecond: 2 })
  const client = open(t, app)
  const answers = await Promise.all([1, 2, 3].map((data) => client.ask({ type: 'push', data })))
  t.match(answers, [{ type: 'ok' }, { type: 'ok' }, { code: 'RINGCAST_RATE_LIMITED' }])
  t.match(answers[2], { retryAfterSeconds: 1 })
  t.equal((await ask(`${app.url}/api/push`, { method: 'POST', body: '{}' })).status, 429)
})

t.test('the first frame says who it is, and what the query asks for waits for it', async (t) => {
  const app = await startClosed(t)
  const client = open(t, app, '/ws?topic=orders/1')
  t.match(await client.ask({ type: 'auth', token: await adas() }), {
    type: 'ok',
    user: 'ada',
    expires: /^\d{4}-/,
  })
  await client.got('open')
  await push2(app, { topic: 'orders/1', data: 1 })
  await push2(app, { user: 'ada', data: 2 })
  t.same(dataOf(await client.got('event', 2)), [1, 2])
  t.match(await client.ask({ type: 'subscribe', topics: ['orders/*', 'secret'] }), {
    code: 'RINGCAST_FORBIDDEN',
    message: /secret/,
  })
  t.match(await client.ask({ type: 'push', topic: 'orders/1', data: 1 }), {
    code: 'RINGCAST_FORBIDDEN',
  })
})

t.test('a credential at connect does as well, wherever it stands', async (t) => {
  const app = await startClosed(t)
  const token = await adas()
  const { json } = await ask(`${app.url}/api/tickets`, { method: 'POST', headers: bearer(token) })
  const ticket = `/ws?topic=orders/*&ticket=${String(json!['ticket'])}`
  for (const client of [
    open(t, app, '/ws?topic=orders/*', bearer(token)),
    open(t, app, `/ws?topic=orders/*&token=${token}`),
    open(t, app, '/ws?topic=orders/*', { cookie: `ringcast_token=${token}` }),
    open(t, app, ticket),
  ]) {
    t.match(await client.got('open'), [{ topics: ['orders/*'] }])
  }
  const again = open(t, app, ticket)
  t.match(await again.got('error'), [{ code: 'RINGCAST_INVALID_CREDENTIAL' }])
  t.equal(await again.closed(), 4001, 'a ticket is good once')
})

t.test('who says who they are need not wait for the answer', async (t) => {
  const app = await startClosed(t)
  const client = open(t, app)
  await once(client.socket, 'open')
  client.socket.send(JSON.stringify({ type: 'auth', token: apiKey }))
  client.socket.send(JSON.stringify({ type: 'subscribe', topics: ['a'] }))
  const data = 'x'.repeat(1000)
  for (let n = 0; n < 200; n++)
    client.socket.send(JSON.stringify({ type: 'push', topic: 'a', data }))
  await client.got('event', 200)
  t.equal((await client.got('ok')).length, 202)
})

t.test('who says nothing good of themselves is closed with 4001, and told why', async (t) => {
  const app = await startClosed(t)
  const expired = await tokenOf({ sub: 'ada', exp: inSeconds(-60) })
  const cases: [path: string, headers: Record<string, string>, first: unknown, code: string][] = [
    ['/ws', {}, { type: 'ping' }, 'RINGCAST_UNAUTHENTICATED'],
    ['/ws', {}, { type: 'auth', token: 'made-up' }, 'RINGCAST_INVALID_CREDENTIAL'],
    ['/ws', bearer(expired), undefined, 'RINGCAST_INVALID_CREDENTIAL'],
    ['/ws', { authorization: 'Digest x' }, undefined, 'RINGCAST_INVALID_CREDENTIAL'],
    ['/ws?topic=secret', bearer(await adas()), undefined, 'RINGCAST_FORBIDDEN'],
    ['/ws?topic=secret', {}, { type: 'auth', token: await adas() }, 'RINGCAST_FORBIDDEN'],
  ]
  for (const [path, headers, first, code] of cases) {
    const client = open(t, app, path, headers)
    if (first !== undefined) {
      await once(client.socket, 'open')
      client.socket.send(JSON.stringify(first))
    }
    t.match(await client.got('error'), [{ code }], code)
    t.equal(await client.closed(), 4001, code)
  }
  t.equal(app.hub.streams.size, 0)
  t.match(app.hub.stats.closed, { refused: 2, client: 0 })
})

t.test('a token is renewed without a drop, by its own user and with the same grants', async (t) => {
  const app = await startClosed(t)
  const soon = await tokenOf({
    sub: 'ada',
    exp: inSeconds(20),
    ringcast: { subscribe: ['a', 'b'] },
  })
  const client = open(t, app, '/ws?topic=a', bearer(soon))
  t.match(await client.got('expiring'), [{ inSeconds: /^(1\d|20)$/ }])
  const another = await tokenOf({ sub: 'bob', exp: inSeconds(600), ringcast: { subscribe: ['a'] } })
  t.match(await client.ask({ type: 'auth', token: another }), { code: 'RINGCAST_FORBIDDEN' })
  t.match(await client.ask({ type: 'auth', token: await adas() }), {
    code: 'RINGCAST_FORBIDDEN',
    message: /"a"/,
  })
  t.match(await client.ask({ type: 'auth', token: 'bad' }), { code: 'RINGCAST_INVALID_CREDENTIAL' })
  const fresh = await tokenOf({ sub: 'ada', exp: inSeconds(600), ringcast: { subscribe: ['a'] } })
  t.match(await client.ask({ type: 'auth', token: fresh }), { type: 'ok', user: 'ada' })
  const [stream] = app.hub.streams.values()
  t.ok(stream!.expiresAt - performance.now() > 500_000, 'it goes on with the fresh one')
  t.match(await client.ask({ type: 'subscribe', topics: ['b'] }), { code: 'RINGCAST_FORBIDDEN' })
})

t.test('a token that is not renewed ends its connection, subscribed or not', async (t) => {
  const app = await startClosed(t)
  const soon = await tokenOf({ sub: 'ada', exp: inSeconds(5), ringcast: { subscribe: ['a'] } })
  for (const client of [
    open(t, app, '/ws', bearer(soon)),
    open(t, app, '/ws?topic=a', bearer(soon)),
  ]) {
    t.match(await client.got('bye'), [{ reason: 'expired', reconnect: true, retryMs: Number }])
    t.equal(await client.closed(), 4003)
  }
})

t.test('a revocation ends connections that have not subscribed too', async (t) => {
  const app = await startClosed(t)
  const token = await adas()
  const clients = [
    open(t, app, '/ws', bearer(token)),
    open(t, app, '/ws?topic=orders/1', bearer(token)),
  ]
  await until(() => app.hub.streams.size === 2, 'both')
  const { json } = await ask(`${app.url}/api/streams`, { headers: bearer(apiKey) })
  t.match(json!['streams'], [
    { state: 'waiting', topics: [], cursor: null, lag: 0, user: 'ada' },
    { state: 'idle', topics: ['orders/1'] },
  ])
  const path = `${app.url}/api/users/ada/streams`
  t.match((await ask(path, { method: 'DELETE', headers: bearer(apiKey) })).json, { ended: 2 })
  for (const client of clients) {
    t.match(await client.got('bye'), [{ reason: 'revoked', reconnect: false }])
    t.equal(await client.closed(), 4003)
  }
  const again = open(t, app, '/ws', bearer(token))
  t.match(await again.got('error'), [{ code: 'RINGCAST_REVOKED' }])
  t.equal(await again.closed(), 4003)
})

t.test(
  'anybody may listen where ANONYMOUS allows it, and still say who they are first',
  async (t) => {
    const app = await startClosed(t, { anonymous: 'subscribe' })
    const nobody = open(t, app)
    t.match(await nobody.ask({ type: 'subscribe' }), { topics: ['broadcast'] })
    t.match(await nobody.ask({ type: 'subscribe', topics: ['orders/1'] }), {
      code: 'RINGCAST_UNAUTHENTICATED',
    })
    t.match(await nobody.ask({ type: 'auth', token: await adas() }), { code: 'RINGCAST_FORBIDDEN' })
    const late = open(t, app, '/ws?topic=orders/1')
    t.match(await late.ask({ type: 'auth', token: await adas() }), { user: 'ada' })
    t.match(await late.got('open'), [{ topics: ['orders/1'] }])
    const ada = open(t, app)
    t.match(await ada.ask({ type: 'auth', token: await adas() }), { user: 'ada' })
  },
)

t.test(
  'limits count a connection from its handshake, and a user from when it is known',
  async (t) => {
    const app = await startClosed(t, { maxStreams: 3, maxStreamsPerUser: 1 })
    const first = open(t, app)
    await first.ask({ type: 'auth', token: await adas() })
    const second = open(t, app)
    await once(second.socket, 'open')
    second.socket.send(JSON.stringify({ type: 'auth', token: await adas() }))
    t.match(await second.got('bye'), [{ reason: 'limit', reconnect: true, retryMs: Number }])
    t.equal(await second.closed(), 4013)
    const silent = [open(t, app), open(t, app)]
    for (const { socket } of silent) await once(socket, 'open')
    const fourth = open(t, app, '/ws', bearer(apiKey))
    t.equal(await fourth.closed(), 4013, 'those who have said nothing count as well')
    first.socket.terminate()
    for (const { socket } of silent) socket.terminate()
    await until(async () => {
      const again = open(t, app, '/ws', bearer(await adas()))
      await Promise.race([again.got('ok'), again.ask({ type: 'ping' })])
      const isIn = again.told.some(({ type }) => type === 'ok')
      again.socket.terminate()
      return isIn
    }, 'places are given back')
  },
)

t.test('pages of other origins are refused in the handshake, and the log says why', async (t) => {
  const lines: string[] = []
  const write = (line: Buffer, _encoding: string, done: () => void): void => {
    lines.push(line.toString())
    done()
  }
  const logger = pino(new Writable({ write }))
  const app = await startClosed(t, { origins: ['https://app.example.com'] })
  const logged = await startApp(
    t,
    { ...closedSettings, origins: ['https://app.example.com'] },
    { logger },
  )
  const client = open(t, logged, '/ws', { origin: 'https://evil.example', ...bearer(apiKey) })
  const [error] = (await once(client.socket, 'error')) as [Error]
  t.match(error.message, '403')
  const line = lines.find((text) => text.includes('evil.example'))
  t.match(JSON.parse(line!), { origin: 'https://evil.example', setting: 'ORIGINS' })
  for (const origin of ['https://app.example.com', `http://127.0.0.1:${app.port}`]) {
    const allowed = open(t, app, '/ws?topic=a', { origin, ...bearer(apiKey) })
    t.match(await allowed.got('open'), [{}], origin)
  }
  const any = await startClosed(t, { origins: ['*'] })
  const page = { origin: 'https://any.example' }
  t.match(await open(t, any, '/ws?topic=a', { ...page, ...bearer(apiKey) }).got('open'), [{}])
  const withCookie = open(t, any, '/ws', { ...page, cookie: `ringcast_token=${apiKey}` })
  t.match(((await once(withCookie.socket, 'error')) as [Error])[0].message, '403')
  const open_ = await startApp(t)
  const rebound = open(t, open_, '/ws', { host: 'rebound.example' })
  t.match(((await once(rebound.socket, 'error')) as [Error])[0].message, '403')
})

t.test('a request that is no handshake is told what is', async (t) => {
  const app = await startApp(t)
  t.match(await ask(`${app.url}/ws`), {
    status: 426,
    headers: { upgrade: 'websocket' },
    json: { code: 'RINGCAST_UPGRADE_REQUIRED' },
  })
  t.equal((await ask(`${app.url}/ws`, { method: 'POST' })).status, 405)
  const headers = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Version': '12',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
  }
  const old = connection(t, app.port, requestText('GET', '/ws', { headers }))
  t.match(await old.end(), /^HTTP\/1.1 426 [^]*sec-websocket-version: 13\r\n[^]*connection: close/i)
})

t.test('a shutdown closes all connections, whatever they are at', async (t) => {
  const app = await startClosed(t)
  const silent = open(t, app)
  await once(silent.socket, 'open')
  const waiting = open(t, app, '/ws', bearer(apiKey))
  await waiting.ask({ type: 'ping' })
  const subscribed = open(t, app, '/ws?topic=a', bearer(apiKey))
  await subscribed.got('open')
  await app.drain()
  for (const client of [silent, waiting, subscribed]) t.equal(await client.closed(), 1001)
  for (const client of [waiting, subscribed]) {
    t.match(await client.got('bye'), [{ reason: 'shutdown', reconnect: true, retryMs: Number }])
  }
})

function push2(app: RunningApp, event: object): Promise<unknown> {
  const headers = { ...bearer(apiKey), 'content-type': 'application/json' }
  return ask(`${app.url}/api/push`, { method: 'POST', headers, body: JSON.stringify(event) })
}
