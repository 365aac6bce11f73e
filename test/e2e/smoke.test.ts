import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { openStream } from '../helpers/sse-client.js'

t.test('a pushed event reaches the streams of its topic', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events?topic=orders/*')
  await push(app.url, { topic: 'orders/42', event: 'status', data: { status: 'shipped' } })
  const [event] = await stream.received(1)
  t.equal(event!.event, 'status')
  t.equal(event!.data, '{"status":"shipped"}')
})
