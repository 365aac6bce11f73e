import type { Test } from 'tap'
import { push } from '../../helpers/app.js'
import { until } from '../../helpers/until.js'
import type { Received, Wants, Way } from '../../helpers/ways.js'
import { count, dataOf, events, gapsOf, parked, pushPadded, sequenceOf } from './counted.js'

/** That nothing is missing, and nothing comes twice, where a client comes back. */
export function resumeTests(t: Test, { subscribe, startApp }: Way): void {
  t.test('an id is resumed from, and told to be where the stream goes on from', async (t) => {
    const app = await startApp(t)
    const ids = await push(app.url, events(0, 3))
    for (const [i, lastEventId] of ids.entries()) {
      const stream = await subscribe(t, app.port, { lastEventId })
      t.match(stream.control, [{ type: 'open', id: lastEventId }])
      await stream.received(2 - i)
      t.same(dataOf(stream), count(i + 1, 2 - i))
      stream.cut()
    }
  })

  t.test('earliest is all that is retained', async (t) => {
    const app = await startApp(t)
    await push(app.url, events(0, 50))
    const stream = await subscribe(t, app.port, { lastEventId: 'earliest' })
    await stream.received(50)
    t.same(dataOf(stream), count(0, 50))
    t.match(stream.control, [{ type: 'open' }], 'no gap: nothing is gone')
  })

  t.test('last is the newest so many that match', async (t) => {
    const app = await startApp(t)
    const ids = await push(app.url, [
      { topic: 'a', data: 1 },
      { topic: 'a', data: 2 },
      { topic: 'b', data: 0 },
      { topic: 'a', data: 3 },
      { topic: 'b', data: 0 },
    ])
    let live = 3
    const got = async (wants: Wants): Promise<unknown> => {
      const stream = await subscribe(t, app.port, wants)
      await push(app.url, { topic: 'a', data: ++live })
      await until(() => dataOf(stream).at(-1) === live, 'the newest')
      stream.cut()
      return { id: stream.control[0]!.id, data: dataOf(stream) }
    }
    const topics = ['a']
    t.same(await got({ topics, last: 2 }), { id: ids[0], data: [2, 3, 4] }, 'the place before')
    t.match(await got({ topics, last: 0 }), { data: [5] })
    t.match(await got({ topics: ['a/**', '*'], last: 4 }), { data: [3, 0, 4, 5, 6] }, 'patterns')
    t.match(await got({ topics, last: 1, lastEventId: ids[1] }), { id: ids[1] }, 'the id wins')
  })

  t.test('last is as many as a thousand', async (t) => {
    const app = await startApp(t)
    await push(app.url, events(0, 1000))
    await push(app.url, events(1000, 1000))
    const stream = await subscribe(t, app.port, { last: 1000 })
    await push(app.url, { data: 2000 })
    await stream.received(1001)
    t.same(dataOf(stream), count(1000, 1001))
  })

  t.test('a client that is cut again and again gets each event once, in order', async (t) => {
    const app = await startApp(t)
    const got: unknown[] = []
    let lastEventId: string | undefined
    let next = 0
    for (let round = 0; round < 20; round++) {
      const stream = await subscribe(t, app.port, { lastEventId })
      await push(app.url, events(next, 7))
      next += 7
      // In every fourth round it is cut before it got any event: the id of its opening will do.
      if (round % 4 !== 3) await until(() => dataOf(stream).at(-1) === next - 1, 'the newest')
      stream.cut()
      got.push(...dataOf(stream))
      lastEventId = stream.lastId
      t.match(stream.control, [{ type: 'open' }])
      await push(app.url, events(next, 3))
      next += 3
    }
    const last = await subscribe(t, app.port, { lastEventId })
    await until(() => dataOf(last).at(-1) === next - 1, 'the newest')
    t.same([...got, ...dataOf(last)], count(0, next))
  })

  t.test('one that is cut in the middle of a burst gets the rest of it', async (t) => {
    const app = await startApp(t)
    const all = 3000
    let stream = await subscribe(t, app.port, { topics: ['burst/**'] })
    const publish = async (publisher: number): Promise<void> => {
      for (let n = 0; n < all / 3; n += 10) {
        await push(app.url, events(n, 10, { topic: `burst/${publisher}` }))
      }
    }
    const pushed = Promise.all([0, 1, 2].map(publish))
    const got: Received[] = []
    for (let cuts = 0; cuts < 10; cuts++) {
      await until(() => stream.events.length > 0, 'some of it')
      stream.cut()
      got.push(...stream.events)
      const lastEventId = stream.lastId
      stream = await subscribe(t, app.port, { topics: ['burst/**'], lastEventId })
      t.match(stream.control, [{ type: 'open', id: lastEventId }])
      if (got.length === all) break
    }
    await stream.received(all - got.length)
    await pushed
    got.push(...stream.events)
    const places = got.map(({ id }) => sequenceOf(id!))
    t.same(places, count(places[0]!, all))
  })

  t.test('a client that stopped reading and was cut comes back to what it missed', async (t) => {
    const app = await startApp(t)
    const stream = await subscribe(t, app.port)
    await push(app.url, events(0, 5))
    await stream.received(5)
    stream.pause()
    await pushPadded(app.url, 5, 200)
    await parked(app)
    stream.cut()
    const back = await subscribe(t, app.port, { lastEventId: stream.lastId })
    await back.received(200)
    t.same(dataOf(back), count(5, 200))
    t.same(gapsOf(back), [])
  })

  t.test('a quiet client misses nothing and is told no gap, here or away', async (t) => {
    const ringEvents = 4096
    const app = await startApp(t, { heartbeatMs: 200, ringEvents })
    const quiet = [
      { topics: ['rare/1'] },
      { topics: ['rare/**'] },
      { topics: ['none'], user: 'ann' },
    ]
    const rare = (n: number): object[] => [
      { topic: 'rare/1', data: n },
      { user: 'ann', data: n },
    ]
    const open = (ids: readonly (string | undefined)[]) =>
      Promise.all(
        quiet.map((wants, i) => subscribe(t, app.port, { ...wants, lastEventId: ids[i] })),
      )
    const here = await open([])
    const away = await open([])
    await push(app.url, rare(1))
    for (const stream of [...here, ...away]) await stream.received(1)
    for (const stream of away) stream.cut()

    const others = 4 * ringEvents
    for (let pushed = 0; pushed < others; pushed += 1024) {
      await push(
        app.url,
        count(pushed, 1000).map((n) => ({ topic: `other/${n % 500}`, data: n })),
      )
      await push(app.url, events(pushed + 1000, 24, { topic: 'other' }))
    }
    await until(
      () => here.every(({ lastId }) => sequenceOf(lastId!) >= others - ringEvents / 4),
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
      t.same(dataOf(stream), [2, 3], 'its own, after all the others')
      t.same(gapsOf(stream), [])
    }
  })

  t.test('a cursor keeps the place of a quiet client from ageing away', async (t) => {
    const app = await startApp(t, { heartbeatMs: 100, ringEvents: 16 })
    const stream = await subscribe(t, app.port, { topics: ['rare'] })
    const first = stream.lastId
    for (let n = 0; n < 40; n++) await push(app.url, { topic: 'other', data: n })
    const cursor = await stream.told('cursor')
    t.not(cursor.id, undefined)
    t.not(cursor.id, first)
    await until(() => sequenceOf(stream.lastId!) >= 40 - 16 / 4, 'a place near the head')
  })
}
