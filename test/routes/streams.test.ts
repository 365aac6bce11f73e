import t from 'tap'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

interface Rows {
  readonly streams: Record<string, unknown>[]
  readonly total: number
  readonly after: string | null
}

async function list(app: RunningApp, query = ''): Promise<Rows> {
  return (await ask(`${app.url}/api/streams?${query}`)).json as unknown as Rows
}

const idOf = (stream: { control: readonly Record<string, unknown>[] }): string =>
  stream.control[0]!['stream'] as string

const remove = (app: RunningApp, path: string) => ask(app.url + path, { method: 'DELETE' })

t.test('streams are found by user and by topic, those of $sys topics too', async (t) => {
  const app = await startApp(t)
  const a = await openStream(t, app.port, '/events?topic=a&user=ann')
  const b = await openStream(t, app.port, '/events?topic=a&topic=b/*&user=bob')
  const system = await openStream(t, app.port, '/events?topic=$sys/stats')
  const idsOf = async (query: string): Promise<unknown[]> => {
    const { streams, total } = await list(app, query)
    t.equal(total, streams.length)
    return streams.map(({ id }) => id).sort()
  }
  t.same(await idsOf('user=ann'), [idOf(a)])
  t.same(await idsOf('topic=a'), [idOf(a), idOf(b)])
  t.same(await idsOf('topic=b/*'), [idOf(b)])
  t.same(await idsOf('topic=a&user=bob'), [idOf(b)])
  t.same(await idsOf('topic=$sys/stats'), [idOf(system)])
  t.same(await idsOf('user=nobody'), [])
  t.same(await idsOf(`user=bob&node=${idOf(b).split('.')[0]!}`), [idOf(b)])
  t.same(await idsOf('node=another'), [])
  t.same(await idsOf(''), [idOf(a), idOf(b), idOf(system)])
  t.equal((await list(app, 'topic=$sys/stats')).streams[0]!['cursor'], null)
})

t.test('pages go on behind the last, whoever came or went meanwhile', async (t) => {
  const app = await startApp(t)
  const open = await Promise.all(
    Array.from({ length: 7 }, (_, i) => openStream(t, app.port, `/events?topic=${i}`)),
  )
  const seen: unknown[] = []
  let after: string | null = ''
  while (after !== null) {
    const query: string = `limit=3&sort=since${after === '' ? '' : `&after=${after}`}`
    const page = await list(app, query)
    t.ok(page.streams.length <= 3)
    seen.push(...page.streams.map(({ id }) => id))
    // The row that the page ended with goes; the next page begins behind its place.
    if (seen.length === 3) {
      const { id } = page.streams[2]!
      await remove(app, `/api/streams/${id as string}`)
      await until(() => app.hub.streams.size === 6, 'the end of one')
    }
    after = page.after
  }
  t.same([...seen].sort(), open.map(idOf).sort())
  t.equal(new Set(seen).size, 7)
  t.equal((await list(app, 'limit=3')).total, 6)
})

t.test('streams are sorted by lag, bytes and age, either way', async (t) => {
  const app = await startApp(t)
  await push(
    app.url,
    Array.from({ length: 50 }, (_, i) => ({ data: i })),
  )
  const few = await openStream(t, app.port, '/events?topic=few')
  const many = await openStream(t, app.port, '/events?lastEventId=earliest')
  await many.received(50)
  const order = async (sort: string): Promise<unknown[]> =>
    (await list(app, `sort=${sort}`)).streams.map(({ id }) => id)
  t.same(await order('bytes'), [idOf(few), idOf(many)])
  t.same(await order('-bytes'), [idOf(many), idOf(few)])
  for (const sort of ['lag', '-lag', 'since', '-since']) t.equal((await order(sort)).length, 2)

  t.match(await ask(`${app.url}/api/streams?sort=color`), {
    status: 400,
    json: { code: 'RINGCAST_INVALID_QUERY', message: /-lag/ },
  })
  for (const query of ['limit=0', 'limit=1001', 'after=nonsense', 'lag=1']) {
    t.equal((await ask(`${app.url}/api/streams?${query}`)).status, 400, query)
  }
})

t.test('a stream that is behind leads the list', async (t) => {
  const app = await startApp(t)
  const good = await openStream(t, app.port, '/events')
  const slow = await openStream(t, app.port, '/events')
  slow.socket.pause()
  const batch = Array.from({ length: 100 }, () => ({ data: 'x'.repeat(60_000) }))
  for (let i = 0; i < 4; i++) await push(app.url, batch)
  await good.received(400)
  const { streams } = await list(app)
  t.match(streams, [
    { id: idOf(slow), state: 'parked' },
    { id: idOf(good), state: 'idle', lag: 0 },
  ])
  t.ok((streams[0]!['lag'] as number) > 0)
})

t.test('a stream is deleted once, by its whole id', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events')
  const other = await openStream(t, app.port, '/events')
  t.equal((await remove(app, `/api/streams/${idOf(stream)}`)).status, 204)
  await stream.told('bye')
  const refusal = { status: 404, json: { code: 'RINGCAST_STREAM_NOT_FOUND' } }
  t.match(await remove(app, `/api/streams/${idOf(stream)}`), refusal)
  t.match(await remove(app, '/api/streams/nonsense'), refusal)
  const number = idOf(other).split('.')[1]!
  t.match(await remove(app, `/api/streams/another.${number}`), refusal, 'of another node')
  t.equal((await remove(app, `/api/streams/${idOf(other)}?force=1`)).status, 400)
  t.equal(other.closed, false)
})

t.test('of a user without streams none end, and revoke is true or false', async (t) => {
  const app = await startApp(t)
  const bob = await openStream(t, app.port, '/events?user=bob')
  t.match(await remove(app, '/api/users/ann/streams'), { status: 200, json: { ended: 0 } })
  t.equal((await remove(app, '/api/users/bob/streams?revoke=no')).status, 400)
  t.equal(bob.closed, false)
})

t.test('a user is found by any name that may be one', async (t) => {
  const app = await startApp(t)
  for (const name of ['a/b c?#%', '日'.repeat(341)]) {
    const user = encodeURIComponent(name)
    const stream = await openStream(t, app.port, `/events?user=${user}`)
    t.match(await remove(app, `/api/users/${user}/streams`), { json: { ended: 1 } })
    await stream.told('bye')
  }
  t.match(await remove(app, '/api/users/%E0%A4%A/streams'), {
    status: 400,
    json: { code: 'RINGCAST_BAD_REQUEST' },
  })
})

t.test('topics are listed with their streams and last id', async (t) => {
  const app = await startApp(t)
  await openStream(t, app.port, '/events?topic=a&topic=b/**')
  await openStream(t, app.port, '/events?topic=a')
  const [id] = await push(app.url, { topic: 'a', data: 1 })
  const topics = async (query: string): Promise<unknown> =>
    (await ask(`${app.url}/api/topics?${query}`)).json
  const a = { topic: 'a', streams: 2, last: id }
  const b = { topic: 'b/**', streams: 1, last: null }
  t.same(await topics(''), { topics: [a, b], total: 2, after: null })
  t.match(await topics('sort=-topic'), { topics: [b, a] })
  t.same(await topics('topic=a'), { topics: [a], total: 1, after: null })
  const page = (await topics('limit=1')) as { after: string }
  t.match(await topics(`limit=1&after=${page.after}`), { topics: [b], total: 2, after: null })
})
