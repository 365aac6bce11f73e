import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { errorCodes } from '../dist/errors.js'
import { connectionsOf, push, startApp, type RunningApp } from './helpers/app.js'
import { ask } from './helpers/ask.js'
import { connection, requestText } from './helpers/connection.js'
import { keptLog } from './helpers/kept-log.js'
import { openStream } from './helpers/sse-client.js'
import { apiKey, jwtSecret } from './helpers/tokens.js'
import { until } from './helpers/until.js'

/** What came back for one request on a connection of its own. */
interface Answer {
  /** 0 when the connection was closed without an answer. */
  readonly status: number
  readonly head: string
  readonly text: string
  /** The body as JSON; empty if it is none. */
  readonly json: Readonly<Record<string, unknown>>
}

/** Resolves when a connection is closed, be it by an error. */
function closed(socket: Socket): Promise<void> {
  socket.on('error', () => {
    // A reset is told by `close`.
  })
  return new Promise((resolve) => socket.once('close', () => resolve()))
}

/** Everything that the service sends over a connection until it is closed. */
async function received(socket: Socket): Promise<string> {
  const parts: Buffer[] = []
  socket.setTimeout(20_000, () => socket.destroy(new Error('no end')))
  socket.on('data', (bytes) => parts.push(bytes))
  await closed(socket)
  return Buffer.concat(parts).toString()
}

/** Sends bytes as they are, on a connection of their own, and waits for its end. */
async function send(
  { port }: RunningApp,
  bytes: string | Buffer,
  { half = false } = {},
): Promise<Answer> {
  const socket = connect(port, '127.0.0.1')
  if (half) socket.end(bytes)
  else socket.write(bytes)
  const all = await received(socket)
  const [head = '', ...rest] = all.split('\r\n\r\n')
  const text = rest.join('\r\n\r\n')
  return {
    status: Number(/^HTTP\/1\.1 (\d+)/.exec(head)?.[1] ?? 0),
    head,
    text,
    json: text.startsWith('{') ? (JSON.parse(text) as Record<string, unknown>) : {},
  }
}

/** A request as text; its connection ends with the answer. */
function request(app: RunningApp, line: string, headers: readonly string[] = []): string {
  const fields = [`Host: 127.0.0.1:${app.port}`, 'Connection: close', ...headers]
  return `${line} HTTP/1.1\r\n${fields.map((field) => `${field}\r\n`).join('')}\r\n`
}

/** Pushes a body as it is. */
function post(app: RunningApp, type: string, body: string | Buffer, query = ''): Promise<Answer> {
  const bytes = Buffer.from(body as string)
  const headers = [`Content-Type: ${type}`, `Content-Length: ${bytes.length}`]
  return send(
    app,
    Buffer.concat([Buffer.from(request(app, `POST /api/push${query}`, headers)), bytes]),
  )
}

/** An answer is an error of the registry, in its shape, with a message of a readable length. */
function isRefusal(t: Test, { status, json }: Answer, code: keyof typeof errorCodes, of: string) {
  t.equal(json['code'], code, `${of}: ${code}`)
  t.equal(status, errorCodes[code][0], `${of}: its status`)
  t.equal(json['statusCode'], status, `${of}: the body says the status`)
  const message = String(json['message'])
  t.ok(message.length > 10 && message.length < 400, `${of}: a message (${message.slice(0, 80)})`)
}

/** The service still takes a push, and delivers it. */
async function isWell(t: Test, app: RunningApp): Promise<void> {
  const topic = `well/${Math.random()}`
  const stream = await openStream(t, app.port, `/events?topic=${topic}`)
  await push(app.url, { topic, data: 'well' })
  t.equal((await stream.received(1))[0]!.data, 'well', 'it goes on')
  stream.cut()
}

async function total(app: RunningApp): Promise<number> {
  const response = await fetch(`${app.url}/api/streams?limit=1`)
  return ((await response.json()) as { total: number }).total
}

/** What an EventSource makes of data: its lines, joined by line feeds. */
const asLines = (data: string): string => data.split(/\r\n|\r|\n/).join('\n')

/** Characters and texts that forge fields where they are not taken care of. */
const forging = [
  ...['\r', '\n', '\r\n', '\n\n', '\0', '\t', '\u0085', '\u009f', '\u2028', '\u2029', '\ufeff'],
  ...['\ud800', '\udc00', ':', ' ', '"', '\\', '*', '/', '$', '😀'],
  ...['id: 1', '\nid: forged\n', '\revent: ringcast\r', '\nretry: 1\n', '\n\ndata: x\n\n'],
]

const anyText = (maxLength: number) =>
  fc.string({
    unit: fc.oneof(fc.constantFrom(...forging), fc.string({ unit: 'binary', maxLength: 1 })),
    maxLength,
  })

const hasControl = (text: string): boolean => /[\u0000-\u001f\u007f-\u009f]/.test(text)
const isEventName = (name: string): boolean =>
  name.length >= 1 &&
  name.length <= 64 &&
  !hasControl(name) &&
  name.isWellFormed() &&
  !['ringcast', 'open', 'error'].includes(name)
const isTopic = (topic: string): boolean =>
  topic.length > 0 &&
  !hasControl(topic) &&
  topic.isWellFormed() &&
  Buffer.byteLength(topic) <= 1024 &&
  !topic.split('/').some((segment) => segment === '*' || segment === '**')

t.test('no text of a publisher forges a field', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events?topic=**&user=u')
  const envelopes = await openStream(t, app.port, '/events?topic=**&user=u&envelope=1')

  interface Draft {
    readonly type: 'application/json' | 'application/x-ndjson' | 'text/plain'
    readonly topic?: string
    readonly event?: string
    readonly data: string
    readonly key?: string
  }
  const drafts: fc.Arbitrary<Draft> = fc.record(
    {
      type: fc.constantFrom('application/json', 'application/x-ndjson', 'text/plain'),
      topic: fc.oneof({ weight: 3, arbitrary: fc.constant('plain') }, anyText(20)),
      event: fc.oneof({ weight: 3, arbitrary: fc.constant('e') }, anyText(8)),
      data: anyText(60),
      key: fc.oneof({ weight: 3, arbitrary: fc.constant('k') }, anyText(8)),
    },
    { requiredKeys: ['type', 'data'] },
  )
  const accepted: { id: string; draft: Draft }[] = []
  let keys = 0

  async function tryPush(given: Draft): Promise<void> {
    const text = given.type === 'text/plain'
    // Bytes of a body, and of a URL, can't be half a character; a parameter that is empty is none.
    const pure = (value: string | undefined) => (text ? value?.toWellFormed() || undefined : value)
    const draft: Draft = {
      type: given.type,
      data: text ? given.data.toWellFormed() : given.data,
      ...Object.fromEntries(
        Object.entries({
          topic: pure(given.topic),
          event: pure(given.event),
          key: given.key === undefined ? undefined : `${++keys}${pure(given.key) ?? ''}`,
        }).filter(([, value]) => value !== undefined),
      ),
    }
    const { type, data, ...rest } = draft
    const query = text ? `?${new URLSearchParams(rest).toString()}` : ''
    const response = await fetch(`${app.url}/api/push${query}`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: text ? Buffer.from(data) : JSON.stringify({ data, ...rest }),
    })
    const answer = (await response.json()) as { id?: string; ids?: string[]; code?: string }
    const fine =
      data.isWellFormed() &&
      (draft.event === undefined || isEventName(draft.event)) &&
      (draft.topic === undefined || (isTopic(draft.topic) && !draft.topic.startsWith('$'))) &&
      (draft.key === undefined || /^[\x20-\x7e]+$/.test(draft.key))
    if ((response.status === 202) !== fine) throw new Error(`answer: ${JSON.stringify(answer)}`)
    if (!fine && !Object.keys(errorCodes).includes(answer.code!)) throw new Error(answer.code)
    if (fine) accepted.push({ id: answer.id ?? answer.ids![0]!, draft })
  }

  await fc.assert(
    fc.asyncProperty(fc.array(drafts, { minLength: 1, maxLength: 40 }), async (batch) => {
      const from = accepted.length
      for (const draft of batch) await tryPush(draft)
      await stream.received(accepted.length)
      await envelopes.received(accepted.length)
      for (let i = from; i < accepted.length; i++) {
        const { id, draft } = accepted[i]!
        const got = stream.events[i]!
        const expected = [id, draft.event, asLines(draft.data)]
        if (JSON.stringify([got.id, got.event, got.data]) !== JSON.stringify(expected)) {
          throw new Error(`got ${JSON.stringify(got)}, not ${JSON.stringify(expected)}`)
        }
        const whole = JSON.parse(envelopes.events[i]!.data) as Record<string, unknown>
        const { topic = 'broadcast', event, data, key } = draft
        const wanted = { id, topics: [topic], event, data, key, time: whole['time'] }
        if (JSON.stringify(whole) !== JSON.stringify(wanted)) {
          throw new Error(`got ${JSON.stringify(whole)}, not ${JSON.stringify(wanted)}`)
        }
      }
    }),
    { numRuns: 60 },
  )

  t.ok(
    accepted.length > 100,
    `${accepted.length} were accepted and arrived once each, as they were`,
  )
  t.equal(stream.events.length, accepted.length, 'and nothing beside them')
  const lines = stream.body().split('\n')
  const count = (field: string) => lines.filter((line) => line.startsWith(field)).length
  t.equal(count('id'), accepted.length + 1, 'an id for each, and one to open with')
  t.equal(count('retry'), 1, 'one retry')
  t.equal(count('event: ringcast'), 1, 'one control event')
  t.notOk(
    lines.find((line) => !/^(|:|(id|event|data|retry): .*)$/su.test(line)),
    'no line is anything but a field',
  )
  t.notMatch(stream.body(), /\r/, 'no carriage return')
})

t.test('JSON arrives as it was, whatever its names are', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events')
  const names = '{"__proto__":{"polluted":1},"constructor":{"prototype":{"polluted":1}},"data":[]}'
  const texts = [names, '[[]]', 'null', 'false', '0', '"\\ufeffBOM"', '{"":{"a":[]}}', '1e300']
  for (const [i, text] of texts.entries()) {
    const { status } = await post(app, 'application/json', `{"data":${text}}`)
    t.equal(status, 202, text)
    const events = await stream.received(i + 1)
    const value: unknown = JSON.parse(text)
    t.equal(events[i]!.data, typeof value === 'string' ? value : JSON.stringify(value))
  }
  t.equal(({} as Record<string, unknown>)['polluted'], undefined, 'no prototype was touched')

  await fc.assert(
    fc.asyncProperty(fc.jsonValue(), async (value) => {
      await push(app.url, { data: value })
      const events = await stream.received(app.hub.stats.accepted)
      const expected = typeof value === 'string' ? asLines(value) : JSON.stringify(value)
      return events.at(-1)!.data === expected
    }),
    { numRuns: 60 },
  )
  const twice = await post(app, 'application/json', '{"data":1,"data":2}')
  t.equal(twice.status, 202, 'of a field given twice, the last counts, as everywhere in JavaScript')
})

t.test('a body that is no event is refused, and says why', async (t) => {
  const app = await startApp(t)
  const json = 'application/json'
  const ndjson = 'application/x-ndjson'
  const megabytes = 8 * 1024 * 1024
  const refused: [
    code: keyof typeof errorCodes,
    of: string,
    type: string,
    body: string | Buffer,
  ][] = [
    ['RINGCAST_INVALID_JSON', 'deep arrays', json, Buffer.alloc(megabytes, '[')],
    ['RINGCAST_INVALID_JSON', 'deep objects', json, Buffer.alloc(megabytes, '{"a":')],
    ['RINGCAST_INVALID_JSON', 'deep in an array', json, `[{"data":1},{"data":${'['.repeat(1e6)}`],
    ['RINGCAST_INVALID_JSON', 'deep in a line', ndjson, `{"data":1}\n${'['.repeat(1e6)}`],
    ['RINGCAST_INVALID_JSON', 'nothing but quotes', json, Buffer.alloc(megabytes, '\\"')],
    ['RINGCAST_INVALID_EVENT', 'nothing but line feeds', ndjson, Buffer.alloc(megabytes, '\n')],
    ['RINGCAST_INVALID_EVENT', '4 million events', json, `[1${',1'.repeat(4e6)}]`],
    ['RINGCAST_EVENT_TOO_LARGE', 'large data', json, `{"data":[1${',1'.repeat(4e6)}]}`],
    ['RINGCAST_INVALID_JSON', 'bytes that are not UTF-8', json, Buffer.from([0x22, 0xff, 0x22])],
    ['RINGCAST_INVALID_JSON', 'half a surrogate', json, Buffer.from('22eda08022', 'hex')],
    ['RINGCAST_INVALID_JSON', 'UTF-16', json, Buffer.from('{"data":1}', 'utf16le')],
    ['RINGCAST_INVALID_JSON', 'text not UTF-8', 'text/plain', Buffer.from([0x80])],
    ['RINGCAST_INVALID_JSON', 'a BOM', json, '\ufeff{"data":1}'],
    ['RINGCAST_INVALID_JSON', 'no body', json, ''],
    ['RINGCAST_INVALID_JSON', 'a raw control character', json, '{"data":"\0"}'],
    ['RINGCAST_INVALID_JSON', 'a number without end', json, `{"data":${'9'.repeat(1e6)}e}`],
    ['RINGCAST_INVALID_EVENT', 'no line', ndjson, ''],
    ['RINGCAST_INVALID_EVENT', 'null', json, 'null'],
    ['RINGCAST_INVALID_EVENT', 'no event', json, '[]'],
    ['RINGCAST_INVALID_EVENT', 'an array in an array', json, '[[{"data":1}]]'],
    ['RINGCAST_INVALID_EVENT', 'no data', json, '{"topic":"a"}'],
    ['RINGCAST_INVALID_EVENT', '__proto__', json, '{"__proto__":{"data":1},"data":1}'],
    ['RINGCAST_INVALID_EVENT', 'only __proto__', json, '{"__proto__":{"data":1}}'],
    ['RINGCAST_INVALID_EVENT', 'constructor', json, '{"constructor":1,"data":1}'],
    ['RINGCAST_INVALID_EVENT', '1,001 events', json, `[${'{"data":1},'.repeat(1000)}{"data":1}]`],
    ['RINGCAST_INVALID_EVENT', '1,001 lines', ndjson, '{"data":1}\n'.repeat(1001)],
    ['RINGCAST_UNSUPPORTED_MEDIA_TYPE', 'a charset', `${json}; charset=utf-16`, '{"data":1}'],
    ['RINGCAST_UNSUPPORTED_MEDIA_TYPE', 'two types', `${json}, text/plain`, '{"data":1}'],
    ['RINGCAST_UNSUPPORTED_MEDIA_TYPE', 'no type', '', '{"data":1}'],
    ['RINGCAST_UNSUPPORTED_MEDIA_TYPE', 'constructor as type', 'constructor', '{"data":1}'],
    ['RINGCAST_UNSUPPORTED_MEDIA_TYPE', 'a form', 'multipart/form-data', '{"data":1}'],
  ]
  for (const [code, of, type, body] of refused) {
    isRefusal(t, await post(app, type, body), code, of)
  }
  const headless = request(app, 'POST /api/push', ['Content-Length: 10'])
  isRefusal(
    t,
    await send(app, `${headless}{"data":1}`),
    'RINGCAST_UNSUPPORTED_MEDIA_TYPE',
    'no content type header',
  )

  const events = Array.from({ length: 1000 }, (_, i) => ({ data: i === 500 ? undefined : i }))
  const array = await post(app, json, JSON.stringify(events))
  isRefusal(t, array, 'RINGCAST_INVALID_EVENT', 'one bad event of 1,000')
  t.equal(array.json['index'], 500)
  const lines = await post(app, ndjson, events.map((event) => JSON.stringify(event)).join('\n'))
  isRefusal(t, lines, 'RINGCAST_INVALID_EVENT', 'one bad line of 1,000')
  t.equal(lines.json['line'], 501)
  t.equal(app.hub.stats.accepted, 0, 'nothing of all this was accepted')
  await isWell(t, app)
})

t.test('a body that does not come as announced is not accepted', async (t) => {
  const app = await startApp(t)
  const text = 'Content-Type: text/plain'
  const head = (...headers: string[]) => request(app, 'POST /api/push', [text, ...headers])
  const large = 'x'.repeat(8 * 1024 * 1024 + 1)
  const half = { half: true }

  isRefusal(t, await post(app, 'text/plain', large), 'RINGCAST_BODY_TOO_LARGE', 'a large body')
  isRefusal(
    t,
    await send(app, head('Content-Length: 99999999999')),
    'RINGCAST_BODY_TOO_LARGE',
    'one that is only announced',
  )
  const chunk = `100000\r\n${'x'.repeat(0x100000)}\r\n`
  isRefusal(
    t,
    await send(app, head('Transfer-Encoding: chunked') + chunk.repeat(9)),
    'RINGCAST_BODY_TOO_LARGE',
    'one without an announced length',
  )
  isRefusal(
    t,
    await send(app, `${head('Content-Length: 10')}abc`, half),
    'RINGCAST_BAD_REQUEST',
    'a body cut off',
  )
  isRefusal(
    t,
    await send(app, `${head('Transfer-Encoding: chunked')}5\r\nab`, half),
    'RINGCAST_BAD_REQUEST',
    'a chunk cut off',
  )
  for (const headers of [
    ['Content-Length: 3', 'Transfer-Encoding: chunked'],
    ['Transfer-Encoding: chunked', 'Content-Length: 3'],
    ['Content-Length: 3', 'Content-Length: 4'],
    ['Content-Length: +3'],
    ['Content-Length: 3, 3'],
    ['Content-Length: 0x3'],
    ['Content-Length: -1'],
    ['Content-Length: 99999999999999999999999'],
    ['Transfer-Encoding: xchunked'],
    ['Transfer-Encoding: chunked, identity'],
    ['Transfer-Encoding : chunked'],
    ['Transfer-Encoding:\x0bchunked'],
    ['X: a\r\n Transfer-Encoding: chunked'],
  ]) {
    const smuggled = `0\r\n\r\n${request(app, 'GET /livez')}`
    const answer = await send(app, head(...headers) + smuggled)
    isRefusal(t, answer, 'RINGCAST_BAD_REQUEST', headers.join(' and '))
    t.notMatch(answer.text, /"up"/, 'and nothing behind it is executed')
  }
  isRefusal(
    t,
    await send(app, `${head('Transfer-Encoding: chunked')}-1\r\nabc\r\n0\r\n\r\n`),
    'RINGCAST_BAD_REQUEST',
    'a chunk of -1 bytes',
  )
  const short = await send(app, `${head('Content-Length: 1').replace('close', 'keep-alive')}ab`)
  t.match(short.text, /RINGCAST_BAD_REQUEST/, 'what comes behind a body is no request')
  t.equal(app.hub.stats.accepted, 1, 'the body ended where it was announced to')

  let come = 0
  app.http.server.on('connection', () => come++)
  const slow = Array.from({ length: 200 }, () => connect(app.port, '127.0.0.1'))
  t.teardown(() => slow.forEach((socket) => socket.destroy()))
  for (const socket of slow) socket.write(`${head('Content-Length: 8000000')}x`)
  // Eight large bodies may be on their way; the others are told to come again, and let go. (Some of
  // the connections before these may still be open.)
  await until(
    async () => come === 200 && (await connectionsOf(app)) < 20,
    'the slow ones beyond to be refused',
  )
  await isWell(t, app)
  const another = JSON.stringify({ data: 'x'.repeat(8_000_000) })
  isRefusal(t, await post(app, 'application/json', another), 'RINGCAST_BUSY', 'another large one')
})

t.test('what is no request for a route is answered in the one shape of errors', async (t) => {
  const app = await startApp(t)
  const bad = 'RINGCAST_BAD_REQUEST'
  const raw: [code: keyof typeof errorCodes, bytes: string][] = [
    [bad, 'garbage\r\n\r\n'],
    [bad, '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03'],
    [bad, 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    [bad, `GET /livez HTTP/9.9\r\n\r\n`],
    [bad, 'GET /livez HTTP/1.1\r\nConnection: close\r\n\r\n'],
    [bad, request(app, 'BREW /livez')],
    [bad, request(app, 'get /livez')],
    [bad, request(app, 'GET livez')],
    [bad, request(app, 'GET /li\0vez')],
    [bad, request(app, 'GET /livez', ['X: a\0b'])],
    [bad, request(app, 'GET /livez', ['X: a\rb'])],
    [bad, request(app, 'GET /livez', [': empty'])],
    ['RINGCAST_HEADERS_TOO_LARGE', request(app, 'GET /livez', [`X: ${'a'.repeat(20_000)}`])],
    ['RINGCAST_HEADERS_TOO_LARGE', request(app, `GET /${'a'.repeat(20_000)}`)],
    ['RINGCAST_HEADERS_TOO_LARGE', request(app, 'GET /', Array<string>(5000).fill('X: aaaa'))],
  ]
  for (const [code, bytes] of raw) {
    isRefusal(
      t,
      await send(app, Buffer.from(bytes, 'latin1'), { half: true }),
      code,
      bytes.slice(0, 40),
    )
  }

  const long = 'x'.repeat(3073)
  const paths: [code: keyof typeof errorCodes, line: string][] = [
    [bad, 'GET /%zz'],
    [bad, 'GET /events%'],
    [bad, 'DELETE /api/users/%E0%A4%A/streams'],
    [bad, 'DELETE /api/users/%ff/streams'],
    [bad, `DELETE /api/users/${long}/streams`],
    [bad, `DELETE /api/streams/${long}`],
    ['RINGCAST_NOT_FOUND', 'GET //events'],
    ['RINGCAST_NOT_FOUND', 'GET /events/'],
    ['RINGCAST_NOT_FOUND', 'GET /EVENTS'],
    ['RINGCAST_NOT_FOUND', 'GET /events%00'],
    ['RINGCAST_NOT_FOUND', 'GET /events/../livez'],
    ['RINGCAST_NOT_FOUND', 'GET /api/../events'],
    ['RINGCAST_NOT_FOUND', 'GET /%2e%2e/%2e%2e/etc/passwd'],
    ['RINGCAST_NOT_FOUND', 'GET *'],
    ['RINGCAST_NOT_FOUND', 'GET *livez'],
    ['RINGCAST_NOT_FOUND', 'OPTIONS *'],
    ['RINGCAST_NOT_FOUND', 'GET /:a(('],
    ['RINGCAST_NOT_FOUND', 'GET /:a(((x+)+)+$)b'],
    ['RINGCAST_NOT_FOUND', 'GET /a*b'],
    ['RINGCAST_NOT_FOUND', 'GET /api/streams/:id'],
    ['RINGCAST_NOT_FOUND', 'GET /__proto__'],
    ['RINGCAST_NOT_FOUND', 'POST /constructor'],
    ['RINGCAST_STREAM_NOT_FOUND', 'DELETE /api/streams/%00'],
    ['RINGCAST_STREAM_NOT_FOUND', 'DELETE /api/streams/__proto__'],
    ['RINGCAST_STREAM_NOT_FOUND', 'DELETE /api/streams/a.999999999999999'],
    ['RINGCAST_METHOD_NOT_ALLOWED', 'TRACE /events'],
    ['RINGCAST_METHOD_NOT_ALLOWED', 'PUT /events'],
    ['RINGCAST_METHOD_NOT_ALLOWED', 'PURGE /events'],
    ['RINGCAST_METHOD_NOT_ALLOWED', 'GET /api/push'],
    ['RINGCAST_INVALID_QUERY', 'GET /events?constructor=1'],
    ['RINGCAST_INVALID_QUERY', 'GET /events?toString=1'],
    ['RINGCAST_INVALID_QUERY', `GET /events?${'q'.repeat(15_000)}`],
    ['RINGCAST_INVALID_QUERY', 'GET /events?user=a&user=b'],
    ['RINGCAST_INVALID_QUERY', 'GET /events?last=1e3'],
    ['RINGCAST_INVALID_QUERY', 'GET /events?last=1001'],
    ['RINGCAST_INVALID_QUERY', 'GET /events?last=-1'],
    ['RINGCAST_INVALID_QUERY', 'GET /events?envelope=%00'],
    ['RINGCAST_INVALID_QUERY', 'GET /api/history?limit=99999999999999999999'],
    ['RINGCAST_INVALID_QUERY', 'GET /api/streams?after=%00'],
    ['RINGCAST_INVALID_QUERY', 'GET /api/streams?sort=__proto__'],
  ]
  for (const [code, line] of paths) {
    const answer = await send(app, request(app, line))
    isRefusal(t, answer, code, line.slice(0, 50))
    t.ok(answer.text.length < 1000, 'and echoes little')
  }

  const place = Buffer.from('[{"toString":null},{"toString":null}]').toString('base64url')
  const stream = await openStream(t, app.port, '/events')
  isRefusal(
    t,
    await send(app, request(app, `GET /api/streams?after=${place}`)),
    'RINGCAST_INVALID_QUERY',
    'a forged place in a list',
  )
  stream.cut()

  const upgrade = request(app, 'GET /livez', ['Upgrade: websocket']).replace('close', 'Upgrade')
  const upgraded = await send(app, upgrade, { half: true })
  t.equal(upgraded.status, 200, 'an upgrade that is not offered is a request like any')
  const tunnel = await send(app, request(app, 'CONNECT 127.0.0.1:80'))
  t.equal(tunnel.status, 0, 'a tunnel is not opened: the connection is closed')
  const percent = await send(app, request(app, 'GET /livez?a=%zz&%=%'))
  t.equal(percent.status, 200, 'a bad percent-encoding in a query stands for itself')
  await isWell(t, app)
})

t.test('nothing is answered, or executed, in the middle of a stream', async (t) => {
  const app = await startApp(t)
  for (const behind of [
    request(app, 'GET /livez'),
    request(app, 'GET /%zz'),
    request(app, 'GET /events'),
    request(app, 'POST /api/push', ['Content-Type: text/plain', 'Content-Length: 1']) + 'x',
    'garbage\r\n\r\n',
    'CONNECT a:1 HTTP/1.1\r\nHost: localhost\r\n\r\n',
  ]) {
    const stream = await openStream(t, app.port, '/events')
    stream.socket.write(behind)
    await until(() => stream.closed, `the end of a stream with ${behind.slice(0, 20)} behind it`)
    t.equal(
      stream.body().split('\n\n').length,
      2,
      `only the opening before: ${behind.slice(0, 20)}`,
    )
    t.notMatch(stream.body(), /HTTP|statusCode/)
  }
  t.equal(app.hub.stats.accepted, 0, 'no push was executed')
  await until(async () => (await total(app)) === 0, 'no stream to be left')
})

t.test('only this machine, by its own name, and pages of it are let in', async (t) => {
  const app = await startApp(t)
  const get = (host: string, origin?: string) =>
    send(
      app,
      `GET /livez HTTP/1.1\r\nHost: ${host}\r\nConnection: close\r\n` +
        `${origin === undefined ? '' : `Origin: ${origin}\r\n`}\r\n`,
    )
  const here = `127.0.0.1:${app.port}`
  const hosts = [
    '',
    'localhost.evil.com',
    '127.0.0.1.evil.com',
    'evil.com',
    'localhost:80@evil.com',
  ]
  hosts.push(
    'evil.com@localhost',
    'evil-localhost',
    '127.0.0.1:80:80',
    'localhost#evil.com',
    '[::]',
  )
  hosts.push('0.0.0.0', '2130706433', '0x7f000001', '017700000001', '127.1', '::1', 'localhost\\')
  hosts.push('128.0.0.1', '[::ffff:128.0.0.1]', '[::1].evil.com', 'localhost, evil.com')
  for (const host of hosts) isRefusal(t, await get(host), 'RINGCAST_HOST_REFUSED', `Host ${host}`)
  for (const host of ['LOCALHOST', 'a.localhost:1', '[::1]:1', '[::ffff:127.0.0.1]', '127.9.9.9']) {
    t.equal((await get(host)).status, 200, `Host ${host}`)
  }
  const origins = ['null', 'http://localhost.evil.com', 'http://127.0.0.1.evil.com', 'evil']
  origins.push('http://localhost:80@evil.com', 'http://evil.com@localhost', 'file://localhost')
  origins.push('http://evil.com#localhost', 'http://evil.com/localhost', 'http://localhost\\@evil')
  origins.push(
    'http://localhost, http://evil.com',
    'http://evil.com?localhost',
    `http://${'a'.repeat(9999)}`,
  )
  for (const origin of origins) {
    const answer = await get(here, origin)
    isRefusal(t, answer, 'RINGCAST_ORIGIN_REFUSED', `Origin ${origin.slice(0, 40)}`)
    t.notMatch(answer.head, /access-control-allow-origin/i, 'and the page may not read it')
  }
  for (const origin of ['http://localhost', 'https://[::1]:5173', 'http://a.localhost:1']) {
    const answer = await get(here, origin)
    t.equal(answer.status, 200, `Origin ${origin}`)
    t.match(answer.head, `access-control-allow-origin: ${origin}`)
  }
  t.equal((await send(app, 'GET /livez HTTP/1.0\r\n\r\n')).status, 200, 'HTTP/1.0 needs no Host')
})

// What is sent in their place is in hostile-credentials.test.ts.
t.test('bad credentials are refused in the one shape of errors, streams too', async (t) => {
  const app = await startApp(t, { apiKeys: [apiKey], jwtSecret })
  const unsigned = `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`
  for (const text of ['x', unsigned, `${apiKey}x`, 'x'.repeat(9000), `${apiKey},${apiKey}`]) {
    for (const line of ['GET /events', 'GET /api/history', 'POST /api/push', 'GET /api/stats']) {
      const answer = await send(app, request(app, line, [`Authorization: Bearer ${text}`]))
      isRefusal(t, answer, 'RINGCAST_INVALID_CREDENTIAL', `${line} ${text.slice(0, 20)}`)
      t.match(answer.head, /\r\nwww-authenticate: Bearer realm="ringcast", error="invalid_token"/i)
    }
  }
  t.equal(app.hub.streams.size, 0)
})

t.test('topics and patterns cost what they are worth', async (t) => {
  const app = await startApp(t)
  const subscribe = (...topics: string[]) =>
    send(
      app,
      request(app, `GET /events?${topics.map((x) => `topic=${encodeURIComponent(x)}`).join('&')}`),
    )
  const topic = 'RINGCAST_INVALID_TOPIC'
  const many = Array.from({ length: 101 }, (_, i) => `t${i}`)
  isRefusal(t, await subscribe(...many), topic, 'a stream of 101 topics')
  isRefusal(t, await subscribe(''), topic, 'an empty topic')
  isRefusal(t, await subscribe('é'.repeat(512) + 'x'), topic, 'a topic of 1,025 bytes')
  isRefusal(t, await subscribe('a/**/b'), topic, '** in the middle')
  isRefusal(t, await subscribe('**/**'), topic, '** twice')
  isRefusal(t, await subscribe('a\nid: 1'), topic, 'a line feed')
  isRefusal(t, await subscribe('$sys/stats', 'a'), topic, '$sys and others')
  const pushes: [code: keyof typeof errorCodes, topics: unknown][] = [
    ['RINGCAST_INVALID_EVENT', many],
    ['RINGCAST_INVALID_EVENT', []],
    ['RINGCAST_INVALID_EVENT', ''],
    ['RINGCAST_INVALID_EVENT', null],
    ['RINGCAST_INVALID_EVENT', { length: 1, 0: 'a' }],
    ['RINGCAST_INVALID_EVENT', ['a', ['b']]],
    ['RINGCAST_INVALID_EVENT', 'x'.repeat(1025)],
    ['RINGCAST_INVALID_EVENT', 'é'.repeat(512) + 'x'],
    ['RINGCAST_INVALID_EVENT', 'a/*'],
    ['RINGCAST_INVALID_EVENT', 'a/**/b'],
    ['RINGCAST_TOPIC_RESERVED', '$sys/stats'],
    ['RINGCAST_TOPIC_RESERVED', ['a', '$']],
  ]
  for (const [code, value] of pushes) {
    const body = JSON.stringify({ topic: value, data: 1 })
    isRefusal(t, await post(app, 'application/json', body), code, `topic ${body.slice(0, 40)}`)
  }

  const longest = 'é'.repeat(512)
  const stream = await openStream(t, app.port, `/events?topic=${encodeURIComponent(longest)}`)
  await push(app.url, { topic: longest, data: 'longest' })
  t.equal((await stream.received(1))[0]!.data, 'longest', 'a topic of 1,024 bytes is one')
  await push(app.url, { topic: ['__proto__', 'constructor', 'toString'], data: 1 })
  t.equal((await stream.received(1)).length, 1, 'names of JavaScript are topics like any')
})

t.test('patterns made to be slow do not hold up a push', async (t) => {
  const app = await startApp(t)
  // As many as a stream may have, of as many segments; each with literals in other places.
  const pattern = (n: number, segments: number) =>
    Array.from({ length: segments }, (_, i) =>
      i === segments - 1 ? 'no' : (n >> i) & 1 ? 'a' : '*',
    ).join('/')
  const longer = await fetch(`${app.url}/events?topic=${pattern(0, 33)}`)
  t.match(await longer.json(), { statusCode: 400, code: 'RINGCAST_INVALID_TOPIC' })
  const streams = []
  for (let s = 0; s < 5; s++) {
    const topics = Array.from({ length: 99 }, (_, i) => `topic=${pattern(s * 99 + i, 32)}`)
    streams.push(await openStream(t, app.port, `/events?topic=broadcast&${topics.join('&')}`))
  }
  const topics = Array.from({ length: 99 }, (_, i) => `${'a/'.repeat(31)}${i}`)
  const started = performance.now()
  await push(app.url, { topic: ['broadcast', ...topics], data: 'here' })
  for (const stream of streams) t.equal((await stream.received(1))[0]!.data, 'here')
  const tookMs = performance.now() - started
  t.ok(tookMs < 2000, `pushed and delivered in ${Math.round(tookMs)} ms`)
})

t.test('topics of the service are for it alone', async (t) => {
  const app = await startApp(t)
  const wild = await openStream(t, app.port, '/events?topic=**&topic=*/*')
  const system = await openStream(t, app.port, '/events?topic=$sys/stats')
  await system.received(1)
  await push(app.url, { topic: 'a/b', data: 1 })
  await wild.received(1)
  t.equal(wild.events.length, 1, 'a pattern that starts with a wildcard has none of them')
  t.notMatch(system.body(), /^id:/m, 'they have no id')
})

/** Opens a stream with a header of any bytes, and resolves with its opening. */
async function opening(app: RunningApp, id: Uint8Array): Promise<string> {
  const socket = connect(app.port, '127.0.0.1')
  socket.write(`GET /events HTTP/1.0\r\nLast-Event-ID: `)
  socket.write(id)
  socket.write('\r\n\r\n')
  let text = ''
  for await (const bytes of socket) {
    text += String(bytes)
    // A gap, if there is one, comes in one write with the opening.
    if (text.includes('"type":"open"') && text.endsWith('\n\n')) break
  }
  return text.slice(text.indexOf('\r\n\r\n') + 4)
}

t.test('a last id of any bytes opens a stream, and is never taken for a place', async (t) => {
  const app = await startApp(t)
  await push(app.url, [{ data: 1 }, { data: 2 }])
  const head = app.hub.head!
  const [epoch = ''] = head.split('-')

  async function check(id: Uint8Array): Promise<string> {
    const body = await opening(app, id)
    const ids = [...body.matchAll(/^id:(.*)$/gm)].map((match) => match[1]!.trim())
    if (ids.some((each) => !/^[0-9a-z]+-[0-9a-z]$/.test(each) || !each.startsWith(epoch))) {
      throw new Error(`ids ${ids.join()} for ${Buffer.from(id).toString('latin1')}`)
    }
    const gap = /^data: (\{"type":"gap".*)$/m.exec(body)?.[1]
    if (gap === undefined) return 'none'
    const { after, reason } = JSON.parse(gap) as { after: string; reason: string }
    if (after.length > 128 || /[^\r\n -~\u0080-\uffff\t]/.test(after)) throw new Error(after)
    return reason
  }

  const named: [id: string, reason: string][] = [
    [head, 'none'],
    [`${epoch}-0`, 'none'],
    ['earliest', 'none'],
    [`${epoch}-3`, 'epoch'],
    [`${epoch}-zzzzzzzzzz`, 'epoch'],
    [`${epoch}-2gosa7pa2gv`, 'epoch'],
    [`${epoch}-2gosa7pa2gw`, 'unknown'],
    [`${epoch}-zzzzzzzzzzz`, 'unknown'],
    [`${epoch}-00`, 'unknown'],
    [`${epoch}--1`, 'unknown'],
    [`${epoch}-1.5`, 'unknown'],
    [`${head}, ${head}`, 'unknown'],
    [head.toUpperCase(), 'unknown'],
    ['other-1', 'epoch'],
    [`${'z'.repeat(33)}-1`, 'unknown'],
    ['x'.repeat(15_000), 'unknown'],
    ['__proto__', 'unknown'],
    ['\u2028\ufeff😀', 'unknown'],
  ]
  for (const [id, reason] of named) {
    t.equal(await check(Buffer.from(id)), reason, id.slice(0, 40))
  }
  // What HTTP lets through in a header: a tab, and all but control characters.
  const byte = fc.oneof(
    fc.constant(9),
    fc.integer({ min: 0x20, max: 0x7e }),
    fc.integer({ min: 0x80, max: 0xff }),
  )
  await fc.assert(
    fc.asyncProperty(fc.array(byte, { maxLength: 300 }), async (bytes) => {
      await check(Uint8Array.from(bytes))
    }),
    { numRuns: 200 },
  )
  for (const forged of ['a%0Aid:%20forged', '%00', '%ED%A0%80', '%F0%9F%98'.repeat(50)]) {
    const stream = await openStream(t, app.port, `/events?lastEventId=${forged}`)
    t.match(stream.control[1], { type: 'gap', reason: 'unknown' }, forged.slice(0, 20))
    t.equal(stream.body().split('\nid:').length, 2, 'one id, of the gap')
    stream.cut()
  }
})

t.test('connections that say nothing, or half of it, hold nobody up', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events')
  const idle: Socket[] = []
  t.teardown(() => idle.forEach((socket) => socket.destroy()))
  while (idle.length < 2000) {
    // So many at a time as the kernel keeps for a server that is busy.
    for (let i = 0; i < 200; i++) {
      const socket = connect(app.port, '127.0.0.1')
      if (i % 2 === 0) socket.write('GET /events HTTP/1.1\r\nX: ')
      idle.push(socket)
    }
    await until(async () => (await connectionsOf(app)) > idle.length, `${idle.length} connections`)
  }
  const started = performance.now()
  await push(app.url, { data: 'meanwhile' })
  await stream.received(1)
  const tookMs = performance.now() - started
  t.ok(tookMs < 1000, `pushed and delivered in ${Math.round(tookMs)} ms`)
  t.equal(await total(app), 1, 'and they are no streams')
})

t.test('a thousand half-open requests are told that they are late, and let go', async (t) => {
  const { lines, logger } = keptLog()
  const requestTimes = { headersMs: 2000, requestMs: 8000, checkMs: 100 }
  const app = await startApp(t, {}, { requestTimes, logger })
  const stream = await openStream(t, app.port, '/events')
  const push1 = `POST /api/push HTTP/1.1\r\nHost: localhost\r\nContent-Type: text/plain\r\n`
  const halves: [begin: string, drip: string][] = [
    ['', ''],
    ['GET /livez HTTP/1.1\r\nX: ', 'x'],
    ['GET /events HTTP/1.1\r\n', 'X: x\r\n'],
    [`${push1}Content-Length: 1000\r\n\r\n`, 'x'],
    [`${push1}Transfer-Encoding: chunked\r\n\r\n`, '1\r\nx\r\n'],
    [`${push1}Content-Length: 8000000\r\n\r\n`, 'x'],
  ]
  const answers: Promise<string>[] = []
  const dripping = new Map<Socket, string>()
  const timer = setInterval(() => dripping.forEach((drip, socket) => socket.write(drip)), 100)
  t.teardown(() => clearInterval(timer))
  for (let n = 0; n < 1000; n++) {
    const [begin, drip] = halves[n % halves.length]!
    const socket = connect(app.port, '127.0.0.1')
    t.teardown(() => socket.destroy())
    socket.write(begin)
    if (drip !== '') dripping.set(socket, drip)
    answers.push(received(socket).finally(() => dripping.delete(socket)))
    // So many at a time as the kernel keeps for a server that is busy.
    if (n % 200 === 199) await until(async () => (await connectionsOf(app)) > n / 2, `${n} to come`)
  }

  const progress = { over: false }
  const all = Promise.all(answers).finally(() => (progress.over = true))
  const waits: number[] = []
  while (!progress.over) {
    const started = performance.now()
    await push(app.url, { data: 'meanwhile' })
    await stream.received(waits.length + 1)
    waits.push(performance.now() - started)
  }
  // The middle one: a machine that does something else for a moment delays few.
  const middleMs = waits.sort((a, b) => a - b)[waits.length >> 1]!
  t.ok(
    waits.length > 100 && middleMs < 200,
    `${waits.length} pushes, the middle one ${Math.round(middleMs)} ms`,
  )
  const statuses = (await all).map((text) => /^HTTP\/1\.1 (\d+)/.exec(text)?.[1] ?? 'none')
  const late = statuses.filter((status) => status === '408').length
  const refused = statuses.filter((status) => status === '503').length
  t.equal(late + refused, 1000, 'each is answered, and closed')
  // Of large bodies, eight may be on their way; of unknown length counts as large.
  t.equal(late, 1000 - 2 * 166 + 8)
  t.match((await all)[1], /"code":"RINGCAST_REQUEST_TIMEOUT"/)

  await until(
    async () => (await connectionsOf(app)) <= 2,
    'only the stream and the pusher to be left',
  )
  t.equal(await total(app), 1)
  const large = JSON.stringify(Array.from({ length: 125 }, () => ({ data: 'x'.repeat(60_000) })))
  t.equal(
    (await post(app, 'application/json', large)).status,
    202,
    'there is room for bodies again',
  )
  t.same(
    lines.filter(({ level }) => Number(level) > 30),
    [],
    'and the log is not flooded',
  )
})

t.test('streams that are cut as soon as they are opened leave nothing behind', async (t) => {
  const app = await startApp(t)
  const listeners = () =>
    [process, app.http.server].map((emitter) =>
      emitter.eventNames().map((name) => emitter.listenerCount(name as string)),
    )
  const before = listeners()

  async function openAndCut(n: number): Promise<void> {
    const socket = connect(app.port, '127.0.0.1')
    const end = closed(socket)
    socket.write(request(app, `GET /events?topic=${n % 7}&user=${n}`))
    // Some before the head is here, some after, some with a reset, some with a half-close.
    if (n % 2 === 0) await Promise.race([once(socket, 'data'), end])
    if (n % 5 === 0) socket.end()
    else if (n % 3 === 0) socket.resetAndDestroy()
    else socket.destroy()
    socket.resume()
    await end
  }
  for (let n = 0; n < 2000; n += 100) {
    await Promise.all(Array.from({ length: 100 }, (_, i) => openAndCut(n + i)))
    await push(app.url, { topic: ['0', '1', '2'], data: n })
  }
  await until(async () => (await total(app)) === 0, 'no stream to be left')
  const { transports, closed: ends } = app.hub.stats
  const { opened } = transports.sse
  t.equal(ends.client, opened, `each of ${opened} was closed once`)
  t.ok(opened >= 1000, 'and half of them at least were open')
  t.same([...app.hub.streams.topics()], [], 'no topic is left')
  t.same(listeners(), before, 'no listener is left')

  // A stream that waits behind a long answer which nobody reads is gone with its connection.
  await push(
    app.url,
    Array.from({ length: 1000 }, () => ({ topic: 'long', data: 'x'.repeat(5000) })),
  )
  const opens = request(app, 'GET /events').replace('Connection: close\r\n', '')
  const long = opens.replace('/events', '/api/history?topic=long&limit=1000&last=1000')
  for (let n = 0; n < 20; n++) {
    const socket = connect(app.port, '127.0.0.1')
    void closed(socket)
    socket.write(long + opens)
    await once(socket, 'data')
    if (n % 2 === 0) socket.resetAndDestroy()
    else socket.destroy()
  }
  await until(async () => (await total(app)) === 0, 'no stream to be left')
  await isWell(t, app)
})

t.test('a stream ends once, however often it is ended', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events?user=u')
  const id = String((await stream.told('open'))['stream'])
  const ends = await Promise.all([
    ...Array.from({ length: 40 }, () =>
      fetch(`${app.url}/api/streams/${id}`, { method: 'DELETE' }),
    ),
    ...Array.from({ length: 10 }, () =>
      fetch(`${app.url}/api/users/u/streams`, { method: 'DELETE' }),
    ),
  ])
  t.ok(
    ends.every(({ status }) => [200, 204, 404].includes(status)),
    'all are answered',
  )
  t.ok(ends.some(({ status }) => status === 204))
  await until(() => stream.closed, 'the end')
  t.equal(stream.control.filter(({ type }) => type === 'bye').length, 1, 'one bye')
  t.match(app.hub.stats.closed, { revoked: 1, client: 0 })
  t.equal(await total(app), 0)
})

t.test('while it drains, pushes are refused and ends are answered', async (t) => {
  const app = await startApp(t, { drainMs: 6000 })
  // Clients that do not close their side hold the drain up until its time is over.
  const held = await Promise.all(
    [1, 2, 3].map(async () => {
      const socket = connect({ port: app.port, host: '127.0.0.1', allowHalfOpen: true })
      socket.write(request(app, 'GET /events?user=u').replace('Connection: close\r\n', ''))
      await once(socket, 'data')
      return socket.resume()
    }),
  )
  t.teardown(() => held.forEach((socket) => socket.destroy()))
  const ids = [...app.hub.streams.values()].map((stream) => app.hub.streamId(stream))
  const drained = app.drain()
  const answers = await Promise.all([
    ...ids.map((id) => send(app, request(app, `DELETE /api/streams/${id}`))),
    send(app, request(app, 'DELETE /api/users/u/streams')),
  ])
  t.ok(
    answers.every(({ status }) => [200, 204, 404].includes(status)),
    'ends are answered',
  )
  const refused = await post(app, 'text/plain', 'x')
  isRefusal(t, refused, 'RINGCAST_DRAINING', 'a push')
  t.match(refused.head, /retry-after: \d/i)
  t.equal((await send(app, request(app, 'GET /events'))).status, 0, 'no new stream is opened')
  await drained
  t.equal(app.hub.streams.size, 0)
  t.equal(app.hub.stats.closed.shutdown, 3, 'each stream ended once, for the drain')
})

t.test('bodies that come with streams leave room for those of pushes', async (t) => {
  const app = await startApp(t)
  for (let i = 0; i < 8; i++) {
    const headers = { 'Transfer-Encoding': 'chunked' }
    const stream = connection(t, app.port, requestText('GET', '/events', { headers }) + '0\r\n\r\n')
    await stream.says(/"type":"open"/)
    stream.socket.destroy()
  }
  const answer = await ask(`${app.url}/api/push`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify([{ data: 'x'.repeat(50_000) }, { data: 'x'.repeat(50_000) }]),
  })
  t.equal(answer.status, 202)
})

for (const expect of ['100-continue', 'something-else']) {
  t.test(`"Expect: ${expect}" behind a stream ends it, and is not answered in it`, async (t) => {
    const app = await startApp(t)
    const stream = connection(t, app.port, requestText('GET', '/events'))
    await stream.says(/"type":"open"/)
    stream.socket.write(requestText('GET', '/livez', { headers: { Expect: expect } }))
    const text = await stream.end()
    t.equal(text.match(/HTTP\/1\.1/g)!.length, 1)
    t.equal((await ask(`${app.url}/livez`)).status, 200)
    const alone = await ask(`${app.url}/livez`, { headers: { expect } })
    t.equal(alone.status, expect === '100-continue' ? 200 : 417)
  })
}

t.test('an HTTP/1.0 client that takes chunks gets what its head says', async (t) => {
  const app = await startApp(t)
  for (const [more, chunked] of [
    ['', false],
    ['TE: chunked\r\n', true],
  ] as const) {
    const stream = connection(t, app.port, `GET /events HTTP/1.0\r\n${more}\r\n`)
    const text = await stream.says(/"type":"open"/)
    t.equal(/transfer-encoding: chunked/i.test(text), chunked)
    t.equal(/\r\n\r\n[\da-f]+\r\nretry/.test(text), chunked)
  }
})
