import t from 'tap'
import { startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'
import { openWebSocket } from '../helpers/web-socket-client.js'

t.test('$sys/streams tells which streams are subscribed to something else', async (t) => {
  const app = await startApp(t)
  const watcher = await openStream(t, app.port, '/events?topic=$sys/streams')
  const client = await openWebSocket(t, app.port, '/ws?topic=a')
  const { stream } = await client.told('open')
  const messages = () =>
    watcher.events.map(({ data }) => JSON.parse(data) as Record<string, object[]>)
  const told = (what: string) => messages().flatMap((message) => message[what]!)
  const isOpened = () => told('opened').some((row) => (row as { id: string }).id === stream)
  await until(isOpened, 'the stream')
  client.send(JSON.stringify({ type: 'subscribe', topics: ['b'], ref: 1 }))
  await until(() => told('changed').length > 0, 'its change')
  t.match(told('changed'), [{ id: stream, transport: 'websocket', topics: ['a', 'b'] }])
  client.send(JSON.stringify({ type: 'unsubscribe', topics: ['a'], ref: 2 }))
  await until(() => [...app.hub.streams.topics()].length === 1, 'its second change')
  client.cut()
  await until(() => told('closed').length > 0, 'its end')
  t.match(told('closed'), [{ id: stream, topics: ['b'], reason: 'client' }])
  const last = messages().find(({ closed }) => closed!.length > 0)!
  t.same(last['changed'], [], 'one that is over is not among those that changed')
})

t.test('who begins to listen is told nothing of who listened before', async (t) => {
  const app = await startApp(t)
  const before = await openStream(t, app.port, '/events?topic=$sys/streams')
  before.cut()
  const listeners = async () => (await ask(`${app.url}/api/stats`)).json!['systemStreams']
  await until(async () => (await listeners()) === 0, 'its end')
  const watcher = await openStream(t, app.port, '/events?topic=$sys/streams')
  const { stream } = await watcher.told('open')
  const [event] = await watcher.received(1)
  t.match(JSON.parse(event!.data), { opened: [{ id: stream }], openedCount: 1, closedCount: 0 })
})
