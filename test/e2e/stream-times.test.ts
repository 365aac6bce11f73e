import t from 'tap'
import { startApp } from '../helpers/app.js'
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
    await until(async () => (await statsOf(local)).closed['dead-peer'] === 1, 'its end')
    // To the millisecond it is shown with a clock of the test's own; this is another process.
    t.ok(performance.now() - start <= 6000 + 3000, 'within DEAD_PEER')
    t.notOk(live.closed)
    t.equal((await statsOf(local)).streams, 1)
  },
)
