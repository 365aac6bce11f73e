import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t from 'tap'
import { push } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { mountDisk, whyNoDisk } from '../helpers/disk.js'
import { runCommand, startServer, startServerInto, stopServer } from '../helpers/server-process.js'
import { openStream } from '../helpers/sse-client.js'
import { apiKey } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'

const fill = Array.from({ length: 100 }, () => ({ topic: 'flood', data: 'x'.repeat(60_000) }))

/** Parks a stream that never reads, so that a drain has something to wait for. */
async function parkReader(t: Parameters<typeof openStream>[0], url: string, port: number) {
  const reader = await openStream(t, port, '/events?topic=flood')
  reader.socket.pause()
  await push(url, fill)
  await until(async () => {
    const answer = (await (await fetch(`${url}/api/streams?topic=flood`)).json()) as {
      streams: { state: string }[]
    }
    return answer.streams[0]?.state === 'parked'
  }, 'the reader to be parked')
  return reader
}

t.test('SIGTERM delivers what was accepted, says bye with a retry, and exits with 0', async (t) => {
  const server = await startServer(t, '--drain', '8s')
  const streams = await Promise.all(
    Array.from({ length: 5 }, () => openStream(t, server.port, '/events?topic=n')),
  )
  await push(
    server.url,
    Array.from({ length: 500 }, (_, n) => ({ topic: 'n', data: n })),
  )
  const exit = once(server.process, 'exit')
  server.process.kill('SIGTERM')
  t.same(await exit, [0, null])
  const retries = new Set<string>()
  for (const stream of streams) {
    await until(() => stream.closed, 'the end of the stream')
    t.equal(stream.events.length, 500)
    t.match(stream.control.at(-1), { type: 'bye', reason: 'shutdown', reconnect: true })
    const retry = /retry: (\d+)\n[^]*bye/.exec(stream.body().slice(10))![1]!
    t.ok(Number(retry) >= 500 && Number(retry) <= 8500, `retry ${retry} is within the drain`)
    retries.add(retry)
  }
  t.ok(retries.size > 1, 'the clients come back at different times')
})

t.test(
  'while it drains it is not ready, refuses pushes, and hangs up on subscribers',
  async (t) => {
    const server = await startServer(t, '--drain', '8s')
    await parkReader(t, server.url, server.port)
    const exit = once(server.process, 'exit')
    server.process.kill('SIGTERM')
    await until(async () => (await fetch(`${server.url}/readyz`)).status === 503, 'not ready')
    t.equal((await fetch(`${server.url}/livez`)).status, 200)
    const refused = await fetch(`${server.url}/api/push`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: '{"data":1}',
    })
    t.equal(refused.status, 503)
    t.ok(refused.headers.get('retry-after'))
    t.match(await refused.json(), { code: 'RINGCAST_DRAINING' })
    await t.rejects(fetch(`${server.url}/events`), 'a late subscriber gets no status')
    t.same(await exit, [0, null], 'a reader that never reads does not keep it')
  },
)

t.test('a second signal ends it at once', async (t) => {
  const server = await startServer(t, '--drain', '1m')
  await parkReader(t, server.url, server.port)
  const exit = once(server.process, 'exit')
  const asked = performance.now()
  server.process.kill('SIGTERM')
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 503, 'the drain')
  await until(() => {
    server.process.kill('SIGTERM')
    return server.process.exitCode !== null
  }, 'the end')
  t.same(await exit, [143, null])
  t.ok(performance.now() - asked >= 1000, 'one that comes within a second is the same one')
})

t.test('a port in use is one line and exit code 1', async (t) => {
  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const ended = await runCommand(['serve', '--port', String(port)])
  t.equal(ended.code, 1)
  t.match(ended.stderr, /^ringcast: port \d+ of 127\.0\.0\.1 is in use.*\n$/)
})

t.test('a bad setting, flag or variable is one line and exit code 2', async (t) => {
  const cases: [string[], Record<string, string>, RegExp][] = [
    [['--prot', '1'], {}, /--port/],
    [['--heartbeat', 'soon'], {}, /HEARTBEAT|heartbeat/],
    [[], { RINGCAST_RING_EVENT: '5' }, /RINGCAST_RING_EVENTS/],
    [['--heartbeat', '30s', '--dead-peer', '40s'], {}, /twice/],
  ]
  for (const [flags, env, message] of cases) {
    const ended = await runCommand(['serve', ...flags], { env })
    t.equal(ended.code, 2, flags.join(' '))
    t.match(ended.stderr, message)
    t.equal(ended.stderr.trim().split('\n').length, 1)
  }
})

t.test('it does not start open to other machines unless that is meant', async (t) => {
  const ended = await runCommand(['serve', '--host', '0.0.0.0', '--port', '0'])
  t.equal(ended.code, 2)
  t.match(ended.stderr, /^ringcast: .*RINGCAST_API_KEYS=.*RINGCAST_ANONYMOUS=all.*\n$/)
  const server = await startServer(t, '--host', '0.0.0.0', '--anonymous', 'all')
  t.equal((await fetch(`http://127.0.0.1:${server.port}/livez`)).status, 200)
})

t.test('with a key it starts for other machines, and its log does not have the key', async (t) => {
  const file = join(t.testdir(), 'keys')
  writeFileSync(file, `${apiKey}\nanother-key-of-a-service\n`)
  const server = await startServer(t, '--host', '0.0.0.0', '--api-keys-file', file)
  let log = ''
  server.process.stdout!.on('data', (text: Buffer) => (log += text.toString()))
  const env = { RINGCAST_URL: server.url }
  const refused = await runCommand(['push', 'x'], { env })
  t.match(refused, { code: 1, stderr: /RINGCAST_UNAUTHENTICATED/ })
  const pushed = await runCommand(['push', 'x'], { env: { ...env, RINGCAST_TOKEN: apiKey } })
  t.equal(pushed.code, 0, pushed.stderr)
  const stream = await openStream(t, server.port, `/events?last=1&token=${apiKey}`)
  t.equal((await stream.received(1))[0]!.data, 'x')
  const exit = once(server.process, 'exit')
  server.process.kill('SIGTERM')
  t.same(await exit, [0, null])
  t.match(log, /stream ended/)
  t.notMatch(log, apiKey)
})

t.test('push and tail talk to it', async (t) => {
  const server = await startServer(t)
  const env = { RINGCAST_URL: server.url }
  const lines = Array.from({ length: 2500 }, (_, n) => `line ${n}`)
  const pushed = await runCommand(['push', '--topic', 'log/app', '-'], {
    env,
    input: lines.join('\n') + '\n',
  })
  t.equal(pushed.code, 0, pushed.stderr)
  const history = (await (
    await fetch(`${server.url}/api/history?topic=log/*&last=1000&limit=1000`)
  ).json()) as { events: { data: string }[] }
  t.same(
    history.events.map(({ data }) => data),
    lines.slice(-1000),
  )
  const one = await runCommand(['push', '--topic', 'a', '--json', '{"n":1}'], { env })
  t.match(one, { code: 0, stdout: /^[0-9a-z]+-[0-9a-z]+\n$/ })
})

t.test('a slow reader gets all that was accepted before the bye of a shutdown', async (t) => {
  const server = await startServer(t, '--drain', '30s')
  const reader = await parkReader(t, server.url, server.port)
  const exit = once(server.process, 'exit')
  server.process.kill('SIGTERM')
  await until(async () => (await fetch(`${server.url}/readyz`)).status === 503, 'the drain')
  reader.socket.resume()
  t.same(await exit, [0, null])
  await until(() => reader.closed, 'the end')
  t.equal(reader.events.length, fill.length)
  t.match(reader.control.at(-1), { type: 'bye', reason: 'shutdown' })
})

t.test('it ends on SIGTERM though nobody reads its log any more', async (t) => {
  const server = await startServer(t)
  server.process.stdout!.destroy()
  const streams = await Promise.all(
    Array.from({ length: 100 }, () => openStream(t, server.port, '/events')),
  )
  for (const stream of streams) stream.cut()
  const exit = once(server.process, 'exit')
  server.process.kill('SIGTERM')
  t.same(await exit, [0, null])
})

t.test(
  'when its terminal is gone it ends as on SIGTERM',
  { skip: process.platform === 'linux' ? false : "util-linux's script is a terminal" },
  async (t) => {
    const main = new URL('../../dist/cli/main.js', import.meta.url).pathname
    const command = `exec ${process.execPath} ${main} serve --port 0`
    const terminal = spawn('script', ['--quiet', '--flush', '--command', command, '/dev/null'])
    t.teardown(() => terminal.kill('SIGKILL'))
    let shown = ''
    terminal.stdout.on('data', (text: Buffer) => (shown += text.toString()))
    const listening = /listening on (http:\/\/127\.0\.0\.1:(\d+))/
    await until(() => listening.test(shown), 'the start')
    const [, url, port] = listening.exec(shown)!
    const stream = await openStream(t, Number(port), '/events')
    terminal.kill('SIGKILL')
    t.match(await stream.told('bye'), { reason: 'shutdown' })
    await until(
      () =>
        fetch(`${url!}/livez`).then(
          () => false,
          () => true,
        ),
      'its end',
    )
  },
)

for (const workers of [1, 2]) {
  t.test(
    `with a full disk under its log it serves, and ends on SIGTERM (${workers})`,
    { skip: whyNoDisk },
    async (t) => {
      const disk = mountDisk(t, '64k')
      const [file, store] = [join(disk.path, 'log'), `file:${join(t.testdir(), 'log')}`]
      const flags = ['--log-level', 'debug', '--store', store, '--workers', String(workers)]
      const server = startServerInto(t, file, ...flags)
      const { url, port } = await server.listening
      const stream = await openStream(t, port, '/events')
      const pushed = async (id: string): Promise<void> => {
        // So long that few lines fill the disk.
        const headers = {
          'content-type': 'application/json',
          'x-request-id': id.padStart(120, '-'),
        }
        await ask(`${url}/api/push`, { method: 'POST', headers, body: '{"data":1}' })
      }
      for (let n = 1; n <= 400; n++) await pushed(`push-${n}`)
      await stream.received(400)
      await until(() => statSync(file).size === 65_536, 'the disk to be full')

      disk.resize('4m')
      const logged = (id: string): boolean => readFileSync(file, 'utf8').includes(`-${id}"`)
      await until(async () => {
        await pushed('with-room')
        return logged('with-room') && logged('push-400')
      }, 'what waited, and the next line')

      disk.fill()
      for (let n = 1; n <= 100; n++) await pushed('without-room')
      t.same(await stopServer(server), [0, null])
      t.notMatch(readFileSync(file, 'utf8'), 'drained')
    },
  )
}
