import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { openStream } from '../helpers/sse-client.js'
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
