import fc from 'fast-check'
import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'
import { byWebSocketMessages, byWebSocketUrl } from '../helpers/ways.js'
import { openWebSocket, type Message } from '../helpers/web-socket-client.js'
import { opcodes, openFramed } from '../helpers/web-socket-frames.js'
import { streamSuite } from './stream-suite.js'

streamSuite(byWebSocketUrl)
streamSuite(byWebSocketMessages)

t.test('an event has what an envelope has, to the letter', async (t) => {
  const app = await startApp(t)
  const query = '?topic=a/**&topic=b&user=ann'
  const envelopes = await openStream(t, app.port, `/events${query}&envelope=1`)
  const webSocket = await openWebSocket(t, app.port, `/ws${query}`)
  let keys = 0
  const text = fc.string({ unit: 'grapheme', maxLength: 20 })
  const draft = fc.record(
    {
      topic: fc.constantFrom('a/1', ['a/1', 'b', 'c'], 'a/ü/"\\', undefined),
      event: fc.constantFrom('made', 'ein Name', '"'),
      data: fc.oneof(fc.jsonValue(), text, fc.constantFrom('\r\n', '\u2028', '{"a":1}', '')),
      key: fc.constant('a "key\\" '),
    },
    { requiredKeys: ['topic', 'data'] },
  )
  await fc.assert(
    fc.asyncProperty(fc.array(draft, { minLength: 1, maxLength: 20 }), async (drafts) => {
      const from = webSocket.events.length
      const events = drafts.map(({ topic, key, ...rest }) => ({
        ...rest,
        ...(topic === undefined ? { user: ['ann', 'bob'] } : { topic }),
        ...(key === undefined ? {} : { key: `${key}${++keys}` }),
      }))
      await push(app.url, events)
      await envelopes.received(from + drafts.length)
      await webSocket.received(from + drafts.length)
      for (let i = from; i < webSocket.events.length; i++) {
        const { type, ...event } = webSocket.events[i] as Message
        const [got, wanted] = [JSON.stringify(event), envelopes.events[i]!.data]
        if (type !== 'event' || got !== wanted) throw new Error(`got ${got}, not ${wanted}`)
      }
    }),
    { numRuns: 40 },
  )
  t.ok(webSocket.events.length > 40)
  t.equal(webSocket.events.length, envelopes.events.length)
})

t.test('pings end a client that answers none, subscribed or not, and no other', async (t) => {
  const app = await startApp(t, { heartbeatMs: 100, deadPeerMs: 60_000 })
  // These parse frames and answer none; `ws` answers by itself.
  const silent = [
    await openFramed(t, app.port, '/ws'),
    await openFramed(t, app.port, '/ws?topic=a'),
  ]
  const alive = await openWebSocket(t, app.port, '/ws?topic=a')
  let pings = 0
  alive.webSocket.on('ping', () => pings++)
  for (const { frames } of silent) {
    await until(() => frames.some(({ opcode }) => opcode === opcodes.ping), 'a ping')
  }
  await until(() => silent.every(({ closed }) => closed), 'the end of those who are silent')
  await until(() => pings >= 6, 'pings of the one who is not')
  t.notOk(alive.closed)
  t.equal(app.hub.stats.closed['dead-peer'], 2)
  t.equal(app.hub.streams.size, 1)
})

t.test('while the node drains, a connection is closed without an answer', async (t) => {
  const app = await startApp(t)
  const drained = app.hub.drain(500)
  await t.rejects(openWebSocket(t, app.port, '/ws?topic=a'), { message: 'socket hang up' })
  await drained
})
