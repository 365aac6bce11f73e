import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { createNamespace, whyNoNamespaces } from '../helpers/network-namespace.js'
import { startServer } from '../helpers/server-process.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

interface Stats {
  streams: number
  closed: Record<string, number>
}

async function statsOf(url: string): Promise<Stats> {
  return (await (await fetch(`${url}/api/stats`)).json()) as Stats
}

t.test('a quiet stream gets a heartbeat, one line that no client takes for an event', async (t) => {
  const app = await startApp(t, { heartbeatMs: 100 })
  const stream = await openStream(t, app.port, '/events')
  await until(() => stream.body().endsWith(':\n:\n:\n'), 'three heartbeats')
  t.same(stream.events, [])
})

t.test('a stream whose reader reads nothing is ended after STALLED_STREAM', async (t) => {
  const app = await startApp(t, { stalledStreamMs: 1000 })
  const reader = await openStream(t, app.port, '/events')
  const other = await openStream(t, app.port, '/events')
  reader.socket.pause()
  await push(
    app.url,
    Array.from({ length: 130 }, () => ({ data: 'x'.repeat(60_000) })),
  )
  await until(async () => (await statsOf(app.url)).closed['stalled'] === 1, 'the end')
  await other.received(130)
  t.equal((await statsOf(app.url)).streams, 1)
})

t.test('a stream of MAX_STREAM_AGE says bye, and its client goes on without a loss', async (t) => {
  const app = await startApp(t, { maxStreamAgeMs: 1000 })
  const first = await openStream(t, app.port, '/events')
  await push(app.url, { data: 1 })
  t.match(await first.told('bye'), { reason: 'rebalance', reconnect: true })
  await until(() => first.closed, 'the end')
  await push(app.url, { data: 2 })
  const second = await openStream(t, app.port, '/events', { lastEventId: first.lastId })
  await second.received(1)
  t.same(
    [...first.events, ...second.events].map(({ data }) => data),
    ['1', '2'],
  )
})

const skip = whyNoNamespaces()
t.test(
  'a client that vanishes without a FIN is ended within DEAD_PEER, a live one beside it is not',
  { skip },
  async (t) => {
    const network = createNamespace(t)
    const flags = ['--heartbeat', '500ms', '--dead-peer', '6s', '--anonymous', 'all']
    const server = await startServer(t, '--host', '0.0.0.0', ...flags)
    const vanishing = network.exec('curl', [
      '-sN',
      `http://${network.hostAddress}:${server.port}/events`,
    ])
    vanishing.stdout!.resume()
    const local = `http://127.0.0.1:${server.port}`
    const live = await openStream(t, server.port, '/events')
    await until(async () => (await statsOf(local)).streams === 2, 'both streams')
    network.cut()
    const start = performance.now()
    await until(async () => (await statsOf(local)).closed['dead-peer'] === 1, 'its end', 8000)
    t.ok(performance.now() - start <= 6000, 'within DEAD_PEER')
    t.notOk(live.closed)
    t.equal((await statsOf(local)).streams, 1)
  },
)
