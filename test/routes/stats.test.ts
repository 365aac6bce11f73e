import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { openStream } from '../helpers/sse-client.js'
import { apiKey, bearer } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'

t.test('the figures count what was done', async (t) => {
  const app = await startApp(t)
  const stats = async () => (await ask(`${app.url}/api/stats`)).json!
  t.match(await stats(), { draining: false, streams: 0, accepted: 0, ring: { events: 0, fill: 0 } })
  const stream = await openStream(t, app.port, '/events', { lastEventId: 'nonsense' })
  await openStream(t, app.port, '/events?topic=$sys/stats')
  const [id] = await push(app.url, { data: 1, key: 'k' })
  await push(app.url, [
    { data: 1, key: 'k' },
    { topic: 'other', data: 2 },
  ])
  await stream.received(1)
  const open = await stats()
  t.match(open, {
    streams: 1,
    systemStreams: 1,
    opened: 1,
    accepted: 2,
    duplicates: 1,
    deliveries: 1,
    slowestStreamLag: 0,
    gaps: { unknown: 1 },
    ring: { events: 2 },
  })
  t.not(open['head'], id)
  t.ok((open['sentBytes'] as number) > 100)
  t.ok((open['memory'] as number) > 1_000_000)
  stream.cut()
  await until(async () => (await stats())['streams'] === 0, 'the end of the stream')
  t.match(await stats(), { opened: 1, closed: { client: 1 } })
})

t.test('the figures tell what was lately, and which streams and topics to look at', async (t) => {
  const app = await startApp(t)
  const stats = async () => (await ask(`${app.url}/api/stats`)).json!
  const young = await stats()
  t.match(young, {
    version: /^\d+\./,
    configured: false,
    logReachable: true,
    pushToWriteMs: null,
    slowest: [],
    busiest: [],
    lastHour: { gaps: { evicted: 0, epoch: 0, unknown: 0, lagged: 0 }, busy: 0, rateLimited: 0 },
    marks: [{ kind: 'start', at: /Z$/ }],
  })
  t.same(Object.keys(young['lastHour'] as object).sort(), [
    'busy',
    'deadPeers',
    'gaps',
    'limit',
    'rateLimited',
    'stalled',
  ])
  t.ok((young['loopDelayMs'] as number) >= 0)
  const stream = await openStream(t, app.port, '/events?topic=a', { lastEventId: 'nonsense' })
  await push(app.url, [
    { topic: 'a', data: 1 },
    { topic: ['a', 'b'], data: 2 },
  ])
  await stream.received(2)
  const { pushToWriteMs, ...latest } = await stats()
  t.match(latest, {
    slowestStreamLag: 0,
    slowest: [],
    busiest: [
      { topic: 'a', perSecond: 0.2 },
      { topic: 'b', perSecond: 0.1 },
    ],
    lastHour: { gaps: { unknown: 1 } },
    marks: [{ kind: 'start' }, { kind: 'gaps', count: 1 }],
  })
  const { p50, p99 } = pushToWriteMs as { p50: number; p99: number }
  t.ok(p50 >= 0 && p99 >= p50)
})

t.test('the streams that are furthest behind are named, the furthest first', async (t) => {
  const app = await startApp(t)
  const readers = await Promise.all(
    Array.from({ length: 25 }, () => openStream(t, app.port, '/events?topic=a')),
  )
  const quick = await openStream(t, app.port, '/events?topic=a')
  for (const { socket } of readers) socket.pause()
  const large = ' '.repeat(60_000)
  const stats = async () => (await ask(`${app.url}/api/stats`)).json!
  for (let n = 0; app.hub.stats.stalls < 25; n++) {
    await push(app.url, { topic: 'a', data: large })
    await quick.received(n + 1)
  }
  await push(app.url, { topic: 'a', data: 'last' })
  const { slowest, slowestStreamLag } = (await stats()) as {
    slowest: { id: string; lag: number; state: string; topics: string[] }[]
    slowestStreamLag: number
  }
  t.equal(slowest.length, 20)
  t.equal(slowest[0]!.lag, slowestStreamLag)
  t.match(slowest[19], { state: 'parked', topics: ['a'] })
  t.ok(slowest.every(({ lag }, i) => lag > 0 && (i === 0 || lag <= slowest[i - 1]!.lag)))
  t.notOk(slowest.some(({ id }) => id === quick.control[0]!['stream']))
})

t.test('where credentials are configured the figures say so', async (t) => {
  const app = await startApp(t, { apiKeys: [apiKey] })
  t.match(await ask(`${app.url}/api/stats`, { headers: bearer(apiKey) }), {
    json: { configured: true },
  })
})
