import t from 'tap'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { chunksOf, connection, pushText, requestText } from '../helpers/connection.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

/** Ends all streams as an operator would. */
async function endStreams(app: RunningApp): Promise<void> {
  for (const stream of app.hub.streams.values()) {
    await ask(`${app.url}/api/streams/${app.hub.streamId(stream)}`, { method: 'DELETE' })
  }
}

async function historyOf(app: RunningApp, topic: string): Promise<unknown> {
  return (await ask(`${app.url}/api/history?topic=${topic}`)).json!['events']
}

t.test('an HTTP/1.0 client gets no chunks, and a body that ends with the connection', async (t) => {
  const app = await startApp(t)
  const conn = connection(t, app.port, 'GET /events HTTP/1.0\r\n\r\n')
  await conn.says(/"type":"open".*\n\n$/)
  const [id] = await push(app.url, { data: 'hello' })
  await conn.says(/hello\n\n$/)
  await endStreams(app)
  const text = await conn.end()
  t.notMatch(text, /transfer-encoding/i)
  const [, body] = text.split('\r\n\r\n')
  t.match(body, /^retry: \d{4}\nid: \S+\nevent: ringcast\ndata: \{"type":"open",.*\}\n\n/)
  t.ok(body!.includes(`\n\nid: ${id}\ndata: hello\n\n`))
  t.match(
    body,
    /\nevent: ringcast\ndata: \{"type":"bye","reason":"revoked","reconnect":false\}\n\n$/,
  )
})

t.test('a body that comes with the request is dropped, and the end is still seen', async (t) => {
  const app = await startApp(t)
  const conn = connection(t, app.port, requestText('GET', '/events', { body: 'a body' }))
  await conn.says(/"type":"open"/)
  await push(app.url, { data: 'hello' })
  await conn.says(/hello/)
  t.notMatch(conn.text(), /HTTP\/1\.1 4/)
  conn.socket.destroy()
  await until(() => app.hub.streams.size === 0, 'the end of the stream')
})

t.test('a body that is larger than what is read at once does not hold the stream', async (t) => {
  const app = await startApp(t)
  const conn = connection(
    t,
    app.port,
    requestText('GET', '/events', { headers: { 'Content-Length': '4000000' } }),
  )
  await conn.says(/"type":"open"/)
  for (let i = 0; i < 4; i++) conn.socket.write('x'.repeat(1_000_000))
  await until(() => conn.socket.writableLength === 0, 'the body to be taken')
  await push(app.url, { data: 'hello' })
  await conn.says(/hello/)
  conn.socket.end()
  await conn.end()
  await until(() => app.hub.streams.size === 0, 'the end of the stream')
})

t.test('a client that closes its half is taken for gone', async (t) => {
  const app = await startApp(t)
  const conn = connection(t, app.port, requestText('GET', '/events'))
  await conn.says(/"type":"open"/)
  conn.socket.end()
  await conn.end()
  await until(() => app.hub.streams.size === 0, 'the end of the stream')
  t.equal(app.hub.stats.closed.client, 1)
})

t.test('a client that is gone before its stream opened leaves nothing behind', async (t) => {
  const app = await startApp(t)
  for (let i = 0; i < 20; i++) {
    const conn = connection(t, app.port, requestText('GET', '/events'))
    conn.socket.once('connect', () => conn.socket.resetAndDestroy())
  }
  await push(app.url, { data: 'x' })
  const last = await openStream(t, app.port, '/events?user=last')
  await until(() => app.hub.streams.size === 1, 'only one stream')
  last.cut()
  await until(() => app.hub.streams.size === 0, 'no stream')
})

t.test('a push before a stream on one connection is answered first', async (t) => {
  const app = await startApp(t)
  const conn = connection(
    t,
    app.port,
    pushText({ data: 'first' }) + requestText('GET', '/events?lastEventId=earliest'),
  )
  const text = await conn.says(/data: first/)
  t.match(text, /^HTTP\/1\.1 202 Accepted\r\n[^]*\{"id":"[^"]+"\}HTTP\/1\.1 200 OK\r\n/)
  t.equal(text.match(/HTTP\/1\.1/g)!.length, 2)
  await push(app.url, { data: 'second' })
  await conn.says(/data: second/)
})

t.test('two streams on one connection never mix: it is destroyed', async (t) => {
  const app = await startApp(t)
  const conn = connection(
    t,
    app.port,
    requestText('GET', '/events?topic=a') + requestText('GET', '/events?topic=b'),
  )
  const text = await conn.end()
  t.ok((text.match(/HTTP\/1\.1/g) ?? []).length <= 1)
  t.notMatch(text, /"topics":\["b"\]/)
  await until(() => app.hub.streams.size === 0, 'no stream')
})

t.test('a push behind a stream is not executed, and the connection is destroyed', async (t) => {
  const app = await startApp(t)
  await t.test('sent with the stream', async (t) => {
    const conn = connection(
      t,
      app.port,
      requestText('GET', '/events') + pushText({ topic: 'behind', data: 'x' }),
    )
    t.notMatch(await conn.end(), / (202|400) /)
  })
  await t.test('sent while the stream is open', async (t) => {
    const conn = connection(t, app.port, requestText('GET', '/events'))
    await conn.says(/"type":"open"/)
    conn.socket.write(pushText({ topic: 'behind', data: 'x' }))
    t.notMatch(await conn.end(), / (202|400) /)
  })
  await t.test('sent with a stream that waits behind a push', async (t) => {
    const conn = connection(
      t,
      app.port,
      pushText({ topic: 'before', data: 'x' }) +
        requestText('GET', '/events') +
        pushText({ topic: 'behind', data: 'x' }),
    )
    t.ok(((await conn.end()).match(/ 202 /g) ?? []).length <= 1)
  })
  t.same(await historyOf(app, 'behind'), [])
  await until(() => app.hub.streams.size === 0, 'no stream')
})

t.test('garbage behind a stream puts nothing into the stream', async (t) => {
  const app = await startApp(t)
  for (const garbage of ['\u0000\u0001\u0002 nonsense\r\n\r\n', 'GET / HTTP/9.9\r\n\r\n']) {
    const conn = connection(t, app.port, requestText('GET', '/events'))
    await conn.says(/"type":"open"/)
    conn.socket.write(garbage)
    const text = await conn.end()
    t.equal(text.match(/HTTP\/1\.1/g)!.length, 1)
    t.notMatch(text, /RINGCAST_BAD_REQUEST/)
    const at = connection(t, app.port, requestText('GET', '/events') + garbage)
    t.notMatch(await at.end(), /RINGCAST_BAD_REQUEST/)
  }
  await until(() => app.hub.streams.size === 0, 'no stream')
})

t.test('garbage on a connection without a stream is told what it is', async (t) => {
  const app = await startApp(t)
  const text = await connection(t, app.port, 'nonsense\r\n\r\n').end()
  t.match(text, /^HTTP\/1\.1 400 Bad Request\r\n[^]*"code":"RINGCAST_BAD_REQUEST"/)
  const large = await connection(
    t,
    app.port,
    requestText('GET', '/events', { headers: { 'X-Large': 'x'.repeat(20_000) } }),
  ).end()
  t.match(large, /^HTTP\/1\.1 431 [^]*"code":"RINGCAST_HEADERS_TOO_LARGE"/)
})

t.test('a planned end sends the last chunk, and fetch sees a clean end', async (t) => {
  const app = await startApp(t)
  const conn = connection(t, app.port, requestText('GET', '/events'))
  await conn.says(/"type":"open"/)
  const response = await fetch(`${app.url}/events`)
  const text = response.text()
  await endStreams(app)
  t.match(await conn.end(), /"type":"bye".*\n\n\r\n0\r\n\r\n$/)
  t.match(await text, /"type":"bye".*\n\n$/)
})

t.test('a connection that breaks sends no last chunk, and fetch sees an error', async (t) => {
  const app = await startApp(t)
  const response = await fetch(`${app.url}/events`)
  const text = response.text()
  const failed = t.rejects(text, { name: 'TypeError' })
  for (const stream of app.hub.streams.values()) app.hub.lost(stream, 'dead-peer')
  await failed
})

t.test('each write is whole events, at most 32 KiB of them or one', async (t) => {
  const app = await startApp(t)
  const ids: string[] = []
  for (let i = 0; i < 5; i++) {
    ids.push(
      ...(await push(
        app.url,
        Array.from({ length: 200 }, (_, n) => ({ data: 'é'.repeat(10 + ((n * 37) % 900)) })),
      )),
      ...(await push(app.url, [{ data: 'x'.repeat(64 * 1024) }])),
    )
  }
  const conn = connection(t, app.port, requestText('GET', '/events?lastEventId=earliest'))
  await until(() => conn.bytes().includes(`id: ${ids.at(-1)}\n`), 'the last event')
  await until(() => conn.text().endsWith('\n\n\r\n'), 'the end of its chunk')
  const chunks = chunksOf(conn.bytes()).slice(1)
  for (const chunk of chunks) {
    const events = chunk.match(/^id: /gm)!.length
    if (!chunk.startsWith('id: ') || !chunk.endsWith('\n\n')) t.fail('a chunk cuts an event')
    if (events > 1 && Buffer.byteLength(chunk) > 32 * 1024) t.fail('a chunk gathers too much')
  }
  t.ok(chunks.length < 100, `few writes: ${chunks.length}`)
  t.same(
    [...chunks.join('').matchAll(/^id: (.+)$/gm)].map((match) => match[1]),
    ids,
  )
})
