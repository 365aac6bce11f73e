import { join } from 'node:path'
import t from 'tap'
import { push } from '../helpers/app.js'
import { openStreams } from '../helpers/load-client.js'
import { startServer } from '../helpers/server-process.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

const clients = 1000
const behind = 100_000
const ofEach = behind / clients
/**
 * Bounds that a slow machine keeps too: alone on one it takes 3.5 s, and a push 26 ms; on another 8.5 s.
 * Were each to read the log by itself, it would take ten times as long.
 */
const most = { seconds: 20, pushMs: 200 }

t.test(
  '1,000 users that come back 100,000 events behind are live soon, and hold up no push',
  { timeout: 300_000 },
  async (t) => {
    const store = `file:${join(t.testdir(), 'log')}`
    const server = await startServer(t, '--store', store, '--ring-events', '4096')
    const [before] = await push(server.url, [{ data: 'before all of it' }])
    for (let n = 0; n < behind; n += 1000) {
      const events = Array.from({ length: 1000 }, (_, i) => ({
        user: `u${(n + i) % clients}`,
        data: { n: n + i },
      }))
      await push(server.url, events)
    }

    const started = performance.now()
    const waits: number[] = []
    let probing = true
    const probe = async (): Promise<void> => {
      while (probing) {
        const start = performance.now()
        await push(server.url, { topic: 'probe', data: 1 })
        waits.push(performance.now() - start)
      }
    }
    const probes = probe()
    const path = `/events?user=u@&lastEventId=${before!}`
    const streams = await openStreams(t, server.port, clients, path)
    const live = async (): Promise<boolean> => (await streams.counts()).least >= ofEach
    await until(live, 'the events of all', 120_000)
    const seconds = (performance.now() - started) / 1000
    probing = false
    await probes

    await push(
      server.url,
      Array.from({ length: clients }, (_, n) => ({ user: `u${n}`, data: 'live' })),
    )
    await until(async () => (await streams.counts()).least > ofEach, 'a live event for each')
    t.same(await streams.counts(), { least: ofEach + 1, total: behind + clients })
    waits.sort((a, b) => a - b)
    const p99 = waits[Math.floor(waits.length * 0.99)]!
    t.comment(
      `live after ${seconds.toFixed(1)} s; ${waits.length} pushes, p99 ${p99.toFixed(1)} ms`,
    )
    t.ok(seconds < most.seconds, `live after ${seconds.toFixed(1)} s`)
    t.ok(p99 < most.pushMs, `p99 of a push: ${p99.toFixed(1)} ms`)

    const stream = await openStream(t, server.port, `/events?user=u7&lastEventId=${before!}`)
    const events = await stream.received(ofEach + 1)
    t.same(
      events.slice(0, ofEach).map(({ data }) => (JSON.parse(data) as { n: number }).n),
      Array.from({ length: ofEach }, (_, i) => i * clients + 7),
      'in order, each once',
    )
    t.notOk(stream.control.some(({ type }) => type === 'gap'))
  },
)
