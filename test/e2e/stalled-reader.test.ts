import t from 'tap'
import { push } from '../helpers/app.js'
import { openStreams, type LoadClient } from '../helpers/load-client.js'
import { startServer, type ServerProcess } from '../helpers/server-process.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

const healthy = 10
const stalled = 10
/** At least; more of them where the machine gave one side the better ones. */
const rounds = 5
const eventsARound = 6_000
const batch = 100
const data = 'x'.repeat(1000)
const mebibyte = 1024 * 1024

/** A server with healthy streams, and the time of its fastest round: noise only ever adds. */
interface Side {
  readonly server: ServerProcess
  readonly clients: LoadClient
  bestMs: number
}

async function startSide(t: Parameters<typeof startServer>[0]): Promise<Side> {
  // A ring that is overtaken: what a stalled stream misses is then told by a gap.
  const flags = ['--ring-bytes', '16MiB', '--stalled-stream', '10m']
  const server = await startServer(t, ...flags)
  return {
    server,
    clients: await openStreams(t, server.port, healthy, '/events'),
    bestMs: Infinity,
  }
}

async function runRound(side: Side, round: number): Promise<void> {
  const start = performance.now()
  for (let sent = 0; sent < eventsARound; sent += batch) {
    await push(
      side.server.url,
      Array.from({ length: batch }, () => ({ data })),
    )
  }
  const wanted = round * eventsARound
  await until(async () => (await side.clients.counts()).least >= wanted, 'the round at all', 60_000)
  side.bestMs = Math.min(side.bestMs, performance.now() - start)
}

t.test('readers that never read slow nobody down and cost no memory', async (t) => {
  const without = await startSide(t)
  const having = await startSide(t)
  const readers = await Promise.all(
    Array.from({ length: stalled }, async () => {
      const reader = await openStream(t, having.server.port, '/events?user=stalled')
      reader.socket.pause()
      return reader
    }),
  )
  // In turns, so that what else the machine does falls on both.
  const speed = (): number => without.bestMs / having.bestMs
  for (let round = 1; round <= rounds || (speed() < 0.9 && round <= 3 * rounds); round++) {
    await runRound(without, round)
    await runRound(having, round)
  }

  const answer = await fetch(`${having.server.url}/api/streams?user=stalled`)
  const { streams } = (await answer.json()) as { streams: { state: string }[] }
  t.same(
    streams.map(({ state }) => state),
    Array<string>(stalled).fill('parked'),
    'all of them are parked',
  )
  const extra = (await having.server.memory()) - (await without.server.memory())
  t.comment(`${(extra / mebibyte).toFixed(2)} MiB more with ${stalled} stalled streams`)
  t.ok(extra < 10 * mebibyte, `${extra} bytes more`)
  t.comment(`healthy streams at ${speed().toFixed(2)} of the speed without`)
  t.ok(speed() >= 0.9, `at ${speed()} of the speed`)

  await t.test('one that reads again gets the rest, after a gap that says so', async (t) => {
    const reader = readers[0]!
    const head = (
      (await (await fetch(`${having.server.url}/api/stats`)).json()) as { head: string }
    ).head
    reader.socket.resume()
    await until(() => reader.lastId === head, 'the head', 30_000)
    t.match(reader.control, [{ type: 'open' }, { type: 'gap', reason: 'lagged' }])
    const sequences = reader.events.map(({ id }) => Number.parseInt(id!.split('-')[1]!, 36))
    const holes = sequences.filter((n, i) => i > 0 && n !== sequences[i - 1]! + 1)
    t.equal(holes.length, 1, 'one hole, where the gap is')
  })
})
