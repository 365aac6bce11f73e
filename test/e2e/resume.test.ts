import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { openStream, type RawStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

const dataOf = (stream: RawStream): number[] => stream.events.map(({ data }) => Number(data))
const count = (from: number, length: number): number[] => Array.from({ length }, (_, i) => from + i)
const events = (from: number, length: number, rest: object = {}): object[] =>
  count(from, length).map((data) => ({ ...rest, data }))
const sequenceOf = (id: string): number => Number.parseInt(id.split('-')[1]!, 36)
const gapsOf = (stream: RawStream): unknown[] => stream.control.filter(({ type }) => type === 'gap')

t.test('a client that is cut again and again gets each event once, in order', async (t) => {
  for (const by of ['header', 'query'] as const) {
    const app = await startApp(t)
    const got: number[] = []
    let lastId: string | undefined
    let next = 0
    for (let round = 0; round < 20; round++) {
      const stream = await openStream(
        t,
        app.port,
        `/events${by === 'query' && lastId !== undefined ? `?lastEventId=${lastId}` : ''}`,
        { lastEventId: by === 'header' ? lastId : undefined },
      )
      await push(app.url, events(next, 7))
      next += 7
      // In every fourth round it is cut before it got any event: the open event's id will do.
      if (round % 4 !== 3) await until(() => dataOf(stream).at(-1) === next - 1, 'the newest')
      stream.cut()
      got.push(...dataOf(stream))
      lastId = stream.lastId
      t.match(stream.control, [{ type: 'open' }])
      await push(app.url, events(next, 3))
      next += 3
    }
    const last = await openStream(t, app.port, '/events', { lastEventId: lastId })
    await until(() => dataOf(last).at(-1) === next - 1, 'the newest')
    t.same([...got, ...dataOf(last)], count(0, next), `by ${by}`)
  }
})

t.test('a client that stopped reading and was cut comes back to what it missed', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events')
  await push(app.url, events(0, 5))
  await stream.received(5)
  stream.socket.pause()
  const padding = ' '.repeat(60_000)
  for (let i = 0; i < 10; i++) {
    await push(
      app.url,
      count(5 + i * 20, 20).map((n) => ({ data: `${n}${padding}` })),
    )
  }
  await until(() => [...app.hub.streams.values()][0]!.state === 'parked', 'a full connection')
  stream.cut()
  const back = await openStream(t, app.port, '/events', { lastEventId: stream.lastId })
  await back.received(200)
  t.same(dataOf(back), count(5, 200))
  t.same(gapsOf(back), [])
})

t.test('a client that stopped reading goes on where it was', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events')
  stream.socket.pause()
  const padding = ' '.repeat(60_000)
  for (let i = 0; i < 10; i++) {
    await push(
      app.url,
      count(i * 20, 20).map((n) => ({ data: `${n}${padding}` })),
    )
  }
  await until(() => [...app.hub.streams.values()][0]!.state === 'parked', 'a full connection')
  stream.socket.resume()
  await stream.received(200)
  t.same(dataOf(stream), count(0, 200))
  t.match(stream.control, [{ type: 'open' }])
})

t.test('an id that is none of ours is told as unknown; only live events follow', async (t) => {
  const app = await startApp(t)
  const ids = await push(app.url, events(0, 3))
  const epoch = ids[0]!.split('-')[0]!
  const unknown = [
    'nonsense',
    '0',
    `${epoch}-`,
    `${epoch}-0x`,
    `${epoch}-01`,
    `${epoch}-A`,
    `${epoch}-1-2`,
    '☃-1',
    `${'x'.repeat(33)}-1`,
  ]
  for (const id of unknown) {
    const path = `/events?lastEventId=${encodeURIComponent(id)}`
    const stream = await openStream(t, app.port, path)
    t.match(
      stream.control,
      [
        { type: 'open', id: undefined },
        { type: 'gap', reason: 'unknown', after: id, id: ids[2] },
      ],
      id,
    )
    t.notMatch(stream.body(), `id: ${id}\n`, 'it is never echoed as an id')
  }
  const stream = await openStream(t, app.port, '/events', { lastEventId: 'é'.repeat(4000) })
  t.match(gapsOf(stream), [{ reason: 'unknown' }])
  t.ok(stream.body().length < 1000, 'no more of it than a client needs')
  await push(app.url, { data: 3 })
  await stream.received(1)
  t.same(dataOf(stream), [3])
})

t.test('an id of another life is told as epoch; all that is retained follows', async (t) => {
  const before = await startApp(t)
  const [old] = await push(before.url, { data: 'of the life before' })
  const app = await startApp(t)
  const ids = await push(app.url, events(0, 3))
  const stream = await openStream(t, app.port, '/events', { lastEventId: old! })
  await stream.received(3)
  t.same(dataOf(stream), [0, 1, 2])
  const place = `${ids[0]!.split('-')[0]!}-0`
  t.match(stream.control, [
    { type: 'open', id: undefined },
    { type: 'gap', reason: 'epoch', after: old!, id: place },
  ])

  const beyond = ids[2]!.replace(/.$/, 'z')
  const ahead = await openStream(t, app.port, '/events', { lastEventId: beyond })
  t.match(gapsOf(ahead), [{ reason: 'epoch', after: beyond, id: ids[2] }])
  await push(app.url, { data: 3 })
  await ahead.received(1)
  t.same(dataOf(ahead), [3])
})

t.test('an id whose next events are gone is told as evicted; the rest follows', async (t) => {
  const app = await startApp(t, { ringEvents: 16 })
  const ids = await push(app.url, events(0, 16))
  ids.push(...(await push(app.url, events(16, 10))))
  const gone = await openStream(t, app.port, '/events', { lastEventId: ids[8]! })
  await gone.received(16)
  t.match(gone.control, [
    { type: 'open', id: undefined },
    { type: 'gap', reason: 'evicted', after: ids[8], id: ids[9] },
  ])
  t.same(dataOf(gone), count(10, 16))

  const edge = await openStream(t, app.port, '/events', { lastEventId: ids[9]! })
  await edge.received(16)
  t.match(edge.control, [{ type: 'open', id: ids[9] }])
  t.same(dataOf(edge), count(10, 16), 'the last id after which nothing is gone')
  const other = await openStream(t, app.port, '/events?topic=other', { lastEventId: ids[0]! })
  t.match(other.control, [{ type: 'open', id: ids[0] }], 'not told where nothing concerned it')
})

t.test('a reader too slow for the ring is told that it lagged, where the hole is', async (t) => {
  const app = await startApp(t, { ringEvents: 64 })
  const stream = await openStream(t, app.port, '/events')
  await push(app.url, { data: 0 })
  await stream.received(1)
  stream.socket.pause()
  const padding = ' '.repeat(60_000)
  const rounds = 50
  for (let i = 0; i < rounds; i++) {
    await push(
      app.url,
      count(1 + i * 8, 8).map((n) => ({ data: `${n}${padding}` })),
    )
  }
  stream.socket.resume()
  await until(() => dataOf(stream).at(-1) === rounds * 8, 'the newest')
  const got = dataOf(stream)
  const hole = got.findIndex((n, i) => n !== i)
  t.ok(hole > 0)
  t.same(got.slice(0, hole), count(0, hole), 'all before the hole')
  t.same(got.slice(hole), count(rounds * 8 - 63, 64), 'all that is retained after it')
  const place = stream.body().indexOf('"type":"gap"')
  t.ok(place > stream.body().indexOf(`data: ${hole - 1} `))
  t.ok(place < stream.body().indexOf(`data: ${got[hole]!} `))
  t.match(gapsOf(stream), [{ reason: 'lagged', after: stream.events[hole - 1]!.id }])
})

t.test('a quiet client misses nothing and is told no gap, here or away', async (t) => {
  const app = await startApp(t, { heartbeatMs: 200 })
  const paths = ['/events?topic=rare/1', '/events?topic=rare/**', '/events?topic=none&user=ann']
  const rare = (n: number): object[] => [
    { topic: 'rare/1', data: n },
    { user: 'ann', data: n },
  ]
  const open = (ids: readonly (string | undefined)[]) =>
    Promise.all(paths.map((path, i) => openStream(t, app.port, path, { lastEventId: ids[i] })))
  const here = await open([])
  const away = await open([])
  await push(app.url, rare(1))
  for (const stream of [...here, ...away]) await stream.received(1)
  for (const stream of away) stream.cut()

  const others = 200_000
  for (let pushed = 0; pushed < others; pushed += 1000) {
    await push(
      app.url,
      count(pushed, 1000).map((n) => ({ topic: `other/${n % 500}`, data: n })),
    )
  }
  const quarter = 65_536 / 4
  await until(
    () => here.every(({ lastId }) => sequenceOf(lastId!) >= others - quarter),
    'a cursor within a quarter of the ring',
  )
  await push(app.url, rare(2))
  for (const stream of here) {
    await stream.received(2)
    t.ok(stream.control.some(({ type }) => type === 'cursor'))
    t.same(gapsOf(stream), [])
    stream.cut()
  }
  await push(app.url, rare(3))

  const hereAgain = await open(here.map(({ lastId }) => lastId))
  for (const stream of hereAgain) {
    await stream.received(1)
    t.same(dataOf(stream), [3])
    t.same(gapsOf(stream), [])
  }
  const awayAgain = await open(away.map(({ lastId }) => lastId))
  for (const stream of awayAgain) {
    await stream.received(2)
    t.same(dataOf(stream), [2, 3], 'its own, after 200,000 others')
    t.same(gapsOf(stream), [])
  }
})

t.test('a cursor keeps the place of a quiet client from ageing away', async (t) => {
  const app = await startApp(t, { heartbeatMs: 100, ringEvents: 16 })
  const stream = await openStream(t, app.port, '/events?topic=rare')
  const first = stream.lastId
  for (let i = 0; i < 40; i++) await push(app.url, { topic: 'other', data: i })
  const cursor = await stream.told('cursor')
  t.not(cursor['id'], first)
  t.match(stream.body(), /\nid: \S+\nevent: ringcast\ndata: \{"type":"cursor"\}\n\n/)
  const quarter = 16 / 4
  await until(() => sequenceOf(stream.lastId!) >= 40 - quarter, 'a place near the head')
})
