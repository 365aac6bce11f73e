import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import t from 'tap'
import { connectionsOf, push, startApp, type RunningApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { testCertificate } from '../helpers/certificate.js'
import { requestText } from '../helpers/connection.js'
import { rawStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

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

t.test('a page has a bounded size, and says that there is more', async (t) => {
  const app = await startApp(t)
  const data = 'x'.repeat(60_000)
  for (let n = 0; n < 100; n += 10) {
    await push(
      app.url,
      Array.from({ length: 10 }, (_, i) => ({ topic: 'big', data: `${n + i} ${data}` })),
    )
  }
  let query = 'topic=big&limit=1000&lastEventId=earliest'
  const got: number[] = []
  let pages = 0
  for (let more = true; more; pages++) {
    const answer = await ask(`${app.url}/api/history?${query}`)
    t.ok(answer.text.length < 1.2 * 1024 * 1024, `${answer.text.length} bytes`)
    const page = answer.json as unknown as History
    got.push(...page.events.map(({ data }) => Number.parseInt(data as string)))
    query = `topic=big&limit=1000&lastEventId=${page.last}`
    more = page.more
  }
  t.same(
    got,
    Array.from({ length: 100 }, (_, n) => n),
  )
  t.ok(pages < 10, `${pages} pages`)
})

t.test('a page that takes long to look through holds nobody up', async (t) => {
  const app = await startApp(t)
  const deep = 'a/'.repeat(30)
  for (let n = 0; n < 20; n++) {
    await push(
      app.url,
      Array.from({ length: 1000 }, (_, i) => ({ topic: `${deep}${i}`, data: n })),
    )
  }
  // Each with literals in other places, so that they share no work.
  const topics = Array.from({ length: 100 }, (_, n) => {
    const segments = Array.from({ length: 30 }, (_, i) => ((n >> i) & 1 ? 'a' : '*'))
    return `topic=${segments.join('/')}/no`
  })
  for (const start of ['lastEventId=earliest', 'last=1']) {
    const looking = history(app, `${topics.join('&')}&${start}`)
    let meanwhile = 0
    const isOver = looking.then(() => true)
    const one = async () => {
      await ask(`${app.url}/livez`)
      meanwhile++
      return false
    }
    while (!(await Promise.race([isOver, one()])));
    t.match(await looking, { events: [], more: false })
    t.ok(meanwhile > 5, `${start}: ${meanwhile} answers meanwhile`)
  }
})

for (const [over, certificate] of [
  ['in the clear', undefined],
  ['over TLS', testCertificate()],
] as const) {
  t.test(`an answer that nobody reads is let go, ${over}`, async (t) => {
    const app = await startApp(t, {}, { requestTimes: { idleMs: 500 }, certificate })
    const begin = async (): Promise<Socket> => {
      const options = { port: app.port, host: '127.0.0.1', rejectUnauthorized: false }
      const socket = certificate === undefined ? connect(options) : connectTls(options)
      t.teardown(() => socket.destroy())
      socket.on('error', () => {
        // A reset is told by `close`.
      })
      await once(socket, certificate === undefined ? 'connect' : 'secureConnect')
      return socket
    }
    const event = { topic: 'big', data: 'x'.repeat(60_000) }
    await push(
      app.url,
      Array.from({ length: 20 }, () => event),
    )
    const listener = await begin()
    const stream = rawStream(listener)
    listener.write(requestText('GET', '/events'))
    await stream.told('open')
    for (let n = 0; n < 5; n++) {
      const socket = await begin()
      socket.pause()
      const page = requestText('GET', '/api/history?topic=big&last=20')
      socket.write(page.repeat(20))
    }
    // The publisher's is among those that are closed.
    await until(async () => (await connectionsOf(app)) >= 6, 'all of them')
    await until(async () => (await connectionsOf(app)) === 1, 'only the stream to be left')
    await push(app.url, { data: 'live' })
    await stream.received(1)
  })
}
