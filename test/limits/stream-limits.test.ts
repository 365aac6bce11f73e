import { randomInt } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import fc from 'fast-check'
import t, { type Test } from 'tap'
import { StreamLimits } from '../../dist/limits/stream-limits.js'
import { connectionsOf, startApp, type RunningApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { connection, requestText } from '../helpers/connection.js'
import { keptLog, warnings } from '../helpers/kept-log.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

const statsOf = async (app: RunningApp) =>
  (await ask(`${app.url}/api/stats`)).json as Record<string, unknown>

const from = (address: string) => ({ headers: { 'X-Forwarded-For': address } })

t.test('over a limit a stream is a whole answer: a bye, and when to come back', async (t) => {
  const app = await startApp(t, { maxStreams: 2 })
  await openStream(t, app.port, '/events')
  await openStream(t, app.port, '/events?topic=$sys/stats')
  const text = await connection(t, app.port, requestText('GET', '/events?last=5')).end()
  t.match(text, /^HTTP\/1\.1 200 OK\r\n/)
  t.match(text, /content-type: text\/event-stream/i)
  t.match(
    text,
    /\r\n\r\n[0-9a-f]+\r\nretry: \d+\nevent: ringcast\ndata: \{"type":"bye","reason":"limit","reconnect":true,"retryMs":\d+\}\n\n\r\n0\r\n\r\n$/,
  )
  t.match(await statsOf(app), { opened: 2, closed: { limit: 1, client: 0 }, streams: 1 })
})

t.test('one that wants no control events is told when to come back, and ends', async (t) => {
  const app = await startApp(t, { maxStreams: 1 })
  await openStream(t, app.port, '/events')
  const late = await openStream(t, app.port, '/events?control=off')
  late.socket.end()
  await until(() => late.closed, 'the end')
  t.match(late.body(), /^retry: (1[5-9]|[23]\d|4[0-5])\d{3}\n:\n$/)
})

t.test('over HTTP/1.0 it ends with the connection', async (t) => {
  const app = await startApp(t, { maxStreams: 1 })
  await openStream(t, app.port, '/events')
  const text = await connection(t, app.port, 'GET /events HTTP/1.0\r\n\r\n').end()
  t.match(
    text,
    /\r\n\r\nretry: \d{5}\nevent: ringcast\ndata: \{"type":"bye","reason":"limit".*\n\n$/,
  )
})

t.test('HEAD and refusals are answered as ever, and fetch sees a clean end', async (t) => {
  const app = await startApp(t, { maxStreams: 1 })
  await openStream(t, app.port, '/events')
  t.equal((await ask(`${app.url}/events`, { method: 'HEAD' })).status, 200)
  t.equal((await ask(`${app.url}/events?topics=a`)).status, 400)
  t.match(await (await fetch(`${app.url}/events`)).text(), /"reason":"limit"/)
})

t.test('a client that does not close its side is cut off', async (t) => {
  const app = await startApp(t, { maxStreams: 1, heartbeatMs: 100 })
  await openStream(t, app.port, '/events')
  const late = connection(t, app.port, requestText('GET', '/events'))
  await late.says(/"limit"/)
  t.equal(await connectionsOf(app), 2)
  await until(
    async () => (await connectionsOf(app)) === 1,
    'only the stream to be left that is open',
  )
})

t.test('a drain does not wait for those who were turned away', async (t) => {
  const app = await startApp(t, { maxStreams: 1, drainMs: 3000 })
  await openStream(t, app.port, '/events')
  const late = connection(t, app.port, requestText('GET', '/events'))
  await late.says(/"limit"/)
  await app.drain()
  t.match(app.hub.stats.closed, { limit: 1, shutdown: 1 })
})

t.test('each address has a share of its own, as the trusted proxy tells it', async (t) => {
  const app = await startApp(t, { maxStreamsPerAddress: 1, trustProxy: '127.0.0.1' })
  const reasonOf = async (forwarded: string) => {
    const { control } = await openStream(t, app.port, '/events', from(forwarded))
    return control[0]!['reason']
  }
  t.equal(await reasonOf('192.0.2.1'), undefined)
  t.equal(await reasonOf('192.0.2.1'), 'limit')
  t.equal(await reasonOf('203.0.113.7, 192.0.2.1'), 'limit', 'what stands before is hearsay')
  t.equal(await reasonOf('::ffff:192.0.2.1'), 'limit', 'IPv4 in IPv6 is IPv4')
  t.equal(await reasonOf('192.0.2.1:4711'), 'limit', 'with a port too')
  t.equal(await reasonOf('192.0.2.2'), undefined)
  t.equal(await reasonOf('2001:db8::1'), undefined)
  t.equal(await reasonOf('2001:db8::ffff:1'), 'limit', 'a /64 is one client')
  t.equal(await reasonOf('2001:db8:0:1::1'), undefined)
  t.equal(await reasonOf('nonsense'), undefined, 'no address: it counts as the proxy')
  t.equal(await reasonOf('more nonsense'), 'limit')
})

t.test('the address is who connects, unless a proxy is trusted', async (t) => {
  const addressOf = async (app: RunningApp, forwarded: string) => {
    const stream = await openStream(t, app.port, '/events', from(forwarded))
    const { json } = await ask(`${app.url}/api/streams`)
    stream.cut()
    await until(() => app.hub.streams.size === 0, 'its end')
    return (json!['streams'] as { address: string }[])[0]!.address
  }
  const off = await startApp(t)
  t.equal(await addressOf(off, '192.0.2.1'), '127.0.0.1')
  const other = await startApp(t, { trustProxy: '10.0.0.0/8' })
  t.equal(await addressOf(other, '192.0.2.1'), '127.0.0.1')
  const two = await startApp(t, { trustProxy: 2 })
  t.equal(await addressOf(two, '6.6.6.6, 192.0.2.1, 10.0.0.1'), '192.0.2.1')
  const listed = await startApp(t, { trustProxy: '127.0.0.0/8,10.0.0.1' })
  t.equal(await addressOf(listed, '6.6.6.6, 192.0.2.1, 10.0.0.1'), '192.0.2.1')
})

t.test('a proxy that is not trusted is told of once', async (t) => {
  const { lines, logger } = keptLog()
  const app = await startApp(t, {}, { logger })
  for (let n = 0; n < 3; n++) await ask(`${app.url}/livez`, from('192.0.2.1'))
  t.match(warnings(lines), [{ setting: 'TRUST_PROXY', peer: '127.0.0.1' }])
  const trusting = keptLog()
  const other = await startApp(t, { trustProxy: 1 }, { logger: trusting.logger })
  await ask(`${other.url}/livez`, from('192.0.2.1'))
  t.same(warnings(trusting.lines), [])
})

t.test('a flood over a limit is one line in the log, which names the setting', async (t) => {
  const { lines, logger } = keptLog()
  const app = await startApp(t, { maxStreamsPerUser: 1 }, { logger })
  await openStream(t, app.port, '/events?user=ann')
  for (let n = 0; n < 50; n++) (await openStream(t, app.port, '/events?user=ann')).cut()
  t.equal(app.hub.stats.closed.limit, 50)
  t.match(warnings(lines), [
    { setting: 'MAX_STREAMS_PER_USER', user: 'ann', address: '127.0.0.1', streams: 1 },
  ])
  t.notOk(
    lines.some(({ msg }) => msg === 'stream ended'),
    'none of them is a stream that ended',
  )
})

t.test('streams that come at once are counted one by one', async (t) => {
  const app = await startApp(t, { maxStreams: 10 })
  const streams = await Promise.all(
    Array.from({ length: 40 }, () => openStream(t, app.port, '/events')),
  )
  const opened = streams.filter(({ control }) => control[0]!['type'] === 'open')
  t.equal(opened.length, 10)
  t.equal(app.hub.streams.size, 10)
})

t.test('counts follow whatever order streams come and go in', async () => {
  const addresses = ['192.0.2.1', '::ffff:192.0.2.1', '2001:db8::1', '2001:db8::2', '']
  const limit = 3
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.boolean(), fc.nat(4), fc.nat(20))), (steps) => {
      const open: string[] = []
      const limits = new StreamLimits({
        maxStreams: 0,
        maxStreamsPerUser: 0,
        maxStreamsPerAddress: limit,
      })
      const network = (address: string) => [0, 0, 1, 1, 2][addresses.indexOf(address)]
      for (const [comes, which, who] of steps) {
        const address = addresses[which]!
        if (comes) {
          const same = open.filter((other) => network(other) === network(address)).length
          const exceeded = limits.take({ user: undefined, address })
          if ((exceeded === undefined) !== same < limit) return false
          if (exceeded === undefined) open.push(address)
        } else if (open.length > 0) {
          const [gone] = open.splice(who % open.length, 1)
          limits.giveBack({ user: undefined, address: gone! })
        }
      }
      return limits.counted.networks === new Set(open.map(network)).size
    }),
  )
})

/** The ways in which a stream can end, each of which must count it out once. */
const ends: Record<string, (app: RunningApp, socket: Socket) => void> = {
  'the client closes': (_app, socket) => socket.end(),
  'the client resets': (_app, socket) => socket.resetAndDestroy(),
  'garbage comes': (_app, socket) => socket.write('garbage\r\n\r\n'),
  'another request comes': (_app, socket) => socket.write(requestText('GET', '/livez')),
  'the peer is dead': (app) => lastOf(app, (stream) => app.hub.lost(stream, 'dead-peer')),
  'it stalled': (app) => lastOf(app, (stream) => app.hub.lost(stream, 'stalled')),
  'it is moved': (app) => lastOf(app, (stream) => app.hub.end(stream, 'rebalance', true)),
  'it is revoked, then the client resets': (app, socket) => {
    lastOf(app, (stream) => app.hub.end(stream, 'revoked', false))
    socket.resetAndDestroy()
  },
}

function lastOf(app: RunningApp, end: (stream: Parameters<RunningApp['hub']['end']>[0]) => void) {
  const stream = [...app.hub.streams.values()].at(-1)
  if (stream !== undefined) end(stream)
}

t.test('however a stream ends, its place is free again, once', async (t) => {
  const app = await startApp(t, { maxStreamsPerAddress: 4, trustProxy: 1 })
  const open = async (t: Test) =>
    openStream(t, app.port, `/events?user=${randomInt(3)}`, from('192.0.2.1'))
  for (let round = 0; round < 3; round++) {
    for (const [way, end] of Object.entries(ends)) {
      const streams = []
      for (let n = 0; n < 4; n++) streams.push(await open(t))
      t.match((await open(t)).control, [{ type: 'bye', reason: 'limit' }], `${way}: full`)
      for (const stream of streams.reverse()) {
        end(app, stream.socket)
        await until(() => stream.closed, `${way}: the end`)
      }
      await until(() => app.hub.streams.size === 0, `${way}: no stream`)
    }
  }
  const accepted = { count: 0 }
  app.http.server.on('connection', () => accepted.count++)
  for (let n = 0; n < 30; n++) {
    const socket = connect(app.port, '127.0.0.1')
    socket.on('error', () => {
      // A reset is told by `close`.
    })
    socket.write(requestText('GET', '/events', from('192.0.2.1')))
    socket.once('connect', () => socket.resetAndDestroy())
  }
  await until(
    () => accepted.count === 30 && app.hub.streams.size === 0,
    'nothing to be left of those that came and went',
  )
  const all = await Promise.all(Array.from({ length: 6 }, () => open(t)))
  t.equal(all.filter(({ control }) => control[0]!['type'] === 'open').length, 4)
})
