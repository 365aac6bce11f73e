import { once } from 'node:events'
import { connect as connectHttp2, constants, type ClientHttp2Session } from 'node:http2'
import { connect as connectTcp, createServer, type AddressInfo, type Socket } from 'node:net'
import { connect as connectTls, type TLSSocket } from 'node:tls'
import t, { type Test } from 'tap'
import { connectionsOf, push, startApp, startSecureApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { otherCertificate, testCertificate } from '../helpers/certificate.js'
import { http2Session, http2Stream } from '../helpers/http2-client.js'
import { rawStream } from '../helpers/sse-client.js'
import { apiKey, bearer } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'
import { count, events, padded, rowsOf } from './stream-suite/counted.js'

const ca = testCertificate().cert

/** One request over HTTP/2, whole. */
async function ask2(
  session: ClientHttp2Session,
  headers: Record<string, string>,
  body?: string,
): Promise<{ status: number; headers: Record<string, unknown>; text: string }> {
  const request = session.request(headers, { endStream: body === undefined })
  if (body !== undefined) request.end(body)
  let text = ''
  request.setEncoding('utf8').on('data', (part: string) => (text += part))
  const [answer] = (await once(request, 'response')) as [Record<string, unknown>]
  await until(() => request.closed, 'the end of the answer')
  return { status: answer[':status'] as number, headers: answer, text }
}

/** A way to a port on which, from some time on, nothing is read of what comes back. */
async function startStoppableWay(t: Test, port: number) {
  const far: Socket[] = []
  const server = createServer((near) => {
    const socket = connectTcp({ port, host: '127.0.0.1' })
    far.push(socket)
    socket.pipe(near).pipe(socket)
    for (const each of [near, socket]) {
      t.teardown(() => each.destroy())
      each.on('error', () => {
        // A reset at the end.
      })
    }
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await once(server, 'listening')
  return {
    port: (server.address() as AddressInfo).port,
    stop: () => {
      for (const socket of far) socket.unpipe().pause()
    },
  }
}

/** A bare connection over TLS that speaks HTTP/1.1. */
async function secureConnection(t: Test, port: number): Promise<TLSSocket> {
  const socket = connectTls({ port, host: '127.0.0.1', ca, ALPNProtocols: ['http/1.1'] })
  t.teardown(() => socket.destroy())
  socket.on('error', () => {
    // Told by `close`.
  })
  await once(socket, 'secureConnect')
  return socket
}

t.test('two hundred streams share a connection, and each gets each event', async (t) => {
  const app = await startSecureApp(t)
  const session = http2Session(t, app.port)
  const streams = await Promise.all(
    count(0, 200).map((n) => http2Stream(session, `/events?topic=a&topic=b${n}`)),
  )
  await push(app.url, events(0, 50, { topic: 'a' }))
  await push(app.url, { topic: 'b7', data: 'for one' })
  for (const stream of streams) {
    const got = await stream.received(50)
    t.strictSame(
      got.slice(0, 50).map(({ data }) => Number(data)),
      count(0, 50),
    )
  }
  t.match(await streams[7]!.received(51), { 50: { data: 'for one' } })
  t.equal(new Set(streams.map(({ control }) => control[0]!['stream'])).size, 200)
})

t.test('its head has what a stream has, and nothing of HTTP/1', async (t) => {
  const app = await startSecureApp(t, { origins: ['https://app.example.com'] })
  const session = http2Session(t, app.port)
  const stream = await http2Stream(session, '/events', { origin: 'https://app.example.com' })
  t.match(stream.headers(), {
    ':status': 200,
    'content-type': 'text/event-stream',
    'cache-control': 'no-cache, no-store, no-transform',
    'x-accel-buffering': 'no',
    'access-control-allow-origin': 'https://app.example.com',
    vary: 'Origin',
  })
  for (const name of ['connection', 'keep-alive', 'transfer-encoding']) {
    t.notOk(name in stream.headers(), name)
  }
  const head = await ask2(session, { ':method': 'HEAD', ':path': '/events' })
  t.match(head, { status: 200, headers: { 'content-type': 'text/event-stream' }, text: '' })
  const refused = await ask2(session, { ':path': '/events?lst=1' })
  t.match(JSON.parse(refused.text), { statusCode: 400, code: 'RINGCAST_INVALID_QUERY' })
})

t.test('a stream that is not read holds up no other of its connection', async (t) => {
  const app = await startSecureApp(t, { ringEvents: 4096 })
  const session = http2Session(t, app.port)
  const [stalled, healthy] = [
    await http2Stream(session, '/events?topic=big&topic=small'),
    await http2Stream(session, '/events?topic=small'),
  ]
  stalled.stream.pause()
  for (const n of count(0, 5)) await push(app.url, { topic: 'big', data: padded(n) })
  await push(app.url, events(0, 500, { topic: 'small' }))
  await healthy.received(500)
  const [row] = await rowsOf(app, 'topic=big')
  t.match(row, { state: 'parked', transport: 'sse' })
  stalled.stream.resume()
  await stalled.received(505)
  t.equal(stalled.control.filter(({ type }) => type === 'gap').length, 0)
})

t.test('a stream that takes nothing is ended alone, by a reset', async (t) => {
  const app = await startSecureApp(t, { stalledStreamMs: 2000 })
  const session = http2Session(t, app.port)
  const [stalled, healthy] = [
    await http2Stream(session, '/events?topic=big'),
    await http2Stream(session, '/events?topic=small'),
  ]
  stalled.stream.pause()
  for (const n of count(0, 5)) await push(app.url, { topic: 'big', data: padded(n) })
  await until(() => app.hub.stats.closed.stalled === 1, 'the end of the stream')
  await push(app.url, events(0, 10, { topic: 'small' }))
  await healthy.received(10)
  stalled.stream.resume()
  await until(() => stalled.closed, 'the reset')
  t.notOk(stalled.ended)
  t.equal(stalled.stream.rstCode, constants.NGHTTP2_CANCEL)
})

t.test('a connection that takes nothing is ended with all its streams', async (t) => {
  const app = await startSecureApp(t, { stalledStreamMs: 2000, deadPeerMs: 1200, heartbeatMs: 100 })
  const way = await startStoppableWay(t, app.port)
  // Windows that hold nothing back, so that it is the connection that fills.
  const session = http2Session(t, way.port, { settings: { initialWindowSize: 2 ** 30 } })
  session.once('connect', () => {
    session.setLocalWindowSize(2 ** 30)
  })
  const streams = await Promise.all(count(0, 3).map(() => http2Stream(session, '/events')))
  const healthy = await http2Stream(http2Session(t, app.port), '/events')
  way.stop()
  for (let n = 0; n < 300; n += 20) {
    await push(
      app.url,
      count(n, 20).map((data) => ({ data: padded(data) })),
    )
  }
  await healthy.received(300)
  await until(() => app.hub.stats.closed.stalled === streams.length, 'the end of its streams')
  await until(async () => (await connectionsOf(app)) === 1, 'the end of the connection')
  t.equal(app.hub.streams.size, 1)
})

t.test('one stream ends, by the client or the service, and the others stay', async (t) => {
  const app = await startSecureApp(t, { apiKeys: [apiKey] })
  const session = http2Session(t, app.port)
  const open = () => http2Stream(session, '/events', bearer(apiKey))
  const [left, deleted, kept] = [await open(), await open(), await open()]
  left.stream.close(constants.NGHTTP2_CANCEL)
  await until(() => app.hub.streams.size === 2, 'the end of the first')
  const id = deleted.control[0]!['stream'] as string
  const path = `/api/streams/${id}`
  t.match(await ask2(session, { ':method': 'DELETE', ':path': path, ...bearer(apiKey) }), {
    status: 204,
  })
  t.match(await deleted.told('bye'), { reason: 'revoked' })
  await until(() => deleted.closed, 'the end of the second')
  t.ok(deleted.ended, 'as planned')
  const headers = { ':method': 'POST', ':path': '/api/push', 'content-type': 'application/json' }
  t.match(await ask2(session, { ...headers, ...bearer(apiKey) }, '{"data":1}'), { status: 202 })
  await kept.received(1)
})

t.test('a drain says bye to each stream, ends it, and closes the connection', async (t) => {
  const app = await startApp(t, { drainMs: 8000 }, { certificate: testCertificate() })
  const session = http2Session(t, app.port)
  const streams = await Promise.all(count(0, 20).map(() => http2Stream(session, '/events')))
  await push(app.url, { data: 1 })
  const closed = once(session, 'close')
  await app.drain()
  for (const stream of streams) {
    t.match(await stream.told('bye'), { reason: 'shutdown', reconnect: true })
    await until(() => stream.closed, 'the end of a stream')
    t.ok(stream.ended, 'as planned')
    t.equal(stream.events.length, 1)
  }
  await closed
})

t.test('whom it was asked for as is looked at as over HTTP/1', async (t) => {
  const app = await startSecureApp(t)
  const session = http2Session(t, app.port)
  const foreignHost = { ':path': '/livez', ':authority': 'rebound.example' }
  const refused = await ask2(session, foreignHost)
  t.match(JSON.parse(refused.text), { statusCode: 403, code: 'RINGCAST_HOST_REFUSED' })
  const page = (origin: string) => ask2(session, { ':path': '/api/stats', origin })
  t.match(await page(app.url), { status: 200 }, 'its own pages')
  t.match(await page('https://foreign.example'), { status: 403 })
})

t.test('a session cookie is for https alone, and for pages of its own origin', async (t) => {
  const app = await startSecureApp(t, { apiKeys: [apiKey] })
  const session = http2Session(t, app.port)
  const headers = { ':method': 'POST', ':path': '/api/session', ...bearer(apiKey) }
  const { headers: answer } = await ask2(session, headers)
  const [cookie] = answer['set-cookie'] as [string]
  t.match(cookie, /; Secure/)
  const push = { ':method': 'POST', ':path': '/api/push', 'content-type': 'application/json' }
  const from = (origin: string) =>
    ask2(session, { ...push, cookie: cookie.split(';')[0]!, origin }, '{"data":1}')
  t.match(await from(app.url), { status: 202 })
  t.match(await from('https://foreign.example'), { status: 403 })
})

t.test('a body that does not come is ended, and harms nobody', async (t) => {
  const requestTimes = { headersMs: 2000, requestMs: 300, checkMs: 100 }
  const app = await startApp(t, {}, { certificate: testCertificate(), requestTimes })
  const session = http2Session(t, app.port)
  const stream = await http2Stream(session, '/events')
  const late = session.request({
    ':method': 'POST',
    ':path': '/api/push',
    'content-type': 'application/json',
  })
  let text = ''
  late.setEncoding('utf8').on('data', (part: string) => (text += part))
  late.write('{"data":')
  await until(() => late.closed, 'the end of the request')
  t.match(JSON.parse(text), { statusCode: 408, code: 'RINGCAST_REQUEST_TIMEOUT' })
  await push(app.url, { data: 1 })
  await stream.received(1)
})

t.test('bodies of unknown length share what there is for large ones', async (t) => {
  const app = await startSecureApp(t, { maxBodyBytes: 1024 * 1024, maxEventBytes: 64 * 1024 })
  const session = http2Session(t, app.port)
  const headers = {
    ':method': 'POST',
    ':path': '/api/push',
    'content-type': 'application/json',
  }
  const held = count(0, 8).map(() => {
    const request = session.request(headers)
    request.write('{')
    return request
  })
  await until(
    async () => (await ask2(session, headers, '{"data":1}')).status === 503,
    'no room for one more',
  )
  for (const request of held) request.close(constants.NGHTTP2_CANCEL)
  await until(
    async () => (await ask2(session, headers, '{"data":1}')).status === 202,
    'room for one more',
  )
})

t.test('a stream whose request has a body goes on', async (t) => {
  const requestTimes = { headersMs: 2000, requestMs: 300, checkMs: 100 }
  const app = await startApp(t, {}, { certificate: testCertificate(), requestTimes })
  const session = http2Session(t, app.port)
  const stream = session.request({ ':path': '/events' }, { endStream: false })
  let text = ''
  stream.setEncoding('utf8').on('data', (part: string) => (text += part))
  for (let n = 1; n <= 20; n++) {
    stream.write('x'.repeat(50_000))
    await push(app.url, { data: n })
    await until(() => text.includes(`data: ${n}\n`), `event ${n}`)
    await new Promise((resolve) => setTimeout(resolve, requestTimes.requestMs / 10))
  }
  t.equal(app.hub.streams.size, 1)
})

t.test('headers that are too large are refused, and the service goes on', async (t) => {
  const app = await startSecureApp(t)
  const session = http2Session(t, app.port)
  const request = session.request({ ':path': '/livez', 'x-large': 'x'.repeat(100_000) })
  let answered = false
  request.on('response', () => (answered = true))
  request.on('error', () => {
    // Told by `close`.
  })
  await until(() => request.closed, 'the refusal')
  t.notOk(answered)
  const other = http2Session(t, app.port)
  t.match(await ask2(other, { ':path': '/livez' }), { status: 200 })
})

t.test('HTTP/1.1 is spoken over TLS too, streams that stall included', async (t) => {
  const app = await startSecureApp(t, { stalledStreamMs: 2000, deadPeerMs: 1200, heartbeatMs: 100 })
  const [stalled, healthy] = [
    await secureConnection(t, app.port),
    await secureConnection(t, app.port),
  ]
  const stream = rawStream(healthy)
  for (const socket of [stalled, healthy]) {
    socket.write('GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n')
  }
  await stream.told('open')
  await until(() => app.hub.streams.size === 2, 'both streams')
  stalled.pause()
  for (let n = 0; n < 300; n += 20) {
    await push(
      app.url,
      count(n, 20).map((data) => ({ data: padded(data) })),
    )
  }
  await stream.received(300)
  await until(() => app.hub.stats.closed.stalled === 1, 'the end of the stalled stream')
  const reset = once(stalled, 'close')
  stalled.on('error', (error: NodeJS.ErrnoException) => t.equal(error.code, 'ECONNRESET'))
  stalled.resume()
  await reset
})

t.test('what asks for another protocol over HTTP/1.1 is answered in it', async (t) => {
  const app = await startSecureApp(t)
  const socket = await secureConnection(t, app.port)
  let text = ''
  socket.setEncoding('utf8').on('data', (part: string) => (text += part))
  const request = 'GET /livez HTTP/1.1\r\nHost: localhost\r\n'
  socket.write(`${request}Connection: Upgrade\r\nUpgrade: h2c\r\n\r\n`)
  await until(() => text.includes('"up"'), 'an answer')
  socket.write(`${request}\r\n`)
  await until(() => text.split('"up"').length === 3, 'the next answer')
})

t.test('what is no TLS is closed, and the service goes on', async (t) => {
  const app = await startSecureApp(t)
  const socket = connectTcp({ port: app.port, host: '127.0.0.1' })
  t.teardown(() => socket.destroy())
  socket.on('error', () => {
    // Told by `close`.
  })
  const closed = once(socket, 'close')
  socket.write('GET /livez HTTP/1.1\r\nHost: localhost\r\n\r\n')
  socket.resume()
  await closed
  t.match(await ask(`${app.url}/livez`), { status: 200 })
})

t.test('a handshake that does not come is ended', async (t) => {
  const requestTimes = { headersMs: 300, requestMs: 500, checkMs: 100 }
  const app = await startApp(t, {}, { certificate: testCertificate(), requestTimes })
  const socket = connectTcp({ port: app.port, host: '127.0.0.1' })
  t.teardown(() => socket.destroy())
  socket.on('error', () => {
    // Told by `close`.
  })
  socket.resume()
  await once(socket, 'close')
  const slow = await secureConnection(t, app.port)
  slow.write('GET /livez HTTP/1.1\r\nHos')
  slow.resume()
  await once(slow, 'close')
})

t.test('a renewed certificate is shown to who comes next, and cuts nobody off', async (t) => {
  const app = await startSecureApp(t)
  const stream = await http2Stream(http2Session(t, app.port), '/events')
  const renewed = otherCertificate()
  app.useCertificate(renewed)
  const refused = connectHttp2(`https://127.0.0.1:${app.port}`, { ca })
  const [error] = (await once(refused, 'error')) as [Error]
  t.match(error.message, /certificate/)
  const session = http2Session(t, app.port, { ca: renewed.cert })
  const headers = { ':method': 'POST', ':path': '/api/push', 'content-type': 'application/json' }
  t.match(await ask2(session, headers, '{"data":1}'), { status: 202 })
  await stream.received(1)
})
