import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { push } from '../helpers/app.js'
import { ask, type Answer } from '../helpers/ask.js'
import { startRedis } from '../helpers/redis-server.js'
import { runCommand, startServer, type ServerProcess } from '../helpers/server-process.js'
import { openStream, type RawStream } from '../helpers/sse-client.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'
import { openWebSocket, type WebSocketClient } from '../helpers/web-socket-client.js'

const workers = 3

function startWorkers(t: Test, directory: string, ...flags: string[]): Promise<ServerProcess> {
  const store = ['--store', `file:${directory}`]
  return startServer(t, '--workers', String(workers), ...store, ...flags)
}

/** The worker that holds a stream: `<node>-<worker>.<n>`. */
const workerOf = ({ control }: RawStream): string =>
  /-(\d+)\./.exec(control[0]!['stream'] as string)![1]!

/** Opens streams until each of the workers has one; the kernel decides who gets which. */
async function openOnAll(t: Test, server: ServerProcess, path: string): Promise<RawStream[]> {
  const streams: RawStream[] = []
  await until(async () => {
    const more = Array.from({ length: 4 }, () => openStream(t, server.port, path))
    streams.push(...(await Promise.all(more)))
    return new Set(streams.map(workerOf)).size === workers
  }, 'a stream on each worker')
  return streams
}

interface Stats {
  readonly node: string
  readonly streams: number
  readonly opened: number
  readonly accepted: number
  readonly workers: { worker: number; pid: number; streams: number }[]
}

const statsOf = async (server: ServerProcess, headers = {}): Promise<Stats> =>
  (await ask(`${server.url}/api/stats`, { headers })).json as unknown as Stats

const isAlive = (pid: number): boolean => {
  try {
    return process.kill(pid, 0)
  } catch {
    return false
  }
}

const sequenceOf = (id: string): number => Number.parseInt(id.split('-')[1]!, 36)

t.test('the workers are one service', async (t) => {
  const server = await startWorkers(t, join(t.testdir(), 'log'))
  const streams = await openOnAll(t, server, '/events?topic=a&user=ann')
  const count = streams.length

  t.test('what is pushed at one reaches the streams of all, in one order', async (t) => {
    const all = 120
    await Promise.all(
      Array.from({ length: all }, (_, n) => push(server.url, { topic: 'a', data: n })),
    )
    for (const stream of streams) await stream.received(all)
    const ids = streams[0]!.events.map(({ id }) => id!)
    t.same(
      ids,
      [...ids].sort((a, b) => sequenceOf(a) - sequenceOf(b)),
    )
    for (const { events } of streams) {
      t.same(
        events.map(({ id }) => id),
        ids,
      )
    }
  })

  t.test('whichever is asked answers for all', async (t) => {
    // Each request is a connection of its own, and so perhaps another worker's.
    for (let n = 0; n < 6; n++) {
      const stats = await statsOf(server)
      t.equal(stats.streams, count)
      t.equal(stats.accepted, 120)
      t.equal(stats.workers.length, workers)
      t.equal(
        stats.workers.reduce((sum, each) => sum + each.streams, 0),
        count,
      )
      const topics = await ask(`${server.url}/api/topics`)
      t.match(topics.json, { topics: [{ topic: 'a', streams: count }], total: 1 })
      const { text, headers } = await ask(`${server.url}/metrics`)
      t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/)
      t.match(text, `ringcast_streams{transport="sse"} ${count}\n`)
      t.match(text, 'ringcast_events_accepted_total 120\n')
      t.match(text, /\nringcast_build_info\{version="[^"]+"\} 1\n/)
      t.match(text, '\nringcast_log_reachable 1\n')
    }
    const seen: string[] = []
    for (let after = '' as string | null; after !== null;) {
      const query: string = `limit=2&sort=since${after === '' ? '' : `&after=${after}`}`
      const { json } = await ask(`${server.url}/api/streams?${query}`)
      const page = json as { streams: { id: string; node: string }[]; total: number; after: string }
      t.equal(page.total, count)
      seen.push(...page.streams.map(({ id }) => id))
      for (const { id, node } of page.streams) t.equal(node, id.split('-')[0])
      after = page.after
    }
    t.same(seen.sort(), streams.map(({ control }) => control[0]!['stream'] as string).sort())
    t.match(await ask(`${server.url}/api/streams?after=nonsense`), { status: 400 })
    const [id] = await push(server.url, { topic: 'a', data: 'traced' })
    await until(() => streams.every(({ lastId }) => lastId === id), 'it at each stream')
    for (let n = 0; n < 4; n++) {
      const { json } = await ask(`${server.url}/api/trace?event=${id!}&limit=2`)
      t.match(json, { event: { id, topics: ['a'] }, total: count, ended: [] })
      t.match(json!['streams'], [{ outcome: 'written' }, { outcome: 'written' }])
      const sum = `It concerns ${count} of ${count} open streams: ${count} written.`
      t.match(json!['summary'], sum)
    }
  })

  t.test('a stream is ended wherever it is, and a user’s streams everywhere', async (t) => {
    for (const stream of streams.slice(0, 4)) {
      const id = stream.control[0]!['stream'] as string
      const answer = await ask(`${server.url}/api/streams/${id}`, { method: 'DELETE' })
      t.equal(answer.status, 204)
      await stream.told('bye')
    }
    const unknown = await ask(`${server.url}/api/streams/none.1`, { method: 'DELETE' })
    t.match(unknown, { status: 404, json: { code: 'RINGCAST_STREAM_NOT_FOUND' } })
    await until(async () => (await statsOf(server)).streams === count - 4, 'their end')
    const path = `${server.url}/api/users/ann/streams`
    t.match(await ask(path, { method: 'DELETE' }), { json: { ended: count - 4 } })
    for (const stream of streams) t.match(await stream.told('bye'), { reason: 'revoked' })
  })

  t.test('on SIGTERM all drain, and it exits with 0', async (t) => {
    const last = await openOnAll(t, server, '/events')
    const exit = once(server.process, 'exit')
    server.process.kill('SIGTERM')
    for (const stream of last) {
      t.match(await stream.told('bye'), { reason: 'shutdown', reconnect: true })
    }
    t.same(await exit, [0, null])
    t.equal(server.log().match(/listening on/g)!.length, 1)
    t.match(server.log(), /"worker":2/)
  })
})

t.test(
  'a worker that is killed under load is replaced, and no stream misses anything',
  async (t) => {
    const server = await startWorkers(t, join(t.testdir(), 'log'))
    const got = new Map<number, string[]>()
    let isOver = false
    const clients = Array.from({ length: 12 }, async (_, n) => {
      const ids: string[] = []
      got.set(n, ids)
      let lastEventId: string | undefined
      while (!isOver) {
        const stream = await openStream(t, server.port, '/events', { lastEventId })
        await until(() => stream.closed || isOver, 'the end of a stream', 60_000)
        ids.push(...stream.events.map(({ id }) => id!))
        t.notOk(stream.control.some(({ type }) => type === 'gap'))
        lastEventId = stream.lastId ?? lastEventId
        stream.cut()
      }
    })
    await until(async () => (await statsOf(server)).streams === 12, 'all streams')
    const acknowledged: string[] = []
    let next = 0
    const publishers = Array.from({ length: 4 }, async () => {
      while (next < 4000) {
        const data = next++
        // A worker that dies takes a push with it now and then; its key makes it safe to repeat.
        for (let done = false; !done;) {
          done = await push(server.url, { data, key: `k${data}` }).then(
            ([id]) => acknowledged.push(id!) > 0,
            () => false,
          )
        }
      }
    })
    for (const killAt of [1000, 2500]) {
      await until(() => next > killAt, 'some pushes', 30_000)
      const { workers: all } = await statsOf(server)
      const victim = [...all].sort((a, b) => b.streams - a.streams)[0]!
      process.kill(victim.pid, 'SIGKILL')
      await until(async () => {
        const now = await statsOf(server).catch(() => undefined)
        return now?.workers.length === workers && now.workers.every(({ pid }) => pid !== victim.pid)
      }, 'the one that replaces it')
    }
    await Promise.all(publishers)
    const [lastId] = await push(server.url, { data: 'last' })
    const tail = await openStream(t, server.port, '/events?lastEventId=earliest')
    await until(() => tail.lastId === lastId, 'all of the log')
    const log = tail.events.map(({ id }) => id!)
    const streamsAt = async (id: string): Promise<boolean> => {
      const { json } = await ask(`${server.url}/api/streams`)
      const { streams } = json as { streams: { cursor: string }[] }
      return streams.length === 13 && streams.every(({ cursor }) => cursor === id)
    }
    await until(() => streamsAt(lastId!), 'the last event at every stream', 20_000)
    isOver = true
    await Promise.all(clients)
    t.equal(new Set(acknowledged).size, 4000, 'each has an id of its own')
    for (const id of acknowledged) if (!log.includes(id)) t.fail(`${id} is gone`)
    for (const ids of got.values()) {
      // What came before a client's first place is not its own.
      t.same(ids, log.slice(log.indexOf(ids[0]!)))
    }
  },
)

t.test('tickets are good at any worker, and limits are those of all together', async (t) => {
  const flags = ['--api-keys', apiKey, '--max-streams', '6', '--pushes-per-second', '5']
  const server = await startWorkers(t, join(t.testdir(), 'log'), ...flags)
  const headers = bearer(apiKey)
  const openWithTicket = async (): Promise<RawStream> => {
    const bought = await ask(`${server.url}/api/tickets`, { method: 'POST', headers })
    const ticket = bought.json!['ticket'] as string
    const stream = await openStream(t, server.port, `/events?ticket=${ticket}`)
    const again = await ask(`${server.url}/events?ticket=${ticket}`)
    t.match(again, { status: 401, json: { code: 'RINGCAST_INVALID_CREDENTIAL' } })
    return stream
  }
  const open: RawStream[] = []
  for (let n = 0; n < 6; n++) open.push(await openWithTicket())
  for (const { control } of open) t.match(control, [{ type: 'open' }])
  t.match((await openWithTicket()).control, [{ type: 'bye', reason: 'limit' }])

  const pushOne = () =>
    ask(`${server.url}/api/push`, {
      method: 'POST',
      headers: { ...headers, 'content-type': 'application/json' },
      body: '{"data":1}',
    })
  const began = performance.now()
  const answers = await Promise.all(Array.from({ length: 30 }, pushOne))
  const most = 5 * (1 + (performance.now() - began) / 1000) + 1
  const accepted = answers.filter(({ status }) => status === 202).length
  t.ok(accepted >= 5 && accepted <= most, `${accepted} of 30 pushes at once`)
  t.equal(answers.filter(({ status }) => status === 429).length, 30 - accepted)

  const holder = (await statsOf(server, headers)).workers.find(({ streams }) => streams > 0)!
  process.kill(holder.pid, 'SIGKILL')
  await until(async () => {
    const stream = await openWithTicket()
    return stream.control[0]!['type'] === 'open'
  }, 'a place of those that the dead worker had')
})

t.test('over WebSocket the workers are one service too', async (t) => {
  const flags = ['--api-keys', apiKey, '--jwt-secret', jwtSecret, '--max-streams-per-user', '5']
  const server = await startWorkers(t, join(t.testdir(), 'log'), ...flags)
  const token = await tokenOf({ sub: 'ada', exp: inSeconds(600), ringcast: { publish: ['**'] } })
  const open = async (): Promise<WebSocketClient> => {
    const client = await openWebSocket(t, server.port)
    client.send(JSON.stringify({ type: 'auth', token }))
    client.send(JSON.stringify({ type: 'subscribe', topics: ['public/a'] }))
    await until(() => client.control.length > 0, 'what it is told first')
    return client
  }
  const clients: WebSocketClient[] = []
  for (let n = 0; n < 5; n++) clients.push(await open())
  for (const { control } of clients) t.match(control, [{ type: 'open' }])
  const tooMany = await open()
  t.match(tooMany.control, [{ type: 'bye', reason: 'limit' }], 'of all workers together')
  t.equal(await tooMany.end(), 4013)

  for (const client of clients) {
    t.match(await client.request({ type: 'push', topic: 'public/a', data: 1 }), { type: 'ok' })
  }
  for (const client of clients) await client.received(5)
  const ids = clients[0]!.events.map(({ id }) => id)
  for (const { events } of clients) {
    t.same(
      events.map(({ id }) => id),
      ids,
      'each got all, in one order',
    )
  }
  const headers = bearer(apiKey)
  const listed = await ask(`${server.url}/api/streams?user=ada`, { headers })
  t.match(listed.json, { total: 5, streams: [{ transport: 'websocket', topics: ['public/a'] }] })
  const gone = await ask(`${server.url}/api/users/ada/streams`, { method: 'DELETE', headers })
  t.match(gone.json, { ended: 5 })
  for (const client of clients) t.equal(await client.end(), 4003)
})

t.test('without its primary no worker goes on, and the log can be opened again', async (t) => {
  const directory = join(t.testdir(), 'log')
  const server = await startWorkers(t, directory, '--drain', '2s')
  const [id] = await push(server.url, { data: 'kept' })
  const streams = await openOnAll(t, server, '/events')
  const pids = (await statsOf(server)).workers.map(({ pid }) => pid)
  server.process.kill('SIGKILL')
  for (const stream of streams) t.match(await stream.told('bye'), { reason: 'shutdown' })
  await until(() => !pids.some(isAlive), 'the end of all workers')
  const again = await startServer(t, '--store', `file:${directory}`)
  const stream = await openStream(t, again.port, '/events?lastEventId=earliest')
  t.equal((await stream.received(1))[0]!.id, id)
})

t.test('a SIGTERM while a worker is being replaced is heard by the new one too', async (t) => {
  const server = await startWorkers(t, join(t.testdir(), 'log'))
  const { pid } = (await statsOf(server)).workers[0]!
  process.kill(pid, 'SIGKILL')
  await until(() => server.log().includes('a worker ended'), 'the end of a worker')
  const exit = once(server.process, 'exit')
  server.process.kill('SIGTERM')
  // Killed as one that does not end in time, it would be 1.
  t.same(await exit, [0, null])
})

t.test('a second signal ends all at once', async (t) => {
  const server = await startWorkers(t, join(t.testdir(), 'log'), '--drain', '1m')
  const stream = await openStream(t, server.port, '/events')
  stream.socket.pause()
  await push(
    server.url,
    Array.from({ length: 100 }, () => ({ data: 'x'.repeat(60_000) })),
  )
  const pids = (await statsOf(server)).workers.map(({ pid }) => pid)
  const exit = once(server.process, 'exit')
  await until(() => {
    server.process.kill('SIGINT')
    return server.process.exitCode !== null
  }, 'the end')
  t.same(await exit, [130, null])
  await until(() => !pids.some(isAlive), 'the end of all workers')
})

t.test('while a worker does not answer there are no metrics without it', async (t) => {
  const server = await startWorkers(t, join(t.testdir(), 'log'))
  const { pid } = (await statsOf(server)).workers[0]!
  // Whoever gets to the stopped one waits for it.
  const scrape = (): Promise<Answer> =>
    Promise.race(Array.from({ length: 8 }, () => ask(`${server.url}/metrics`)))
  process.kill(pid, 'SIGSTOP')
  t.teardown(() => isAlive(pid) && process.kill(pid, 'SIGCONT'))
  t.match(await scrape(), { status: 503, json: { code: 'RINGCAST_WORKER_SILENT' } })
  process.kill(pid, 'SIGCONT')
  await until(async () => (await scrape()).status === 200, 'its metrics')
})

t.test('what keeps the workers from starting is told once', async (t) => {
  const memory = await runCommand(['serve', '--workers', '2'])
  t.equal(memory.code, 2)
  t.match(memory.stderr, /^ringcast: WORKERS \(2\) .*memory:.*file:DIR.*redis:.*\n$/)

  const other = createServer().listen(0, '127.0.0.1')
  await once(other, 'listening')
  t.teardown(() => other.close())
  const { port } = other.address() as AddressInfo
  const directory = join(t.testdir(), 'log')
  const flags = ['--workers', '3', '--store', `file:${directory}`]
  const taken = await runCommand(['serve', ...flags, '--port', String(port)])
  t.equal(taken.code, 1)
  t.match(taken.stderr, /^ringcast: port \d+ of 127\.0\.0\.1 is in use.*\n$/)

  await startWorkers(t, directory)
  const held = await runCommand(['serve', ...flags, '--port', '0'])
  t.equal(held.code, 1)
  t.equal(held.stderr.trim().split('\n').length, 1)
})

t.test('workers on one Redis are nodes of it, and one service too', async (t) => {
  const redis = await startRedis(t)
  const flags = ['--workers', String(workers), '--store', redis.url, '--api-keys', apiKey]
  const server = await startServer(t, ...flags, '--anonymous', 'subscribe')
  const headers = { ...bearer(apiKey), 'content-type': 'application/json' }
  const streams = await openOnAll(t, server, '/events')
  const pushes = Array.from({ length: 60 }, (_, data) =>
    ask(`${server.url}/api/push`, { method: 'POST', headers, body: JSON.stringify({ data }) }),
  )
  for (const { status } of await Promise.all(pushes)) t.equal(status, 202)
  for (const stream of streams) await stream.received(60)
  const ids = streams[0]!.events.map(({ id }) => id)
  for (const { events } of streams) {
    t.same(
      events.map(({ id }) => id),
      ids,
    )
  }

  const listed = await ask(`${server.url}/api/streams?limit=1000`, { headers })
  t.match(listed.json, { total: streams.length })
  t.notHas(listed.json, 'silent')
  const gone = streams.at(-1)!
  const id = gone.control[0]!['stream'] as string
  const deleted = await ask(`${server.url}/api/streams/${id}`, { method: 'DELETE', headers })
  t.equal(deleted.status, 204)
  t.match(await gone.told('bye'), { reason: 'revoked' })

  const killed = (await statsOf(server, headers)).workers[0]!
  const stream = streams.find((each) => workerOf(each) === String(killed.worker))!
  process.kill(killed.pid, 'SIGKILL')
  await until(() => stream.closed, 'the end of its streams')
  await ask(`${server.url}/api/push`, { method: 'POST', headers, body: '{"data":"meanwhile"}' })
  const moved = await openStream(t, server.port, '/events', { lastEventId: stream.lastId })
  t.same((await moved.received(1))[0]!.data, 'meanwhile')
  t.notOk(moved.control.some(({ type }) => type === 'gap'))
})
