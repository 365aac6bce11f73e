import t from 'tap'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask, type Answer } from '../helpers/ask.js'
import { connection, pushText } from '../helpers/connection.js'
import { openStream } from '../helpers/sse-client.js'

const id = /^[0-9a-z]+-[0-9a-z]+$/

function post(
  app: RunningApp,
  body: unknown,
  type = 'application/json',
  query = '',
): Promise<Answer> {
  return ask(`${app.url}/api/push${query}`, {
    method: 'POST',
    headers: { 'content-type': type },
    body: typeof body === 'string' || Buffer.isBuffer(body) ? body : JSON.stringify(body),
  })
}

const ndjson = (app: RunningApp, body: string): Promise<Answer> =>
  post(app, body, 'application/x-ndjson')
const text = (app: RunningApp, body: string | Buffer, query = ''): Promise<Answer> =>
  post(app, body, 'text/plain', query)

async function historyOf(app: RunningApp, query: string): Promise<unknown[]> {
  const { json } = await ask(`${app.url}/api/history?${query}`)
  return (json!['events'] as { data: unknown }[]).map(({ data }) => data)
}

t.test('one event is answered with its id, many with theirs in order', async (t) => {
  const app = await startApp(t)
  const one = await post(app, { data: 1 })
  t.equal(one.status, 202)
  t.same(Object.keys(one.json!), ['id'])
  t.match(one.json, { id })
  const many = await post(app, [{ data: 2 }, { data: 3 }])
  t.equal(many.status, 202)
  t.same(Object.keys(many.json!), ['ids'])
  t.match(many.json, { ids: [id, id] })
  t.match((await post(app, [{ data: 4 }])).json, { ids: [id] }, 'an array of one is many')
  t.match((await ndjson(app, '{"data":5}\r\n\n{"data":6}\n')).json, { ids: [id, id] })
  t.match((await text(app, '7')).json, { id })
  t.same(await historyOf(app, ''), [1, 2, 3, 4, 5, 6, '7'])
})

t.test('the id that a push answers is the one that streams are sent', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events')
  const ids = await push(app.url, [{ data: 1 }, { data: 2 }])
  t.same(
    (await stream.received(2)).map((event) => event.id),
    ids,
  )
})

t.test('text/plain is the data of one event, the query says the rest', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events?topic=a&topic=b&user=ann&envelope=1')
  t.equal((await text(app, '{"not":"parsed"}\n', '?topic=a&topic=b&event=e&key=k&_=1')).status, 202)
  t.equal((await text(app, '', '?user=ann&user=bob')).status, 202)
  await stream.received(2)
  t.match(
    stream.events.map((event) => JSON.parse(event.data) as object),
    [
      { topics: ['a', 'b'], event: 'e', key: 'k', data: '{"not":"parsed"}\n' },
      { topics: [], data: '' },
    ],
  )
  t.match((await text(app, '{"not":"parsed"}\n', '?topic=b&topic=a&event=e&key=k')).json, {
    duplicate: true,
  })
  t.match(await text(app, 'x', '?topics=a'), {
    status: 400,
    json: { code: 'RINGCAST_INVALID_QUERY', message: /"topic"/, path: 'topics' },
  })
  t.match(await text(app, 'x', '?topic=a&user=b'), { status: 400, json: { path: 'user' } })
  t.match(await text(app, 'x', '?event=a&event=b'), {
    status: 400,
    json: { code: 'RINGCAST_INVALID_QUERY', message: /once/ },
  })
  t.match(await text(app, Buffer.from([0x61, 0xff])), { status: 400 })
})

t.test('a media type may come with its charset, if that is UTF-8', async (t) => {
  const app = await startApp(t)
  for (const type of [
    'application/json; charset=utf-8',
    'Application/JSON;charset="UTF-8"',
    'application/json ; profile=x',
  ]) {
    t.equal((await post(app, { data: 1 }, type)).status, 202, type)
  }
  t.equal((await post(app, 'x', 'text/plain; charset=utf-8')).status, 202)
  t.equal((await post(app, 'x', 'text/plain; charset=iso-8859-1')).status, 415)
})

t.test('another media type, or none, is told which there are', async (t) => {
  const app = await startApp(t)
  const refusal = {
    status: 415,
    json: {
      code: 'RINGCAST_UNSUPPORTED_MEDIA_TYPE',
      message: /application\/json.*application\/x-ndjson.*text\/plain.*curl/,
    },
  }
  t.match(await post(app, 'a=b', 'application/x-www-form-urlencoded'), refusal)
  t.match(await post(app, '{}', 'application/jsonx'), refusal)
  t.match(await post(app, '{}', 'nonsense'), refusal)
  const url = `${app.url}/api/push`
  t.match(await ask(url, { method: 'POST', body: '{"data":1}' }), refusal)
  t.match(await ask(url, { method: 'POST' }), refusal)
  t.same(await historyOf(app, ''), [])
})

t.test('a JSON push with a query is refused: its body says all', async (t) => {
  const app = await startApp(t)
  const refusal = { status: 400, json: { code: 'RINGCAST_INVALID_QUERY', path: 'topic' } }
  t.match(await post(app, { data: 1 }, 'application/json', '?topic=a'), refusal)
  t.match(await post(app, '{"data":1}', 'application/x-ndjson', '?topic=a'), refusal)
  t.equal((await post(app, { data: 1 }, 'application/json', '?_=1')).status, 202)
})

t.test('a body that is not JSON in UTF-8 is refused', async (t) => {
  const app = await startApp(t)
  const refusal = { status: 400, json: { code: 'RINGCAST_INVALID_JSON' } }
  for (const body of ['', '{', '{"data":1}{"data":2}', '{"data":NaN}', '[{"data":1},]']) {
    t.match(await post(app, body), refusal, body)
  }
  const latin1 = Buffer.from('{"data":"é"}', 'latin1')
  t.match(await post(app, latin1), refusal)
  t.match(await post(app, `{"data":${'['.repeat(200)}${']'.repeat(200)}}`), refusal)
  t.match(await ndjson(app, '{"data":1}\n\n{"data":'), { ...refusal, json: { line: 3 } })
})

t.test('a number that would not arrive as one is refused', async (t) => {
  const app = await startApp(t)
  const refusal = { status: 400, json: { code: 'RINGCAST_INVALID_JSON', message: /string/ } }
  t.match(await post(app, '{"data":{"list":[1,-1e999]}}'), refusal)
  t.match(await post(app, `{"data":${'9'.repeat(400)}}`), refusal)
  t.equal((await post(app, '{"data":{"text":"1e999","list":[1e300,null]}}')).status, 202)
})

t.test('an event that breaks the grammar is refused, and its field named', async (t) => {
  const app = await startApp(t)
  const cases: [event: unknown, path: string | undefined, message: RegExp][] = [
    [{}, 'data', /required/],
    [{ topic: 'a' }, 'data', /required/],
    [{ data: 1, topics: ['a'] }, 'topics', /unknown field "topics".*topic/],
    [{ data: 1, id: 'x' }, 'id', /unknown field/],
    [{ data: 1, topic: 'a', user: 'b' }, 'user', /exclude/],
    [{ data: 1, topic: 'a/*' }, 'topic', /exact/],
    [{ data: 1, topic: ['a', 'b/**'] }, 'topic[1]', /exact/],
    [{ data: 1, topic: '' }, 'topic', /empty/],
    [{ data: 1, topic: [] }, 'topic', /1 to 100/],
    [{ data: 1, topic: Array<string>(101).fill('a') }, 'topic', /101/],
    [{ data: 1, topic: null }, 'topic', /string/],
    [{ data: 1, topic: 'a\nb' }, 'topic', /control/],
    [{ data: 1, topic: 'é'.repeat(513) }, 'topic', /1024 bytes \(it has 1026\)/],
    [{ data: 1, user: 7 }, 'user', /string/],
    [{ data: 1, event: '' }, 'event', /1 to 64/],
    [{ data: 1, event: 'x'.repeat(65) }, 'event', /1 to 64/],
    [{ data: 1, event: 'a\nid: 1' }, 'event', /control/],
    [{ data: 1, event: 'ringcast' }, 'event', /must not be/],
    [{ data: 1, event: 'open' }, 'event', /must not be/],
    [{ data: 1, event: 'error' }, 'event', /must not be/],
    [{ data: 1, key: '' }, 'key', /256/],
    [{ data: 1, key: 'x'.repeat(257) }, 'key', /256/],
    [{ data: 1, key: 'é' }, 'key', /ASCII/],
    [7, undefined, /an object/],
    [null, undefined, /an object/],
    ['text', undefined, /an object/],
  ]
  for (const [event, path, message] of cases) {
    const json = { code: 'RINGCAST_INVALID_EVENT', path, message, index: undefined }
    t.match(await post(app, JSON.stringify(event)), { status: 400, json }, String(message))
  }
  t.match(await post(app, { topic: '$sys/stats', data: 1 }), {
    status: 403,
    json: { code: 'RINGCAST_TOPIC_RESERVED', path: 'topic' },
  })
  t.equal(app.hub.ring.size, 0)
})

t.test('of many, one bad event refuses all, and its place is named', async (t) => {
  const app = await startApp(t)
  t.match(await post(app, [{ data: 1 }, { data: 2 }, { date: 3 }]), {
    status: 400,
    json: { code: 'RINGCAST_INVALID_EVENT', index: 2, path: 'date' },
  })
  t.match(await ndjson(app, '{"data":1}\n\n{"data":2,"topic":"*"}\n{'), {
    status: 400,
    json: { code: 'RINGCAST_INVALID_EVENT', line: 3, path: 'topic' },
  })
  for (const body of [[], Array.from({ length: 1001 }, () => ({ data: 1 }))]) {
    t.match(await post(app, body), { status: 400, json: { message: /1 to 1000/ } })
  }
  t.match(await ndjson(app, '\n\n'), { status: 400, json: { message: /1 to 1000/ } })
  t.match(await ndjson(app, '{"data":1}\n'.repeat(1001)), { status: 400 })
  t.equal(app.hub.ring.size, 0)
  t.equal((await ndjson(app, '{"data":1}\n'.repeat(1000))).status, 202)
  t.equal(app.hub.ring.size, 1000)
})

t.test('a repeat with the same key answers the first id and delivers nothing', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events?topic=a&topic=b')
  const event = { topic: ['a', 'b'], event: 'e', data: { n: 1 }, key: 'order-1' }
  const first = (await post(app, event)).json!['id']
  t.strictSame((await post(app, { ...event, topic: ['b', 'a'] })).json, {
    id: first,
    duplicate: true,
  })
  const other = { topic: 'a', data: 'x', key: 'order-2' }
  const { json } = await post(app, [event, other, { topic: 'a', data: 'y' }, other])
  const ids = json!['ids'] as string[]
  t.same(json!['duplicates'], [0, 3])
  t.equal(ids[0], first)
  t.equal(ids[3], ids[1])
  await stream.received(3)
  await push(app.url, { topic: 'a', data: 'the last' })
  t.same(
    (await stream.received(4)).map(({ data }) => data),
    ['{"n":1}', 'x', 'y', 'the last'],
  )
})

t.test('a key that comes with other content is a conflict, and nothing is accepted', async (t) => {
  const app = await startApp(t)
  const event = { topic: 'a', event: 'e', data: '1', key: 'k' }
  await push(app.url, event)
  for (const change of [{ topic: 'b' }, { event: 'f' }, { data: '2' }, { data: 1 }]) {
    t.match(await post(app, { ...event, ...change }), {
      status: 409,
      json: { code: 'RINGCAST_KEY_CONFLICT', path: 'key', index: undefined },
    })
  }
  t.match(await post(app, [{ topic: 'a', data: 'new' }, event, { ...event, data: '2' }]), {
    status: 409,
    json: { code: 'RINGCAST_KEY_CONFLICT', index: 2 },
  })
  t.match(
    await post(app, [
      { data: 1, key: 'twice' },
      { data: 2, key: 'twice' },
    ]),
    { status: 409, json: { index: 1 } },
    'within one push too',
  )
  t.same(await historyOf(app, 'topic=a&topic=broadcast'), ['1'])
})

t.test('data larger than MAX_EVENT_BYTES is refused, in bytes of UTF-8', async (t) => {
  const app = await startApp(t, { maxEventBytes: 100 })
  t.equal((await post(app, { data: 'é'.repeat(50) })).status, 202)
  const refusal = {
    status: 413,
    json: { code: 'RINGCAST_EVENT_TOO_LARGE', path: 'data', message: /102 .*100.*MAX_EVENT_BYTES/ },
  }
  t.match(await post(app, { data: 'é'.repeat(51) }), refusal)
  t.match(await post(app, [{ data: 1 }, { data: 'é'.repeat(51) }]), {
    ...refusal,
    json: { index: 1 },
  })
  t.match(await text(app, 'é'.repeat(51)), refusal)
  t.equal((await post(app, { data: { a: 'x'.repeat(92) } })).status, 202)
  t.equal((await post(app, { data: { a: 'x'.repeat(93) } })).status, 413)
})

t.test('a body larger than MAX_BODY_BYTES is refused', async (t) => {
  const app = await startApp(t, { maxEventBytes: 100, maxBodyBytes: 200 })
  t.match(await post(app, [{ data: 'x'.repeat(90) }, { data: 'x'.repeat(90) }]), {
    status: 413,
    json: { code: 'RINGCAST_BODY_TOO_LARGE' },
  })
  t.equal((await post(app, `{"data":1}${' '.repeat(190)}`)).status, 202)
  const chunked = { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' }
  const url = `${app.url}/api/push`
  const body = 'x'.repeat(201)
  t.match(await ask(url, { method: 'POST', headers: chunked, body }), {
    status: 413,
    json: { code: 'RINGCAST_BODY_TOO_LARGE' },
  })
})

t.test('a batch that the ring could never hold is refused as too large', async (t) => {
  const app = await startApp(t, { ringEvents: 8 })
  t.match(await post(app, Array(9).fill({ data: 1 })), {
    status: 413,
    json: { code: 'RINGCAST_BODY_TOO_LARGE', message: /RING_EVENTS/ },
  })
  t.equal((await post(app, Array(8).fill({ data: 1 }))).status, 202)
})

t.test(
  'what is not yet fanned out is not overwritten: the push is told to come again',
  async (t) => {
    const app = await startApp(t, { ringEvents: 8 })
    const stream = await openStream(t, app.port, '/events')
    const batch = (name: string): string =>
      pushText(Array.from({ length: 6 }, (_, i) => ({ data: `${name}${i}` })))
    // Together on one connection, they are read before any stream has its turn.
    const conn = connection(t, app.port, batch('a') + batch('b') + batch('c'))
    const answers = await conn.says(/(HTTP\/1\.1[^]*){3}\}$/)
    t.same(answers.match(/HTTP\/1\.1 \d+/g), ['HTTP/1.1 202', 'HTTP/1.1 503', 'HTTP/1.1 503'])
    t.equal(answers.match(/\r\nretry-after: 1\r\n/gi)!.length, 2)
    t.equal(answers.match(/"code":"RINGCAST_BUSY"/g)!.length, 2)
    t.match(await ask(`${app.url}/api/stats`), { json: { busy: 2 } })

    await stream.received(6)
    await push(app.url, { data: 'the last' })
    t.same(
      (await stream.received(7)).map(({ data }) => data),
      ['a0', 'a1', 'a2', 'a3', 'a4', 'a5', 'the last'],
      'nothing of a refused batch is delivered',
    )
    t.match(stream.control, [{ type: 'open' }])
  },
)

t.test('a node that drains takes no push', async (t) => {
  const app = await startApp(t)
  const drained = app.hub.drain(500)
  t.match(await post(app, { data: 1 }), {
    status: 503,
    headers: { 'retry-after': '1' },
    json: { code: 'RINGCAST_DRAINING' },
  })
  await drained
})

t.test('what is pushed to a user reaches all streams of that user, and nobody else', async (t) => {
  const app = await startApp(t)
  const open = (query: string) => openStream(t, app.port, `/events?${query}`)
  const streams = [
    await open('user=ann'),
    await open('user=ann&topic=other'),
    await open('user=bob&topic=**'),
    await open('user=Ann'),
    await open('topic=ann&topic=**'),
  ]
  await push(app.url, [
    { user: 'ann', data: 'for ann' },
    { user: ['ann', 'bob'], data: 'for both' },
    { topic: ['broadcast', 'other'], data: 'the last' },
  ])
  const expected = [
    ['for ann', 'for both', 'the last'],
    ['for ann', 'for both', 'the last'],
    ['for both', 'the last'],
    ['the last'],
    ['the last'],
  ]
  for (const [i, stream] of streams.entries()) {
    const events = await stream.received(expected[i]!.length)
    t.same(
      events.map(({ data }) => data),
      expected[i],
    )
  }
  t.same(await historyOf(app, 'user=ann&topic=none'), ['for ann', 'for both'])
  t.same(await historyOf(app, 'topic=**'), ['the last'])
  const later = await open('user=bob&last=10')
  t.equal((await later.received(2))[0]!.data, 'for both', 'replayed to its user alone')
})

t.test('a route that exists answers 405 to another method', async (t) => {
  const app = await startApp(t)
  t.match(await ask(`${app.url}/api/push`), {
    status: 405,
    headers: { allow: 'POST' },
    json: { code: 'RINGCAST_METHOD_NOT_ALLOWED' },
  })
  t.match(await ask(`${app.url}/nothing`), { status: 404, json: { code: 'RINGCAST_NOT_FOUND' } })
})
