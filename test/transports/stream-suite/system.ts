import type { Test } from 'tap'
import { push } from '../../helpers/app.js'
import { until } from '../../helpers/until.js'
import type { Subscription, Way } from '../../helpers/ways.js'
import { dataOf, rowsOf } from './counted.js'

/** What the service tells of itself, and of its streams. */
export function systemTests(t: Test, { subscribe, transport, startApp }: Way): void {
  t.test('$sys/stats tells the figures once a second, without ids', async (t) => {
    const app = await startApp(t)
    await push(app.url, { data: 1 })
    const stream = await subscribe(t, app.port, { topics: ['$sys/stats'] })
    t.match(stream.control, [{ type: 'open', id: undefined, topics: ['$sys/stats'] }])
    const [event] = await stream.received(1)
    t.equal(event!.id, undefined)
    t.match(event!.data, { accepted: 1, streams: 0, systemStreams: 1 })
    t.equal(stream.lastId, undefined)
  })

  t.test('$sys/streams tells what opened and closed', async (t) => {
    const app = await startApp(t)
    const watcher = await subscribe(t, app.port, { topics: ['$sys/streams'] })
    const watched = await subscribe(t, app.port, { topics: ['a'], user: 'ann' })
    const id = watched.control[0]!['stream']
    const told = (what: string) => toldOf(watcher, id, what)
    watched.cut()
    await until(() => told('closed').length > 0, 'the end of the stream')
    t.match(told('opened'), [{ user: 'ann', topics: ['a'], transport, address: '127.0.0.1' }])
    t.match(told('closed'), [{ reason: 'client', user: 'ann', topics: ['a'], lag: 0 }])
    t.same(told('changed'), [], 'what it subscribes to first is no change')
  })

  t.test("$sys/streams tells of streams of the service's own topics, too", async (t) => {
    const app = await startApp(t)
    const watcher = await subscribe(t, app.port, { topics: ['$sys/streams'] })
    const watched = await subscribe(t, app.port, { topics: ['$sys/stats'], user: 'ann' })
    const id = watched.control[0]!['stream']
    const told = (what: string) => toldOf(watcher, id, what)
    const row = { transport, user: 'ann', topics: ['$sys/stats'], cursor: null }
    // On a slow machine it may be told before it subscribes, and that it changed after it.
    const isTold = () =>
      [...told('opened'), ...told('changed')].some(({ topics }) => String(topics) === '$sys/stats')
    await until(isTold, 'its opening')
    t.match([...told('opened'), ...told('changed')].at(-1), row)
    watched.cut()
    await until(() => told('closed').length > 0, 'its end')
    t.match(told('closed'), [{ ...row, reason: 'client' }])
  })

  t.test('a wildcard never matches what belongs to the service', async (t) => {
    const app = await startApp(t)
    const watcher = await subscribe(t, app.port, { topics: ['$sys/stats'] })
    const everything = await subscribe(t, app.port, { topics: ['**', '*/stats'] })
    await watcher.received(1)
    await push(app.url, { topic: 'any', data: 1 })
    await everything.received(1)
    t.same(dataOf(everything), [1])
  })

  t.test('an open stream is listed with all that is known of it', async (t) => {
    const app = await startApp(t)
    const stream = await subscribe(t, app.port, { topics: ['a', 'b/**'], user: 'ann' })
    const [id] = await push(app.url, { topic: 'a', data: 1 })
    await stream.received(1)
    const [row, ...others] = await rowsOf(app)
    t.same(others, [])
    const name = stream.control[0]!['stream'] as string
    t.strictSame(
      { ...row, since: '', bytes: 0 },
      {
        id: name,
        node: name.split('.')[0],
        transport,
        user: 'ann',
        address: '127.0.0.1',
        topics: ['a', 'b/**'],
        since: '',
        cursor: id,
        lag: 0,
        bytes: 0,
        state: 'idle',
      },
    )
    t.match(row!['since'], /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
    t.ok((row!['bytes'] as number) > 100)
    stream.cut()
    await until(async () => (await rowsOf(app)).length === 0, 'the end of the stream')
  })
}

type Row = Readonly<Record<string, unknown>>

/** What `$sys/streams` told of one stream; of the watcher it tells too. */
function toldOf({ events }: Subscription, id: unknown, what: string): readonly Row[] {
  const rows = events.flatMap(({ data }) => (data as Record<string, readonly Row[]>)[what]!)
  return rows.filter((row) => row['id'] === id)
}
