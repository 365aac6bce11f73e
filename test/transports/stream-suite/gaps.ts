import type { Test } from 'tap'
import { push } from '../../helpers/app.js'
import { until } from '../../helpers/until.js'
import type { Way } from '../../helpers/ways.js'
import { count, dataOf, events, gapsOf, pushPadded } from './counted.js'

/** That every hole is told, for what it is, in its place. */
export function gapTests(t: Test, { subscribe, startApp }: Way): void {
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
      `${'x'.repeat(33)}-1`,
    ]
    for (const id of unknown) {
      const stream = await subscribe(t, app.port, { lastEventId: id })
      await stream.told('gap')
      t.match(
        stream.control,
        [
          { type: 'open', id: undefined },
          { type: 'gap', reason: 'unknown', after: id, id: ids[2] },
        ],
        'it is never echoed as an id',
      )
      stream.cut()
    }
    const stream = await subscribe(t, app.port, { lastEventId: 'x'.repeat(4000) })
    const gap = await stream.told('gap')
    t.equal(gap['reason'], 'unknown')
    t.ok(JSON.stringify(gap).length < 1000, 'no more of it than a client needs')
    await push(app.url, { data: 3 })
    await stream.received(1)
    t.same(dataOf(stream), [3])
  })

  t.test('an id of another life is told as epoch; all that is retained follows', async (t) => {
    const before = await startApp(t)
    const [old] = await push(before.url, { data: 0 })
    const app = await startApp(t)
    const ids = await push(app.url, events(0, 3))
    const stream = await subscribe(t, app.port, { lastEventId: old })
    await stream.received(3)
    t.same(dataOf(stream), [0, 1, 2])
    t.match(stream.control, [
      { type: 'open', id: undefined },
      { type: 'gap', reason: 'epoch', after: old, id: `${ids[0]!.split('-')[0]!}-0` },
    ])

    const beyond = ids[2]!.replace(/.$/, 'z')
    const ahead = await subscribe(t, app.port, { lastEventId: beyond })
    await ahead.told('gap')
    t.match(gapsOf(ahead), [{ reason: 'epoch', after: beyond, id: ids[2] }])
    await push(app.url, { data: 3 })
    await ahead.received(1)
    t.same(dataOf(ahead), [3])
  })

  t.test('an id whose next events are gone is told as evicted; the rest follows', async (t) => {
    const app = await startApp(t, { ringEvents: 16 })
    const ids = await push(app.url, events(0, 16))
    ids.push(...(await push(app.url, events(16, 10))))
    const gone = await subscribe(t, app.port, { lastEventId: ids[8] })
    await gone.received(16)
    t.match(gone.control, [
      { type: 'open', id: undefined },
      { type: 'gap', reason: 'evicted', after: ids[8], id: ids[9], behind: 0 },
    ])
    t.same(dataOf(gone), count(10, 16))

    const edge = await subscribe(t, app.port, { lastEventId: ids[9] })
    await edge.received(16)
    t.match(edge.control, [{ type: 'open', id: ids[9] }])
    t.same(dataOf(edge), count(10, 16), 'the last id after which nothing is gone')

    const other = await subscribe(t, app.port, { topics: ['other'], lastEventId: ids[0] })
    await push(app.url, { topic: 'other', data: 0 })
    await other.received(1)
    t.match(other.control, [{ type: 'open', id: ids[0] }], 'not told where nothing concerned it')
  })

  t.test('a reader too slow for the ring is told that it lagged, where the hole is', async (t) => {
    const ringEvents = 64
    const app = await startApp(t, { ringEvents })
    const stream = await subscribe(t, app.port)
    await push(app.url, { data: 0 })
    await stream.received(1)
    stream.pause()
    const all = 400
    await pushPadded(app.url, 1, all)
    stream.resume()
    await until(() => dataOf(stream).at(-1) === all, 'the newest')
    const got = dataOf(stream)
    const hole = got.findIndex((n, i) => n !== i)
    t.ok(hole > 0)
    t.same(got.slice(0, hole), count(0, hole), 'all before the hole')
    t.same(got.slice(hole), count(all - ringEvents + 1, ringEvents), 'all that is retained after')
    const after = stream.events[hole - 1]!.id
    t.match(gapsOf(stream), [{ reason: 'lagged', after, behind: hole }])
  })
}
