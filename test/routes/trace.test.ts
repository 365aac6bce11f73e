import { join } from 'node:path'
import t from 'tap'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { openStream, type RawStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'
import { openWebSocket } from '../helpers/web-socket-client.js'

type Row = Readonly<Record<string, unknown>> & { readonly id: string; readonly outcome?: string }

interface Traced {
  readonly event: Readonly<Record<string, unknown>> | null
  readonly streams: readonly Row[]
  readonly ended: readonly Row[]
  readonly summary: string
  readonly total: number
  readonly silent?: number
}

async function trace(app: RunningApp, asked: Record<string, string>): Promise<Traced> {
  const { status, text } = await ask(
    `${app.url}/api/trace?${new URLSearchParams(asked).toString()}`,
  )
  if (status !== 200) throw new Error(text)
  return JSON.parse(text) as Traced
}

const idOf = ({ control }: Pick<RawStream, 'control'>): string => control[0]!['stream'] as string
const outcomesOf = (rows: readonly Row[]) => rows.map(({ id, outcome }) => [id, outcome])

t.test('an event is found at the streams that it was written to', async (t) => {
  const app = await startApp(t)
  const own = await openStream(t, app.port, '/events?topic=orders/*&user=u42')
  const other = await openStream(t, app.port, '/events?topic=news&user=u7')
  const before = '2026-01-01'
  const [id] = await push(app.url, {
    topic: ['orders/1', 'all'],
    data: 1,
    event: 'paid',
    key: 'k',
  })
  await own.received(1)
  const all = await trace(app, { event: id! })
  const { time, ...event } = all.event!
  t.same(event, {
    id,
    place: 'retained',
    topics: ['orders/1', 'all'],
    event: 'paid',
    key: 'k',
  })
  t.ok((time as string) > before)
  t.same(outcomesOf(all.streams), [[idOf(own), 'written']])
  t.match(all.streams[0], {
    user: 'u42',
    state: 'idle',
    by: 'topic',
    why: 'It matches by the topic orders/1 and was handed to the connection, which is no proof that the client has read it.',
    gaps: [],
  })
  t.equal(all.total, 1)
  t.equal(
    all.summary,
    `Accepted at ${time as string} for the topics orders/1, all. It concerns 1 of 2 open streams: 1 written.`,
  )
  t.match(
    (await trace(app, { event: id!, user: 'u42' })).summary,
    /It was written to the user u42\.$/,
  )

  const u7 = await trace(app, { event: id!, user: 'u7' })
  t.same(outcomesOf(u7.streams), [[idOf(other), 'not-matched']])
  t.match(u7.streams[0], {
    by: null,
    why: 'It is for the topics orders/1, all; the stream has news.',
  })
  t.match(u7.summary, /It was not written to the user u7: it is for the topics/)
  const nobody = await trace(app, { event: id!, user: 'u99' })
  t.match(nobody, { streams: [], ended: [], total: 0 })
  t.match(nobody.summary, /There is no open stream of the user u99, and none that ended lately\./)
})

t.test('what is for a user is told to be so', async (t) => {
  const app = await startApp(t)
  const own = await openStream(t, app.port, '/events?user=u42')
  await openStream(t, app.port, '/events?user=u7')
  await openStream(t, app.port, '/events')
  const [id] = await push(app.url, { user: 'u42', data: 1 })
  await own.received(1)
  const { event, streams } = await trace(app, { event: id! })
  t.match(event, { users: ['u42'] })
  t.notOk('topics' in event!)
  t.match(streams, [{ id: idOf(own), by: 'user', why: /^It is for the user u42 and was handed/ }])
  const { streams: others } = await trace(app, { event: id!, user: 'u7' })
  t.match(others, [{ why: 'It is for the user u42; the stream is of u7.' }])
})

t.test('a stream that came after the event, or was over before it, did not get it', async (t) => {
  const app = await startApp(t)
  const [first] = await push(app.url, { topic: 'a', data: 1 })
  const late = await openStream(t, app.port, '/events?topic=a&user=u42')
  const { streams, summary } = await trace(app, { event: first!, user: 'u42' })
  t.match(streams, [{ id: idOf(late), outcome: 'before', by: 'topic' }])
  t.match(summary, /no stream was open at the time of it, and none came back for it\.$/)
  const back = await openStream(t, app.port, '/events?topic=a&user=u42&lastEventId=earliest')
  await back.received(1)
  t.match((await trace(app, { event: first!, user: 'u42' })).summary, /written to 1 of 2 streams/)
  for (const stream of [late, back]) stream.cut()
  await until(() => app.hub.streams.size === 0, 'their ends')
  const [second] = await push(app.url, { topic: 'a', data: 2 })
  const after = await trace(app, { event: second!, user: 'u42' })
  t.match(after, { streams: [], total: 2 })
  t.same(
    new Set(outcomesOf(after.ended).map(String)),
    new Set([late, back].map((each) => `${idOf(each)},after-end`)),
  )
  t.match(after.ended[0], {
    user: 'u42',
    transport: 'sse',
    reason: 'client',
    until: /Z$/,
    cursor: first,
  })
  t.notOk('lag' in after.ended[0]!)
  const { ended } = await trace(app, { event: second! })
  t.same(ended, [], 'for an event alone, those are not listed that were over')
})

t.test('a reader that is slow has it still to get, or has a gap in its place', async (t) => {
  const app = await startApp(t, { ringEvents: 64 })
  const slow = await openStream(t, app.port, '/events?topic=a&user=u42')
  slow.socket.pause()
  const large = ' '.repeat(60_000)
  const ids: string[] = []
  while (app.hub.stats.stalls === 0) ids.push(...(await push(app.url, { topic: 'a', data: large })))
  const [waiting] = await push(app.url, { topic: 'a', data: 'waiting' })
  const parked = await trace(app, { event: waiting! })
  t.match(parked.streams, [
    {
      id: idOf(slow),
      outcome: 'parked',
      state: 'parked',
      why: /the connection takes no more, \d+ events? behind\.$/,
    },
  ])
  t.match(parked.summary, /It concerns 1 of 1 open stream: 1 parked\.$/)
  t.match(
    (await trace(app, { user: 'u42' })).summary,
    /^1 open stream, up to \d+ events? behind\.$/,
  )
  for (let n = 0; n < 70; n++) await push(app.url, { topic: 'a', data: n })
  t.match((await trace(app, { event: waiting! })).event, { place: 'evicted' })
  slow.socket.resume()
  await slow.told('gap')
  await until(() => slow.events.at(-1)?.data === '69', 'the newest')
  const gapped = await trace(app, { event: waiting!, user: 'u42' })
  t.same(gapped.event, { id: waiting, place: 'evicted' })
  t.match(gapped.streams, [
    {
      outcome: 'gapped',
      by: null,
      why: /^The stream was too slow: what came after \S+ was given up \(gap lagged, /,
      gaps: [{ reason: 'lagged', after: slow.events.at(-65)!.id, at: /Z$/ }],
    },
  ])
  t.match(gapped.summary, /It was not written to the user u42: the stream was too slow/)
  t.match((await trace(app, { event: waiting! })).summary, /It is in a gap of 1 open stream\.$/)
  const first = await trace(app, { event: ids[0]!, user: 'u42' })
  t.notOk('outcome' in first.streams[0]!, 'of one that is gone it is not known whom it was for')
  t.match(first.summary, /It is not known whether it was written to the user u42/)
})

t.test('a stream that ended with events still to be written is told to be so', async (t) => {
  const app = await startApp(t)
  const slow = await openStream(t, app.port, '/events?topic=a&user=u42')
  slow.socket.pause()
  while (app.hub.stats.stalls === 0) await push(app.url, { topic: 'a', data: ' '.repeat(60_000) })
  const [last] = await push(app.url, { topic: 'a', data: 'last' })
  slow.cut()
  await until(() => app.hub.streams.size === 0, 'its end')
  const { ended, summary } = await trace(app, { event: last! })
  t.match(ended, [
    {
      outcome: 'lagging',
      why: /was still to be written when the stream ended, \d+ events? behind/,
    },
  ])
  t.match(summary, /There is no open stream\. 1 stream that ended lately did not get it\.$/)
})

t.test('one that came back too late, or with an id that is none, has the gap told', async (t) => {
  const app = await startApp(t, { ringEvents: 16 })
  const ids: string[] = []
  for (let n = 0; n < 20; n++) ids.push(...(await push(app.url, { topic: 'a', data: n })))
  const late = await openStream(t, app.port, '/events?topic=a', { lastEventId: ids[0] })
  const lost = await openStream(t, app.port, '/events?topic=a', { lastEventId: 'nonsense' })
  await late.received(16)
  const gone = await trace(app, { event: ids[2]! })
  t.same(
    new Set(outcomesOf(gone.streams).map(String)),
    new Set([`${idOf(late)},gapped`, `${idOf(lost)},gapped`]),
  )
  const kept = await trace(app, { event: ids[19]! })
  t.match(kept.streams, [
    { id: idOf(lost), outcome: 'gapped', why: /came back with an id that is none, nonsense:/ },
    { id: idOf(late), outcome: 'written' },
  ])
  const [row] = (await trace(app, { stream: idOf(late) })).streams
  t.match(row, { gaps: [{ reason: 'evicted', after: ids[0] }] })
})

t.test('what a WebSocket was subscribed to at the time counts', async (t) => {
  const app = await startApp(t)
  const client = await openWebSocket(t, app.port, '/ws?topic=a')
  await client.told('open')
  const [a] = await push(app.url, { topic: 'a', data: 1 })
  const [b] = await push(app.url, { topic: 'b', data: 1 })
  await client.received(1)
  client.send(JSON.stringify({ type: 'subscribe', topics: ['b'] }))
  client.send(JSON.stringify({ type: 'unsubscribe', topics: ['a'] }))
  await until(() => [...app.hub.streams.values()][0]!.filter.topics.join() === 'b', 'its change')
  const stream = idOf(client)
  const [ofA] = (await trace(app, { event: a!, stream })).streams
  t.match(ofA, { outcome: 'written', topics: ['b'], why: /^It matched then and was handed/ })
  const [ofB] = (await trace(app, { event: b!, stream })).streams
  t.match(ofB, {
    outcome: 'not-matched',
    why: /; the stream had no such topic when it passed it\.$/,
  })
  client.send(JSON.stringify({ type: 'subscribe', topics: ['b'], last: 1 }))
  await client.received(2)
  await until(async () => {
    const [row] = (await trace(app, { event: b!, stream })).streams
    return row!.outcome === 'written'
  }, 'the end of the replay')
})

t.test('one that has not subscribed yet is told to be so', async (t) => {
  const app = await startApp(t)
  await openWebSocket(t, app.port, '/ws?user=u42')
  await until(() => app.hub.streams.size === 1, 'the stream')
  const [id] = await push(app.url, { user: 'u42', data: 1 })
  const { streams } = await trace(app, { event: id!, user: 'u42' })
  t.match(streams, [{ why: 'Its client has not subscribed to anything yet.', cursor: null }])
})

t.test('an event behind the ring is read from the log', async (t) => {
  const store = `file:${join(t.testdir(), 'log')}` as const
  const app = await startApp(t, { store, ringEvents: 16 })
  const [first] = await push(app.url, { topic: 'a', data: 0 })
  for (let n = 1; n < 40; n++) await push(app.url, { topic: 'b', data: n })
  t.ok(app.hub.ring.first > 1)
  const stream = await openStream(t, app.port, '/events?topic=a&lastEventId=earliest')
  await stream.received(1)
  const { event, streams } = await trace(app, { event: first! })
  t.match(event, { place: 'retained', topics: ['a'] })
  t.same(outcomesOf(streams), [[idOf(stream), 'written']])
})

t.test('of an id that is no event’s it is told why', async (t) => {
  const app = await startApp(t)
  const [id] = await push(app.url, { data: 1 })
  await openStream(t, app.port, '/events?user=u42')
  const epoch = id!.split('-')[0]!
  const ahead = await trace(app, { event: `${epoch}-zz` })
  t.match(ahead, { event: { place: 'ahead' }, streams: [], total: 0 })
  t.equal(ahead.summary, `There is no such event yet: the newest is ${id!}.`)
  for (const unknown of [`${epoch}-0`, 'another-1']) {
    const answer = await trace(app, { event: unknown, user: 'u42' })
    t.match(answer, { event: { place: 'unknown' }, total: 1 })
    t.notOk('outcome' in answer.streams[0]!)
  }
})

t.test('no more rows are listed than asked for, those first that did not get it', async (t) => {
  const app = await startApp(t)
  const open = await Promise.all(
    Array.from({ length: 5 }, () => openStream(t, app.port, '/events?topic=a')),
  )
  const [id] = await push(app.url, { topic: 'a', data: 1 })
  for (const stream of open) await stream.received(1)
  const late = await openStream(t, app.port, '/events?topic=a')
  const { streams, total, summary } = await trace(app, { event: id!, limit: '2' })
  t.match(outcomesOf(streams), [
    [idOf(late), 'before'],
    [String, 'written'],
  ])
  t.equal(total, 6)
  t.match(summary, /It concerns 6 of 6 open streams: 5 written, 1 before\.$/)
  await openStream(t, app.port, '/events?topic=$sys/stats')
  t.equal((await trace(app, { event: id! })).total, 6, 'streams of $sys topics are left out')
})

t.test('what is wrong with a request is named, and what would be right', async (t) => {
  const app = await startApp(t)
  const refused = async (query: string) => (await ask(`${app.url}/api/trace?${query}`)).json
  const code = 'RINGCAST_INVALID_QUERY'
  t.match(await refused(''), { code, path: 'event', message: /"event", "user" or "stream"/ })
  t.match(await refused('event=nonsense'), {
    code,
    path: 'event',
    message: new RegExp(`<epoch>-<sequence>, such as ${app.hub.head!}$`),
  })
  t.match(await refused('user=u&limit=0'), { code, path: 'limit' })
  t.match(await refused('usr=u'), { code, message: /did you mean "user"/ })
  t.match(await refused('user='), { code, path: 'event' }, 'an empty one counts as none')
})
