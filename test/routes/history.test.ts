import t from 'tap'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'

interface History {
  readonly events: { id: string; topics: string[]; data: unknown }[]
  readonly last: string
  readonly more: boolean
  readonly gap: { reason: string; after: string } | null
}

async function history(app: RunningApp, query = ''): Promise<History> {
  const answer = await ask(`${app.url}/api/history?${query}`)
  return answer.json as unknown as History
}

const dataOf = ({ events }: History): unknown[] => events.map(({ data }) => data)

t.test('history of an empty log has a place to go on from', async (t) => {
  const app = await startApp(t)
  const empty = await history(app)
  t.match(empty, { events: [], last: /^[0-9a-z]+-0$/, more: false, gap: null })
  await push(app.url, { data: 1 })
  t.same(dataOf(await history(app, `lastEventId=${empty.last}`)), [1])
})

t.test('an event of history is whole', async (t) => {
  const app = await startApp(t)
  const [id] = await push(app.url, { topic: ['a', 'b'], event: 'e', data: 'text', key: 'k' })
  const answer = await ask(`${app.url}/api/history?topic=a`)
  t.equal(answer.headers['content-type'], 'application/json; charset=utf-8')
  const [event] = (answer.json as unknown as History).events
  t.strictSame(
    { ...event, time: '' },
    { id, topics: ['a', 'b'], event: 'e', data: 'text', key: 'k', time: '' },
  )
})

t.test('pages follow each other by the last id until there is no more', async (t) => {
  const app = await startApp(t)
  const all = Array.from({ length: 250 }, (_, i) => ({ topic: i % 2 ? 'odd' : 'even', data: i }))
  await push(app.url, all)
  const got: unknown[] = []
  let page = await history(app, 'topic=odd&lastEventId=earliest&limit=50')
  let pages = 1
  for (; page.more; pages++) {
    t.equal(page.events.length, 50)
    t.equal(page.last, page.events.at(-1)!.id)
    got.push(...dataOf(page))
    page = await history(app, `topic=odd&limit=50&lastEventId=${page.last}`)
  }
  got.push(...dataOf(page))
  t.ok(pages <= 4)
  t.same(
    got,
    all.filter(({ topic }) => topic === 'odd').map(({ data }) => data),
  )
  await push(app.url, { topic: 'odd', data: 'new' })
  t.same(dataOf(await history(app, `topic=odd&lastEventId=${page.last}`)), ['new'])
})

t.test('without an id history is the newest, a hundred or what limit or last says', async (t) => {
  const app = await startApp(t)
  await push(
    app.url,
    Array.from({ length: 300 }, (_, i) => ({ data: i })),
  )
  const from = (first: number, length: number): number[] =>
    Array.from({ length }, (_, i) => first + i)
  t.same(dataOf(await history(app)), from(200, 100))
  t.same(dataOf(await history(app, 'limit=20')), from(280, 20))
  t.same(dataOf(await history(app, 'last=30')), from(270, 30))
  const part = await history(app, 'last=30&limit=10')
  t.same(dataOf(part), from(270, 10))
  t.equal(part.more, true)
  t.same(dataOf(await history(app, 'last=0')), [])
  t.same(dataOf(await history(app, 'limit=1000')), from(0, 300))
})

t.test('history tells a gap by the rules of a stream', async (t) => {
  const app = await startApp(t, { ringEvents: 8 })
  const [first] = await push(app.url, { data: 'first' })
  for (let i = 0; i < 20; i++) await push(app.url, { data: i })
  const evicted = await history(app, `lastEventId=${first}`)
  t.same(evicted.gap, { reason: 'evicted', after: first })
  t.same(dataOf(evicted), [12, 13, 14, 15, 16, 17, 18, 19])

  const unknown = await history(app, 'lastEventId=nonsense')
  t.same(unknown.gap, { reason: 'unknown', after: 'nonsense' })
  t.same(dataOf(unknown), [])
  t.equal(unknown.last, evicted.last)

  const epoch = await history(app, 'lastEventId=otherlife-7')
  t.same(epoch.gap, { reason: 'epoch', after: 'otherlife-7' })
  t.same(dataOf(epoch), [12, 13, 14, 15, 16, 17, 18, 19])
})

t.test('history refuses what it does not know', async (t) => {
  const app = await startApp(t)
  for (const query of [
    'limit=0',
    'limit=1001',
    'last=1001',
    'topic=$sys/stats',
    'envelope=1',
    'topic=',
    'lastEventId=a&lastEventId=b',
  ]) {
    t.equal((await ask(`${app.url}/api/history?${query}`)).status, 400, query)
  }
})

t.test('the header Last-Event-ID is heard as by a stream', async (t) => {
  const app = await startApp(t)
  const ids = await push(app.url, [{ data: 1 }, { data: 2 }, { data: 3 }])
  const answer = await fetch(`${app.url}/api/history`, { headers: { 'last-event-id': ids[1]! } })
  t.match(await answer.json(), { events: [{ id: ids[2] }], gap: null })
})
