import t from 'tap'
import { push } from '../helpers/app.js'
import { openStreams } from '../helpers/load-client.js'
import { startServer } from '../helpers/server-process.js'
import { until } from '../helpers/until.js'

const streams = 10_000

t.test('10,000 streams get an event, and pushes are answered within 50 ms meanwhile', async (t) => {
  const server = await startServer(t)
  const clients = await openStreams(t, server.port, streams, '/events?topic=all')
  await push(server.url, { topic: 'probe', data: 'warm' })

  const rounds = 10
  const waits: number[] = []
  for (let round = 1; round <= rounds; round++) {
    await push(server.url, { topic: 'all', data: { round } })
    // The fan-out is under way: pushes of others come in between.
    for (let i = 0; i < 20; i++) {
      const start = performance.now()
      await push(server.url, { topic: 'probe', data: i })
      waits.push(performance.now() - start)
    }
    await until(
      async () => (await clients.counts()).least >= round,
      `round ${round} at all`,
      30_000,
    )
  }
  t.same(await clients.counts(), { least: rounds, total: rounds * streams })
  waits.sort((a, b) => a - b)
  const p99 = waits[Math.floor(waits.length * 0.99)]!
  t.comment(`push p50 ${waits[waits.length / 2]!.toFixed(1)} ms, p99 ${p99.toFixed(1)} ms`)
  t.ok(p99 < 50, `p99 of a push: ${p99.toFixed(1)} ms`)
})
