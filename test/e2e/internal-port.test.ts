import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { push } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { runCommand, startServer, type ServerProcess } from '../helpers/server-process.js'
import { openStream, type RawStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

const addressOf = (server: ServerProcess): string =>
  /without a key on (http:[^"]+)/.exec(server.log())![1]!

/** Opens a stream that is never read, so that a drain waits for it. */
async function parkReader(t: Test, { url, port }: ServerProcess): Promise<RawStream> {
  const reader = await openStream(t, port, '/events?topic=flood')
  reader.socket.pause()
  const data = 'x'.repeat(60_000)
  await push(
    url,
    Array.from({ length: 100 }, () => ({ topic: 'flood', data })),
  )
  await until(async () => {
    const { json } = await ask(`${url}/api/streams?topic=flood`)
    return (json!['streams'] as { state: string }[])[0]?.state === 'parked'
  }, 'the reader to be parked')
  return reader
}

/** Tests that a node says what it does while it drains, to the end. */
async function drainsInSight(t: Test, server: ServerProcess): Promise<void> {
  const internal = addressOf(server)
  const reader = await parkReader(t, server)
  t.equal((await ask(`${internal}/readyz`)).status, 200)
  const exit = once(server.process, 'exit')
  server.process.kill('SIGTERM')
  const isGone = async () => (await ask(`${internal}/readyz`)).status === 503
  // Workers that have nobody to wait for are gone at once, and with them what they had accepted.
  await until(() => isGone().catch(() => false), 'not ready')
  await until(async () => {
    const { text } = await ask(`${internal}/metrics`).catch(() => ({ text: '' }))
    return text.includes('ringcast_streams{transport="sse"} 1\n')
  }, 'the metrics of what is left')
  t.equal((await ask(`${internal}/livez`)).status, 200)
  reader.cut()
  t.same(await exit, [0, null])
  await t.rejects(ask(`${internal}/livez`))
}

t.test('the log says where it is, and it is there to the end of a drain', async (t) => {
  const server = await startServer(t, '--internal-port', '0', '--drain', '1m')
  t.not(new URL(addressOf(server)).port, String(server.port))
  await drainsInSight(t, server)
})

t.test('it is one for all workers of a node', async (t) => {
  const store = `file:${join(t.testdir(), 'log')}`
  const flags = ['--workers', '3', '--store', store, '--drain', '1m', '--internal-port', '0']
  const server = await startServer(t, ...flags)
  const internal = addressOf(server)
  t.equal(server.log().match(/without a key on/g)!.length, 1)
  const streams = await Promise.all(
    Array.from({ length: 12 }, () => openStream(t, server.port, '/events')),
  )
  // Each request is a connection of its own, and so perhaps another worker's.
  for (let n = 0; n < 6; n++) {
    const { text } = await ask(`${internal}/metrics`)
    t.match(text, `ringcast_streams{transport="sse"} ${streams.length}\n`)
  }

  t.test('a worker that is killed, or drains alone, takes it from nobody', async (t) => {
    const ended = (): number => server.log().match(/a worker ended/g)?.length ?? 0
    for (const signal of ['SIGKILL', 'SIGTERM'] as const) {
      const { json } = await ask(`${server.url}/api/stats`)
      const { pid } = (json!['workers'] as { pid: number }[])[0]!
      const before = ended()
      process.kill(pid, signal)
      const statuses = new Set<number>()
      await until(async () => {
        // A request that it had accepted and not answered goes with it.
        await ask(`${internal}/readyz`).then(
          ({ status }) => statuses.add(status),
          () => {},
        )
        return ended() > before
      }, 'its end')
      t.same([...statuses], [200], `${signal}: the node is ready all the time`)
      await until(async () => {
        const stats = await ask(`${server.url}/api/stats`).catch(() => undefined)
        return (stats?.json?.['workers'] as unknown[] | undefined)?.length === 3
      }, 'the new one')
    }
  })

  t.test('it is there to the end of a drain', async (t) => {
    for (const stream of streams) stream.cut()
    await drainsInSight(t, server)
  })
})

t.test('a port in use is one line that names the flag, and exit code 1', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const store = ['--store', `file:${join(t.testdir(), 'log')}`]
  for (const more of [[], ['--workers', '2', ...store]]) {
    const flags = ['--port', '0', '--internal-port', String(port), ...more]
    const ended = await runCommand(['serve', ...flags])
    t.equal(ended.code, 1)
    t.match(ended.stderr, /^ringcast: port \d+ of 127\.0\.0\.1 is in use.*--internal-port \d+\)\n$/)
  }
})

t.test('the two ports cannot be one', async (t) => {
  const ended = await runCommand(['serve', '--port', '8080', '--internal-port', '8080'])
  t.equal(ended.code, 2)
  t.match(ended.stderr, /^ringcast: INTERNAL_PORT \(8080\) must be another than PORT \(8080\)\n$/)
})
