import { execFileSync } from 'node:child_process'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { push } from '../helpers/app.js'
import { ask, type Answer } from '../helpers/ask.js'
import { mountDisk, whyNoDisk } from '../helpers/disk.js'
import { startServer, startServerIn, stopServer } from '../helpers/server-process.js'
import { openStream } from '../helpers/sse-client.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'

const json = { 'content-type': 'application/json' }

function pushed(url: string, body: unknown): Promise<Answer> {
  return ask(`${url}/api/push`, { method: 'POST', headers: json, body: JSON.stringify(body) })
}

const slowMs = 300
const compiler = ['/usr/bin/cc', '/usr/local/bin/cc'].find((path) => existsSync(path))

t.test(
  'with syncs that take 300 ms nothing is answered or delivered sooner, and pushes share them',
  {
    skip:
      process.platform === 'linux' && compiler !== undefined
        ? false
        : 'a C compiler is needed: test/install-tools installs it',
  },
  async (t) => {
    const folder = t.testdir()
    const shim = join(folder, 'slow-sync.so')
    const source = new URL('../../test/helpers/slow-sync.c', import.meta.url).pathname
    execFileSync(compiler!, ['-shared', '-fPIC', '-O1', '-o', shim, source, '-ldl'])
    const server = await startServerIn(
      t,
      { LD_PRELOAD: shim, SLOW_SYNC_MS: String(slowMs) },
      ...['--store', `file:${join(folder, 'log')}`],
    )
    const stream = await openStream(t, server.port, '/events')
    const start = performance.now()
    const since = (): number => performance.now() - start
    let deliveredMs: number | undefined
    stream.socket.on('data', () => (deliveredMs ??= since()))
    await push(server.url, { data: 'first' })
    const answeredMs = since()
    await stream.received(1)
    t.ok(answeredMs >= slowMs, `answered after ${answeredMs.toFixed(0)} ms`)
    t.ok(deliveredMs! >= slowMs, `delivered after ${deliveredMs!.toFixed(0)} ms`)

    const again = since()
    await Promise.all(Array.from({ length: 200 }, (_, n) => push(server.url, { data: n })))
    const together = since() - again
    t.ok(together >= slowMs, 'they waited for it too')
    t.ok(together < 200 * slowMs * 0.1, `200 pushes took ${together.toFixed(0)} ms together`)
    await stream.received(201)
  },
)

t.test(
  'a full disk refuses pushes with 503 and says why; streams go on, and pushes when there is room',
  { skip: whyNoDisk },
  async (t) => {
    const disk = mountDisk(t, '1m')
    const store = `file:${join(disk.path, 'log')}`
    const server = await startServer(t, '--store', store, '--heartbeat', '1s')
    const stream = await openStream(t, server.port, '/events')
    const data = 'x'.repeat(5000)
    let accepted = 0
    let refusal: Answer
    for (;;) {
      refusal = await pushed(server.url, { data })
      if (refusal.status !== 202) break
      accepted++
    }
    t.match(refusal, { status: 503, json: { code: 'RINGCAST_LOG_UNAVAILABLE' } })
    t.match(refusal.json!['message'], /the disk of the log is full \(.*\/log\)/)
    t.ok(Number(refusal.headers['retry-after']) > 0)
    t.match(await ask(`${server.url}/readyz`), { status: 503, text: /the disk of the log is full/ })
    t.equal((await ask(`${server.url}/livez`)).status, 200)
    await stream.received(accepted)
    await until(() => /:\n/.test(stream.body()), 'a heartbeat')
    const late = await openStream(t, server.port, '/events?lastEventId=earliest')
    await late.received(accepted)
    t.notOk(stream.closed)

    disk.resize('32m')
    await until(async () => (await pushed(server.url, { data: 'again' })).status === 202, 'room')
    await until(() => stream.events.at(-1)!.data === 'again', 'the push')
    t.equal(stream.events.length, accepted + 1, 'nothing that was refused came')
    t.equal((await ask(`${server.url}/readyz`)).status, 200)
    t.same(await stopServer(server), [0, null])
  },
)

t.test('what is deleted of the log stalls no push, and who comes back later is told', async (t) => {
  const store = `file:${join(t.testdir(), 'log')}`
  const kept = 20_000
  const flags = ['--retain-events', String(kept), '--ring-events', '2048']
  const server = await startServer(t, '--store', store, ...flags)
  const [first] = await push(server.url, [{ data: 'first' }])
  const [rare] = await push(server.url, [{ topic: 'rare', data: 'once' }])
  const waits: Record<'before' | 'meanwhile', number[]> = { before: [], meanwhile: [] }
  for (let n = 0; n < 100_000; n += 1000) {
    await push(
      server.url,
      Array.from({ length: 1000 }, (_, i) => ({ topic: `orders/${i % 50}`, data: n + i })),
    )
    for (let i = 0; i < 5; i++) {
      const start = performance.now()
      await push(server.url, { topic: 'probe', data: i })
      waits[n < kept ? 'before' : 'meanwhile'].push(performance.now() - start)
    }
  }
  const [before, meanwhile] = [percentile(waits.before, 0.9), percentile(waits.meanwhile, 0.9)]
  t.comment(
    `p90 of a push ${before.toFixed(1)} ms, while events are deleted ${meanwhile.toFixed(1)}`,
  )
  t.ok(meanwhile < 2 * before + 5, `${meanwhile.toFixed(1)} ms, before ${before.toFixed(1)}`)

  const page = async (query: string) =>
    (await ask(`${server.url}/api/history?${query}`)).json as {
      events: { id: string }[]
      gap: { reason: string } | null
    }
  await until(async () => {
    const { events } = await page('topic=**&lastEventId=earliest&limit=1')
    return sequenceOf(events[0]!.id) > 100_502 - kept - 600
  }, 'the deletion')
  t.match((await page(`topic=orders/7&lastEventId=${first!}`)).gap, { reason: 'evicted' })
  t.match((await page(`topic=rare&lastEventId=${first!}`)).gap, { reason: 'evicted' })
  t.equal((await page(`topic=rare&lastEventId=${rare!}`)).gap, null, 'nothing of its own is gone')
  t.equal((await page(`topic=never/pushed&lastEventId=${first!}`)).gap, null)
})

function percentile(values: readonly number[], part: number): number {
  return values.toSorted((a, b) => a - b)[Math.floor(values.length * part)]!
}

function sequenceOf(id: string): number {
  return Number.parseInt(id.split('-')[1]!, 36)
}

t.test('keys and revocations outlive the process', async (t) => {
  const store = `file:${join(t.testdir(), 'log')}`
  const flags = ['--store', store, '--api-keys', apiKey, '--jwt-secret', jwtSecret]
  const as = (token: string): Record<string, string> => ({ ...json, ...bearer(token) })
  const claims = { sub: 'ann', exp: inSeconds(3600) }
  const token = await tokenOf({ ...claims, iat: inSeconds(-10) })
  const event = JSON.stringify({ data: 1, key: 'order 7' })

  const before = await startServer(t, ...flags)
  const first = await ask(`${before.url}/api/push`, {
    method: 'POST',
    headers: as(apiKey),
    body: event,
  })
  t.equal(first.status, 202)
  t.equal((await ask(`${before.url}/api/history`, { headers: as(token) })).status, 200)
  await ask(`${before.url}/api/users/ann/streams`, { method: 'DELETE', headers: bearer(apiKey) })
  before.process.kill('SIGKILL')
  await once(before.process, 'exit')

  const { url } = await startServer(t, ...flags)
  const again = await ask(`${url}/api/push`, { method: 'POST', headers: as(apiKey), body: event })
  t.same(again.json, { ...first.json, duplicate: true })
  t.match(await ask(`${url}/api/history`, { headers: as(token) }), {
    status: 401,
    json: { code: 'RINGCAST_REVOKED' },
  })
  t.equal((await ask(`${url}/events`, { headers: bearer(token) })).status, 204)
  const newer = await tokenOf({ ...claims, iat: inSeconds(5) })
  t.equal((await ask(`${url}/api/history`, { headers: bearer(newer) })).status, 200)
})
