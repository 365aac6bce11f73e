import type { Test } from 'tap'
import { push } from '../../helpers/app.js'
import { until } from '../../helpers/until.js'
import type { Way } from '../../helpers/ways.js'
import { count, dataOf, events, gapsOf, parked, pushPadded, rowsOf } from './counted.js'

/** What becomes of a client that reads slowly, or nothing at all, and of those beside it. */
export function readerTests(t: Test, { subscribe, startApp }: Way): void {
  t.test('a client that stopped reading goes on where it was', async (t) => {
    const app = await startApp(t)
    const stream = await subscribe(t, app.port)
    stream.pause()
    await pushPadded(app.url, 0, 200)
    await parked(app)
    stream.resume()
    await stream.received(200)
    t.same(dataOf(stream), count(0, 200))
    t.same(gapsOf(stream), [])
  })

  t.test('clients that read nothing keep nothing from others', async (t) => {
    const app = await startApp(t, { ringEvents: 256 })
    const stalled = await Promise.all(count(0, 3).map(() => subscribe(t, app.port)))
    for (const stream of stalled) stream.pause()
    const healthy = await subscribe(t, app.port)
    await pushPadded(app.url, 0, 200)
    await parked(app)
    // Over HTTP/2 a client's window may be smaller than what a kernel takes.
    await healthy.received(200)
    for (let n = 200; n < 2000; n += 200) await push(app.url, events(n, 200))
    await healthy.received(2000)
    t.same(dataOf(healthy), count(0, 2000))
    t.same(gapsOf(healthy), [])
    t.equal((await rowsOf(app)).filter(({ state }) => state === 'parked').length, 3)
  })

  t.test('a stream whose reader reads nothing is ended after STALLED_STREAM', async (t) => {
    const app = await startApp(t, { stalledStreamMs: 2000 })
    const reader = await subscribe(t, app.port)
    const other = await subscribe(t, app.port)
    reader.pause()
    await pushPadded(app.url, 0, 130)
    await until(() => app.hub.stats.closed.stalled === 1, 'the end')
    await other.received(130)
    t.equal((await rowsOf(app)).length, 1)
  })
}
