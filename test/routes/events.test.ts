import t, { type Test } from 'tap'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { chunksOf, connection, requestText } from '../helpers/connection.js'
import { openStream, type RawStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

const namesOf = (stream: RawStream): string[] => stream.events.map(({ data }) => data)

/** Pushes a last event and tells the data of all that a stream got before it. */
async function gotBefore(stream: RawStream, app: RunningApp, topic: string): Promise<string[]> {
  const seen = stream.events.length
  await push(app.url, { topic, data: 'the last' })
  await until(() => namesOf(stream).indexOf('the last', seen) !== -1, 'the last event')
  return namesOf(stream).slice(0, -1)
}

t.test('the head of a stream is what the contract says', async (t) => {
  const app = await startApp(t)
  const origin = 'http://localhost:5173'
  const { text } = await headOf(t, app, { Origin: origin })
  const [status, ...lines] = text.split('\r\n')
  const fields = new Map(lines.map((line) => line.toLowerCase().split(': ') as [string, string]))
  t.equal(status, 'HTTP/1.1 200 OK')
  t.equal(fields.get('content-type'), 'text/event-stream')
  t.equal(fields.get('cache-control'), 'no-cache, no-store, no-transform')
  t.equal(fields.get('x-accel-buffering'), 'no')
  t.equal(fields.get('transfer-encoding'), 'chunked')
  t.equal(fields.get('access-control-allow-origin'), origin, 'the CORS headers are kept')
  t.equal(fields.get('vary'), 'origin')
  t.notOk(fields.has('content-length'))
  t.equal(fields.size, lines.length, 'no field is there twice')

  const plain = await headOf(t, app, {})
  t.match(plain.text, /\r\nvary: Origin/i, 'a cache must know it without an Origin too')
  t.notMatch(plain.text, /access-control-allow-origin/i)
})

async function headOf(
  t: Test,
  app: RunningApp,
  headers: Record<string, string>,
): Promise<{ text: string }> {
  const stream = await openStream(t, app.port, '/events', { headers })
  return { text: stream.head() }
}

t.test('a stream begins with a random retry, joined to its open event', async (t) => {
  const app = await startApp(t, { heartbeatMs: 12_000 })
  const [id] = await push(app.url, { data: 1 })
  const retries = new Set<number>()
  for (let i = 0; i < 8; i++) {
    const stream = await openStream(t, app.port, '/events?topic=a&topic=b/**')
    const match =
      /^retry: (\d+)\nid: (.+)\nevent: ringcast\ndata: (.+)\n\n$/.exec(stream.body()) ?? []
    const retry = Number(match[1])
    t.ok(retry >= 2000 && retry <= 4000, `retry ${retry}`)
    t.equal(match[2], id, 'its id is the head')
    t.match(JSON.parse(match[3]!), {
      type: 'open',
      stream: /^[0-9a-z]+\.\d+$/,
      topics: ['a', 'b/**'],
      heartbeatMs: 12_000,
    })
    retries.add(retry)
  }
  t.ok(retries.size > 1, 'clients of a lost server do not come back at once')
})

t.test('an event goes out as id, event and data, ended by LF', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events')
  const before = stream.body().length
  const ids = await push(app.url, [
    { event: 'greeting', data: 'hello' },
    { data: { a: [1, null] } },
    { data: 'one\r\ntwo\rthree\nfour' },
  ])
  await stream.received(3)
  t.equal(
    stream.body().slice(before),
    `id: ${ids[0]}\nevent: greeting\ndata: hello\n\n` +
      `id: ${ids[1]}\ndata: {"a":[1,null]}\n\n` +
      `id: ${ids[2]}\ndata: one\ndata: two\ndata: three\ndata: four\n\n`,
  )
})

t.test('lastEventId resumes behind an id; the header wins, an empty one is none', async (t) => {
  const app = await startApp(t)
  const ids = await push(app.url, [{ data: 1 }, { data: 2 }, { data: 3 }])
  const path = `/events?lastEventId=${ids[0]}`

  const byQuery = await openStream(t, app.port, path)
  t.equal(byQuery.control[0]!.id, ids[0], 'open tells where the stream goes on from')
  await byQuery.received(2)
  t.same(await gotBefore(byQuery, app, 'broadcast'), ['2', '3'])

  const byHeader = await openStream(t, app.port, path, { lastEventId: ids[1] })
  t.equal(byHeader.control[0]!.id, ids[1])
  t.equal((await byHeader.received(1))[0]!.id, ids[2])

  const emptyHeader = await openStream(t, app.port, path, { lastEventId: '' })
  t.equal(emptyHeader.control[0]!.id, ids[0])
  const emptyQuery = await openStream(t, app.port, '/events?lastEventId=&last=')
  t.match(emptyQuery.control, [{ type: 'open' }])
  t.same(await gotBefore(emptyQuery, app, 'broadcast'), [])
})

t.test('with envelope=1 the data is the whole event, and there is no name', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events?topic=a&user=ann&envelope=1')
  const [first, second] = await push(app.url, [
    { topic: ['a', 'b'], event: 'named', data: { n: 1 }, key: 'k-1' },
    { user: ['ann', 'bob'], data: 'a\nb' },
  ])
  await stream.received(2)
  const time = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/
  t.same(
    stream.events.map(({ id, event }) => ({ id, event })),
    [
      { id: first, event: undefined },
      { id: second, event: undefined },
    ],
  )
  const [named, targeted] = stream.events.map(
    ({ data }) => JSON.parse(data) as Record<string, unknown>,
  )
  t.match(named!['time'], time)
  t.strictSame(
    { ...named, time: '' },
    { id: first, topics: ['a', 'b'], event: 'named', data: { n: 1 }, key: 'k-1', time: '' },
  )
  t.strictSame(
    { ...targeted, time: '' },
    { id: second, topics: [], data: 'a\nb', time: '' },
    'it never says whom else an event went to',
  )
  const off = await openStream(t, app.port, '/events?last=1&topic=a&envelope=0')
  t.equal((await off.received(1))[0]!.event, 'named')
})

t.test('with control=off there are events and heartbeats, nothing else', async (t) => {
  const app = await startApp(t, { heartbeatMs: 100 })
  const stream = await openStream(t, app.port, '/events?control=off')
  t.match(stream.body(), /^retry: [234]\d{3}\n(:\n)+$/)
  await push(app.url, { data: 'x' })
  await stream.received(1)
  await until(() => stream.body().endsWith('\n\n:\n'), 'a heartbeat')
  const { json } = await ask(`${app.url}/api/streams`)
  const [row] = json!['streams'] as { id: string }[]
  await ask(`${app.url}/api/streams/${row!.id}`, { method: 'DELETE' })
  await until(() => stream.closed, 'the end')
  t.same(stream.control, [])
  t.notMatch(stream.body(), /ringcast/)

  const gap = await openStream(t, app.port, '/events?control=off', { lastEventId: 'nonsense' })
  t.notMatch(gap.body(), /gap|id:/)
})

t.test('a silent stream gets a line now and then, which is no event', async (t) => {
  const app = await startApp(t, { heartbeatMs: 100 })
  const conn = connection(t, app.port, requestText('GET', '/events'))
  await conn.says(/\r\n:\n\r\n[^]*\r\n:\n\r\n/)
  const [open, ...heartbeats] = chunksOf(conn.bytes())
  t.match(open, /"heartbeatMs":100/)
  t.ok(heartbeats.length >= 2)
  t.ok(heartbeats.every((chunk) => chunk === ':\n'))
})

t.test('a parameter that no route knows is refused, with the nearest one', async (t) => {
  const app = await startApp(t)
  const refused = async (query: string): Promise<unknown> =>
    (await ask(`${app.url}/events?${query}`)).json
  t.match(await refused('topics=a'), {
    statusCode: 400,
    code: 'RINGCAST_INVALID_QUERY',
    error: 'Bad Request',
    message: /"topics".*"topic"/,
    path: 'topics',
  })
  t.match(await refused('last_event_id=x'), { message: /"lastEventId"/ })
  t.match(await refused('Topic=x'), { message: /"topic"/ })
  t.match(await refused(`${'x'.repeat(5000)}=1`), { code: 'RINGCAST_INVALID_QUERY' })
  t.match(await refused('__proto__x=1&constructor=2'), { path: 'constructor' })
  const stream = await openStream(t, app.port, '/events?_=1761&_cache=no&topic=a')
  t.match(stream.control[0], { type: 'open', topics: ['a'] })
})

t.test('a bad value is refused, and the message says what would be right', async (t) => {
  const app = await startApp(t)
  const cases: [query: string, code: string, message: RegExp][] = [
    ['last=1001', 'RINGCAST_INVALID_QUERY', /from 0 to 1000/],
    ['last=-1', 'RINGCAST_INVALID_QUERY', /from 0 to 1000/],
    ['last=1.5', 'RINGCAST_INVALID_QUERY', /whole number/],
    ['last=1&last=2', 'RINGCAST_INVALID_QUERY', /once/],
    ['lastEventId=a-1&lastEventId=a-2', 'RINGCAST_INVALID_QUERY', /once/],
    ['envelope=yes', 'RINGCAST_INVALID_QUERY', /0 or 1/],
    ['control=no', 'RINGCAST_INVALID_QUERY', /on or off/],
    ['user=a&user=b', 'RINGCAST_INVALID_QUERY', /once/],
    ['user=a%0Ab', 'RINGCAST_INVALID_QUERY', /control characters/],
    ['topic=', 'RINGCAST_INVALID_TOPIC', /must not be empty/],
    ['topic=a&topic=', 'RINGCAST_INVALID_TOPIC', /topic 2 .*must not be empty/],
    ['topic=a/**/b', 'RINGCAST_INVALID_TOPIC', /last segment/],
    ['topic=a%00', 'RINGCAST_INVALID_TOPIC', /control characters/],
    [`topic=${'x'.repeat(1025)}`, 'RINGCAST_INVALID_TOPIC', /1024 bytes \(it has 1025\)/],
    [`topic=x${'&topic=y'.repeat(100)}`, 'RINGCAST_INVALID_TOPIC', /up to 100 .*101/],
    ['topic=$sys/stats&topic=a', 'RINGCAST_INVALID_TOPIC', /not both/],
    ['topic=a&topic=$sys/stats', 'RINGCAST_INVALID_TOPIC', /not both/],
  ]
  for (const [query, code, message] of cases) {
    const answer = await ask(`${app.url}/events?${query}`)
    t.match(answer, { status: 400, json: { statusCode: 400, code, message } }, query.slice(0, 40))
  }
  const most = Array.from({ length: 100 }, (_, i) => `topic=${i}`).join('&')
  t.match((await openStream(t, app.port, `/events?${most}`)).head(), /^HTTP\/1\.1 200/)
  const longest = await openStream(t, app.port, `/events?topic=${'x'.repeat(1024)}`)
  t.match(longest.head(), /^HTTP\/1\.1 200/)
})

t.test('there is nothing to resume or replay of $sys topics', async (t) => {
  const app = await startApp(t)
  const refusal = { status: 400, json: { code: 'RINGCAST_INVALID_QUERY', message: /\$sys/ } }
  for (const query of ['lastEventId=a-1', 'lastEventId=earliest', 'last=5', 'last=0']) {
    t.match(await ask(`${app.url}/events?topic=$sys/stats&${query}`), refusal, query)
  }
})

t.test('HEAD answers the head of a stream and ends', async (t) => {
  const app = await startApp(t)
  const answer = await ask(`${app.url}/events?topic=a`, { method: 'HEAD' })
  t.match(answer, {
    status: 200,
    text: '',
    headers: {
      'content-type': 'text/event-stream',
      'cache-control': 'no-cache, no-store, no-transform',
      'x-accel-buffering': 'no',
      vary: 'Origin',
    },
  })
  t.equal((await ask(`${app.url}/events?topics=a`, { method: 'HEAD' })).status, 400)
  t.equal(app.hub.streams.size, 0)
})

t.test('Accept may name what the route answers, or nothing', async (t) => {
  const app = await startApp(t)
  for (const accept of [
    undefined,
    'text/event-stream',
    '*/*',
    'text/*',
    'text/html, */*;q=0.1',
    'Text/Event-Stream; q=0.5, application/json',
  ]) {
    const headers: Record<string, string> = accept === undefined ? {} : { Accept: accept }
    const stream = await openStream(t, app.port, '/events', { headers })
    t.match(stream.head(), /^HTTP\/1\.1 200/, accept ?? 'none')
  }
  for (const accept of ['application/json', 'text/html', 'text/event-stream;q=0, */*;q=0']) {
    const headers = { Accept: accept }
    for (const method of ['GET', 'HEAD']) {
      const { status, json } = await ask(`${app.url}/events`, { method, headers })
      t.equal(status, 406, accept)
      if (method === 'GET') t.match(json, { code: 'RINGCAST_NOT_ACCEPTABLE' })
    }
  }
})

t.test('a connection whose stream was refused goes on', async (t) => {
  const app = await startApp(t)
  const conn = connection(t, app.port, requestText('GET', '/events?nonsense=1'))
  await conn.says(/RINGCAST_INVALID_QUERY/)
  conn.socket.write(requestText('GET', '/livez'))
  await conn.says(/"status":"up"/)
  conn.socket.write(requestText('GET', '/events'))
  await conn.says(/"type":"open"/)
})

t.test('while the node drains, a new stream finds its connection closed', async (t) => {
  const app = await startApp(t)
  const drained = app.hub.drain(500)
  const stream = await openStream(t, app.port, '/events')
  t.ok(stream.closed)
  t.equal(stream.head(), '', 'not a status, which would end an EventSource for good')
  await drained
})
