import { spawn } from 'node:child_process'
import { once } from 'node:events'
import t, { type Test } from 'tap'
import { startApp, push, type RunningApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { connection, requestText } from '../helpers/connection.js'
import { startRedis, type RedisServer } from '../helpers/redis-server.js'
import { runCommand, startServer } from '../helpers/server-process.js'
import { openStream, type RawStream } from '../helpers/sse-client.js'
import { startProxy, type TcpProxy } from '../helpers/tcp-proxy.js'
import { apiKey } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'

const node = (t: Test, url: string, more = {}): Promise<RunningApp> =>
  startApp(t, { store: url as 'redis://', ...more })

const status = async (app: { url: string }): Promise<number> =>
  (await ask(`${app.url}/readyz`)).status

const ready = (app: { url: string }): Promise<void> =>
  until(async () => (await status(app)) === 200, 'a node that is ready')

const unready = (app: { url: string }): Promise<void> =>
  until(async () => (await status(app)) === 503, 'a node that is not ready')

const dataOf = ({ events }: RawStream): string[] => events.map(({ data }) => data)
const idsOf = ({ events }: RawStream): string[] => events.map(({ id }) => id!)
const gapsOf = ({ control }: RawStream) => control.filter(({ type }) => type === 'gap')

/** Pushes numbers, a batch each. */
async function pushNumbers(app: RunningApp, from: number, to: number): Promise<string[]> {
  const ids: string[] = []
  for (let n = from; n <= to;) {
    const batch = []
    for (; n <= to && batch.length < 50; n++) batch.push({ topic: 'n', data: n })
    ids.push(...(await push(app.url, batch)))
  }
  return ids
}

const numbers = (from: number, to: number): string[] =>
  Array.from({ length: to - from + 1 }, (_, i) => String(from + i))

t.test('a client goes on at another node where it was, and all nodes see one order', async (t) => {
  const redis = await startRedis(t)
  const [a, b, c] = await Promise.all([1, 2, 3].map(() => node(t, redis.url)))
  const streams = await Promise.all(
    [a!, b!, c!].map(({ port }) => openStream(t, port, '/events?topic=n')),
  )
  await Promise.all(
    [a!, b!, c!].map(async (app, k) => {
      for (let n = 0; n < 50; n++) await push(app.url, { topic: 'n', data: `${k}.${n}` })
    }),
  )
  for (const stream of streams) await stream.received(150)
  t.strictSame(idsOf(streams[1]!), idsOf(streams[0]!))
  t.strictSame(dataOf(streams[2]!), dataOf(streams[0]!))
  streams[0]!.cut()
  await push(c!.url, [
    { topic: 'n', data: 'x' },
    { topic: 'n', data: 'y' },
  ])
  const moved = await openStream(t, b!.port, '/events?topic=n', { lastEventId: streams[0]!.lastId })
  t.strictSame(dataOf({ ...moved, events: await moved.received(2) }), ['x', 'y'])
  t.strictSame(gapsOf(moved), [])
  const late = await node(t, redis.url)
  const all = await openStream(t, late.port, '/events?topic=n&lastEventId=earliest')
  await all.received(152)
  t.strictSame(idsOf(all), idsOf(streams[1]!).slice(0, 152))
})

t.test('an event is traced at the streams of all nodes', async (t) => {
  const redis = await startRedis(t)
  const [a, b] = await Promise.all([node(t, redis.url), node(t, redis.url)])
  const [there, here] = await Promise.all(
    [a, b].map(({ port }) => openStream(t, port, '/events?topic=n&user=u42')),
  )
  const [id] = await pushNumbers(a, 1, 1)
  // Asked at once, the other node may not have come so far: it waits for the event.
  const { json } = await ask(`${b.url}/api/trace?event=${id!}`)
  t.match(json, { event: { id, place: 'retained' }, total: 2 })
  await Promise.all([there!.received(1), here!.received(1)])
  const traced = (await ask(`${b.url}/api/trace?event=${id!}&user=u42`)).json!
  const rows = traced['streams'] as { id: string; node: string; outcome: string }[]
  t.same(
    rows.map((row) => row.id).sort(),
    [there, here].map((stream) => stream!.control[0]!['stream']).sort(),
  )
  t.same(new Set(rows.map(({ outcome }) => outcome)), new Set(['written']))
  t.equal(new Set(rows.map((row) => row.node)).size, 2)
  there!.cut()
  await until(() => a.hub.streams.size === 0, 'the end of a stream')
  const after = (await ask(`${b.url}/api/trace?event=${id!}&user=u42`)).json
  t.match(after, { total: 2, ended: [{ id: there!.control[0]!['stream'], outcome: 'written' }] })
})

t.test('an id that a node does not know yet is waited for, not taken for a lost one', async (t) => {
  const redis = await startRedis(t)
  const proxy = await startProxy(t, redis.port)
  const fast = await node(t, redis.url)
  const slow = await node(t, `redis://127.0.0.1:${proxy.port}`)
  proxy.delayMs = 300
  const [id] = await pushNumbers(fast, 1, 1)
  const stream = await openStream(t, slow.port, '/events?topic=n', { lastEventId: id! })
  t.strictSame(gapsOf(stream), [])
  t.equal(stream.control[0]!.id, id)
  proxy.delayMs = 0
  await pushNumbers(fast, 2, 2)
  t.strictSame(dataOf({ ...stream, events: await stream.received(1) }), ['2'])
})

t.test('who asks for the last events while Redis is away comes back, and has them', async (t) => {
  const redis = await startRedis(t, { durable: true })
  const app = await node(t, redis.url, { ringEvents: 16 })
  const { port } = app
  for (let n = 1; n < 40; n += 10) await pushNumbers(app, n, n + 9)
  await redis.kill()
  await unready(app)
  // Anything but 200 would end an EventSource for good.
  const turnedAway = connection(t, port, requestText('GET', '/events?topic=n&last=30'))
  await turnedAway.end()
  t.equal(turnedAway.text(), '')
  await redis.start()
  await ready(app)
  const stream = await openStream(t, port, '/events?topic=n&last=30')
  t.strictSame(dataOf({ ...stream, events: await stream.received(30) }), numbers(11, 40))
})

t.test('while Redis is away pushes get 503, and streams go on at the exact place', async (t) => {
  const redis = await startRedis(t, { durable: true })
  const [a, b] = await Promise.all([
    node(t, redis.url, { heartbeatMs: 200 }),
    node(t, redis.url, { heartbeatMs: 200 }),
  ])
  const streams = await Promise.all(
    [a, b].map(({ port }) => openStream(t, port, '/events?topic=n')),
  )
  await pushNumbers(a, 1, 10)
  await redis.kill()
  await Promise.all([unready(a), unready(b)])
  const refused = await ask(`${a.url}/api/push`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: '{"topic":"n","data":"never"}',
  })
  t.equal(refused.status, 503)
  t.equal(refused.json!['code'], 'RINGCAST_LOG_UNAVAILABLE')
  const [stream] = streams
  const before = stream!.body().length
  await until(() => stream!.body().length >= before + 4, 'heartbeats')
  const more = await openStream(t, b.port, '/events?topic=n', { lastEventId: idsOf(stream!)[4]! })
  t.strictSame(dataOf({ ...more, events: await more.received(5) }), numbers(6, 10))
  await redis.start()
  await Promise.all([ready(a), ready(b)])
  await pushNumbers(b, 11, 20)
  for (const each of streams) {
    await each.received(20)
    t.strictSame(dataOf(each), numbers(1, 20))
    t.strictSame(gapsOf(each), [])
  }
})

t.test('a page of what is in a Redis that is paused is refused in seconds', async (t) => {
  const redis = await startRedis(t)
  const app = await node(t, redis.url, { ringEvents: 64 })
  const [first] = await pushNumbers(app, 1, 200)
  redis.pause()
  const page = (query: string) => ask(`${app.url}/api/history?topic=n&${query}`)
  const refused = await Promise.all([page('lastEventId=earliest'), page('last=200')])
  for (const { status, json } of refused) {
    t.equal(status, 503)
    t.match(json, { code: 'RINGCAST_LOG_UNAVAILABLE' })
  }
  redis.resume()
  await ready(app)
  t.match((await page('lastEventId=earliest&limit=1')).json, { events: [{ id: first }] })
})

t.test(
  'a paused Redis: pushes are answered in seconds, and all is well when it goes on',
  async (t) => {
    const redis = await startRedis(t)
    const app = await node(t, redis.url)
    const stream = await openStream(t, app.port, '/events?topic=n')
    await pushNumbers(app, 1, 5)
    redis.pause()
    const answers = Promise.all(
      [6, 7].map((n) =>
        ask(`${app.url}/api/push`, {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify({ topic: 'n', data: n, key: `k${n}` }),
        }),
      ),
    )
    await unready(app)
    for (const { status, json } of await answers) {
      t.equal(status, 503)
      t.match(json!['code'], /^RINGCAST_(UNCERTAIN|LOG_UNAVAILABLE)$/)
    }
    redis.resume()
    await ready(app)
    const [six] = await push(app.url, [{ topic: 'n', data: 6, key: 'k6' }])
    const [again] = await push(app.url, [{ topic: 'n', data: 6, key: 'k6' }])
    t.equal(six, again)
    await push(app.url, [{ topic: 'n', data: 7, key: 'k7' }])
    await pushNumbers(app, 8, 9)
    await until(() => dataOf(stream).includes('9'), 'the last')
    t.strictSame([...dataOf(stream)].sort(), numbers(1, 9), 'each once')
    t.strictSame(gapsOf(stream), [])
  },
)

t.test('after FLUSHALL there is a new epoch, one gap, and all of the new log', async (t) => {
  const redis = await startRedis(t)
  const [a, b] = await Promise.all([node(t, redis.url), node(t, redis.url)])
  const streams = await Promise.all(
    [a, b].map(({ port }) => openStream(t, port, '/events?topic=n')),
  )
  const quiet = await openStream(t, b.port, '/events?topic=n&control=off')
  const [oldId] = await pushNumbers(a, 1, 20)
  for (const stream of [...streams, quiet]) await stream.received(20)
  await redis.command('FLUSHALL')
  await Promise.all(streams.map((stream) => stream.told('gap')))
  await Promise.all([ready(a), ready(b)])
  await until(
    () =>
      pushNumbers(b, 101, 110).then(
        () => true,
        () => false,
      ),
    'a push',
  )
  for (const stream of [...streams, quiet]) {
    await stream.received(30)
    t.strictSame(dataOf(stream), [...numbers(1, 20), ...numbers(101, 110)])
    t.equal(new Set(idsOf(stream)).size, 30)
  }
  for (const stream of streams) {
    const [gap, ...others] = gapsOf(stream)
    t.match(gap, { reason: 'epoch', after: idsOf(stream)[19] })
    t.equal(gap!.id!.split('-')[0], idsOf(stream)[20]!.split('-')[0])
    t.strictSame(others, [])
  }
  const back = await openStream(t, a.port, '/events?topic=n', { lastEventId: oldId! })
  await back.received(10)
  t.strictSame(dataOf(back), numbers(101, 110))
  t.match(gapsOf(back), [{ reason: 'epoch', after: oldId }])
  t.strictSame(idsOf(back), idsOf(streams[0]!).slice(20))
})

t.test('a slow Redis makes pushes slow, and nothing else', async (t) => {
  const redis = await startRedis(t)
  const proxy = await startProxy(t, redis.port)
  const app = await node(t, `redis://127.0.0.1:${proxy.port}`)
  const stream = await openStream(t, app.port, '/events?topic=n')
  proxy.delayMs = 150
  const begin = performance.now()
  await Promise.all(
    Array.from({ length: 20 }, async () => {
      for (let n = 0; n < 5; n++) await push(app.url, { topic: 'n', data: 'x' })
    }),
  )
  t.ok(performance.now() - begin > 5 * 300, 'each push waits for Redis')
  await stream.received(100)
  t.equal(new Set(idsOf(stream)).size, 100)
  t.equal(await status(app), 200)
})

t.test('with a full Redis a node starts, serves what there is, and knows the others', async (t) => {
  const redis = await startRedis(t, { args: ['--maxmemory-policy', 'noeviction'] })
  const first = await node(t, redis.url)
  await push(first.url, [{ data: 1 }, { data: 2 }])
  await redis.command('CONFIG', 'SET', 'maxmemory', '1')
  const late = await node(t, redis.url)
  await unready(late)
  const streams = [first, late].map(({ port }) => openStream(t, port, '/events?last=10'))
  for (const stream of await Promise.all(streams)) await stream.received(2)
  const { json } = await ask(`${first.url}/api/streams`)
  t.match(json, { total: 2 })
  t.notHas(json, 'silent')
  const refused = await fetch(`${late.url}/api/push`, { method: 'POST', body: 'x' })
  t.equal(refused.status, 503)
  await redis.command('CONFIG', 'SET', 'maxmemory', '0')
  await ready(late)
})

t.test(
  'an open node does not join others that ask for credentials, unless that is meant',
  async (t) => {
    const redis = await startRedis(t)
    const guarded = await node(t, redis.url, { apiKeys: [apiKey] })
    const store = ['--store', redis.url, '--port', '0']
    const { code, stderr } = await runCommand(['serve', ...store])
    t.equal(code, 1)
    t.match(stderr, /^ringcast: STORE: other nodes of this log ask for credentials[^\n]*\n$/)
    await node(t, redis.url, { apiKeys: [apiKey] })
    await node(t, redis.url, { anonymous: 'all' })
    t.equal(await status(guarded), 200)
  },
)

t.test('with its Redis away at the start a node waits, says so, and heeds SIGTERM', async (t) => {
  const redis = await startRedis(t)
  await redis.kill()
  const main = new URL('../../dist/cli/main.js', import.meta.url).pathname
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', '--store', redis.url])
  t.teardown(() => child.kill('SIGKILL'))
  let log = ''
  child.stdout.on('data', (text: Buffer) => (log += text.toString()))
  await until(() => log.includes(`Redis (127.0.0.1:${redis.port}) cannot be used`), 'the line')
  t.match(log, 'waiting for the log')
  const exit = once(child, 'exit')
  child.kill('SIGTERM')
  child.kill('SIGINT')
  t.strictSame(await exit, [0, null])
  t.equal(log.trim().split('\n').length, 1, 'it says so once')
})

t.test('with a Redis that does not let it in, it ends with one line and exit code 1', async (t) => {
  const redis = await startRedis(t, { args: ['--requirepass', 'right'] })
  const store = redis.url.replace('://', '://:very-wrong@')
  const { code, stderr } = await runCommand(['serve', '--port', '0', '--store', store])
  t.equal(code, 1)
  t.match(stderr, /^ringcast: STORE: Redis \(127\.0\.0\.1:\d+\) cannot be used: WRONGPASS[^\n]*\n$/)
  t.notMatch(stderr, 'very-wrong')
})

/** A master with events 1 to 950, and a replica that has these and no more. */
async function behindReplica(t: Test): Promise<{
  master: RedisServer
  replica: RedisServer
  proxies: TcpProxy[]
  nodes: RunningApp[]
  ids: string[]
}> {
  const master = await startRedis(t)
  const link = await startProxy(t, master.port)
  const replica = await startRedis(t, {
    args: ['--replicaof', '127.0.0.1', `${link.port}`, '--repl-timeout', '3600'],
  })
  const proxies = await Promise.all([1, 2, 3].map(() => startProxy(t, master.port)))
  const nodes = await Promise.all(
    proxies.map(({ port }) => node(t, `redis://127.0.0.1:${port}`, { ringEvents: 256 })),
  )
  const ids = await pushNumbers(nodes[0]!, 1, 950)
  const size = async (): Promise<unknown> => replica.command('XLEN', 'ringcast:events')
  await until(async () => (await size()) === 950, 'the replica')
  // From now on it hears nothing.
  link.forward = false
  link.backward = false
  link.open = false
  link.cut()
  return { master, replica, proxies, nodes, ids }
}

/** Lets the nodes find the replica in the place of the master. */
async function promote(replica: RedisServer, proxies: readonly TcpProxy[]): Promise<void> {
  await replica.command('REPLICAOF', 'NO', 'ONE')
  for (const proxy of proxies) proxy.target = replica.port
  for (const proxy of proxies) proxy.cut()
}

t.test('a replica promoted behind its master, and nothing written since', async (t) => {
  const { replica, proxies, nodes, ids } = await behindReplica(t)
  const [a, b] = nodes as [RunningApp, RunningApp]
  const live = await openStream(t, a.port, '/events?topic=n', { lastEventId: ids[939]! })
  await pushNumbers(a, 951, 1000)
  await live.received(60)
  const idle = await openStream(t, b.port, '/events?topic=other', { lastEventId: ids[949]! })
  const lost = idsOf(live).at(-1)!
  await promote(replica, proxies)
  await live.told('gap')
  await Promise.all(nodes.map(ready))
  await pushNumbers(b, 2001, 2010)
  await live.received(70)
  t.strictSame(dataOf(live), [...numbers(941, 1000), ...numbers(2001, 2010)])
  t.match(gapsOf(live), [{ reason: 'epoch', after: lost }])
  t.equal(new Set(idsOf(live)).size, 70, 'no id twice')
  t.not(idsOf(live)[60]!.split('-')[0], lost.split('-')[0], 'a new epoch')
  t.strictSame(gapsOf(idle), [], 'who had nothing of what is lost is told nothing')
  for (const { port } of nodes) {
    const sure = await openStream(t, port, '/events?topic=n', { lastEventId: ids[944]! })
    await sure.received(15)
    t.strictSame(dataOf(sure), [...numbers(946, 950), ...numbers(2001, 2010)])
    t.strictSame(gapsOf(sure), [])
    const beyond = await openStream(t, port, '/events?topic=n', { lastEventId: lost })
    await beyond.received(10)
    t.strictSame(dataOf(beyond), numbers(2001, 2010))
    t.match(gapsOf(beyond), [{ reason: 'epoch', after: lost }])
  }
})

t.test('a replica promoted behind its master, and written to by who knew no better', async (t) => {
  const { replica, proxies, nodes, ids } = await behindReplica(t)
  const [a, b, c] = nodes as [RunningApp, RunningApp, RunningApp]
  // Node c hears nothing of the last fifty.
  proxies[2]!.backward = false
  await pushNumbers(a, 951, 1000)
  const live = await openStream(t, a.port, '/events?topic=n', { lastEventId: ids[939]! })
  const rare = await openStream(t, a.port, '/events?topic=rare')
  await live.received(60)
  const lost = idsOf(live).at(-1)!
  await replica.command('REPLICAOF', 'NO', 'ONE')
  proxies[0]!.open = false
  proxies[1]!.open = false
  proxies[0]!.cut()
  proxies[1]!.cut()
  proxies[2]!.target = replica.port
  proxies[2]!.backward = true
  proxies[2]!.cut()
  await unready(a)
  await ready(c)
  const onC = await openStream(t, c.port, '/events?topic=n', { lastEventId: ids[948]! })
  const newIds = await pushNumbers(c, 3001, 3060)
  await onC.received(61)
  t.strictSame(dataOf(onC), ['950', ...numbers(3001, 3060)])
  t.equal(newIds[49], lost, 'the same id was given to another event')
  for (const proxy of proxies.slice(0, 2)) {
    proxy.target = replica.port
    proxy.open = true
  }
  await live.told('gap')
  await Promise.all(nodes.map(ready))
  await pushNumbers(b, 4001, 4010)
  await live.received(70)
  t.strictSame(dataOf(live), [...numbers(941, 1000), ...numbers(4001, 4010)])
  t.equal(new Set(idsOf(live)).size, 70, 'no id twice')
  t.match(gapsOf(live), [{ reason: 'epoch', after: lost }])
  await onC.received(71)
  t.strictSame(dataOf(onC).slice(61), numbers(4001, 4010))
  t.strictSame(gapsOf(onC), [], 'what it was sent is what the log has')
  await push(c.url, { topic: 'rare', data: 'r' })
  await rare.received(1)
  for (const { port } of nodes) {
    const sure = await openStream(t, port, '/events?topic=n', { lastEventId: ids[944]! })
    await sure.received(75)
    t.strictSame(dataOf(sure), [
      ...numbers(946, 950),
      ...numbers(3001, 3060),
      ...numbers(4001, 4010),
    ])
    t.strictSame(gapsOf(sure), [])
    const unsure = await openStream(t, port, '/events?topic=n', { lastEventId: lost })
    await unsure.received(10)
    t.strictSame(dataOf(unsure), numbers(4001, 4010))
    t.match(gapsOf(unsure), [{ reason: 'epoch', after: lost }])
  }
})

t.test(
  'Redis and nodes are killed under load: nothing acknowledged is missing, nothing comes twice',
  async (t) => {
    const redis = await startRedis(t, { durable: true })
    const kept = await node(t, redis.url)
    const acknowledged = new Map<number, string>()
    const refusedForGood = new Set<number>()
    let next = 0
    let stopped = false
    const urls = [kept.url]
    const publish = async (): Promise<void> => {
      while (!stopped) {
        const data = next++
        const body = JSON.stringify({ topic: 'n', data })
        for (const url of [urls[data % urls.length]!]) {
          const answer = await ask(`${url}/api/push`, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body,
          }).catch(() => undefined)
          if (answer?.status === 202) acknowledged.set(data, String(answer.json!['id']))
          else if (answer?.json?.['code'] === 'RINGCAST_LOG_UNAVAILABLE') refusedForGood.add(data)
        }
      }
    }
    const reader = await openStream(t, kept.port, '/events?topic=n')
    const publishers = Array.from({ length: 8 }, publish)
    for (let round = 0; round < 6; round++) {
      const other = await startServer(t, '--store', redis.url)
      urls.splice(1, 1, other.url)
      let before = acknowledged.size
      await until(() => acknowledged.size > before + 100, 'some pushes', 20_000)
      if (round % 2 === 0) {
        await redis.kill()
        await unready(kept)
        await redis.start()
      }
      before = acknowledged.size
      await until(() => acknowledged.size > before + 100, 'some more pushes', 20_000)
      const exit = once(other.process, 'exit')
      other.process.kill('SIGKILL')
      await exit
      urls.splice(1, 1)
    }
    stopped = true
    await Promise.all(publishers)
    const last = Math.max(...[...acknowledged.values()].map(sequenceOf))
    await until(() => sequenceOf(reader.lastId!) >= last, 'the last event')
    const idOf = new Map(reader.events.map(({ id, data }) => [Number(data), id!]))
    t.equal(idOf.size, reader.events.length, 'none came twice')
    t.strictSame(
      [...acknowledged].filter(([n, id]) => idOf.get(n) !== id),
      [],
      'all that was acknowledged came, with its id',
    )
    t.strictSame(
      [...refusedForGood].filter((n) => idOf.has(n)),
      [],
      'nothing that was refused came',
    )
    t.strictSame(gapsOf(reader), [])
    const sequences = idsOf(reader).map(sequenceOf)
    t.strictSame(
      sequences,
      [...sequences].sort((x, y) => x - y),
    )
    t.comment(`${acknowledged.size} acknowledged, ${refusedForGood.size} refused`)
  },
)

function sequenceOf(id: string): number {
  return Number.parseInt(id.split('-')[1]!, 36)
}
