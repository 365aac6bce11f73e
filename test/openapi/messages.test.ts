import t, { type Test } from 'tap'
import { startApp } from '../helpers/app.js'
import { asParameter, openApiOf, queryOf } from '../helpers/openapi.js'
import { names, texts } from '../helpers/texts.js'
import { until } from '../helpers/until.js'
import { openWebSocket, type Message } from '../helpers/web-socket-client.js'

const app = await startApp(t)
const openApi = await openApiOf(app)

/** Messages of a client, most of them wrong in one way. */
function messages(): object[] {
  return [
    ...['auth', 'subscribe', 'unsubscribe', 'push', 'ping', 'nonsense', 1].flatMap((type) => [
      { type },
      { type, nonsense: 1 },
      { type, token: 'x' },
      { type, topics: ['first'] },
      { type, topics: [] },
      { type, topics: 'first' },
      { type, topics: [1] },
      { type, data: 1 },
    ]),
    ...[0, 1000, 1001, -1, 1.5, '1'].map((last) => ({
      type: 'subscribe',
      topics: ['first'],
      last,
    })),
    ...[1, 'x'].map((lastEventId) => ({ type: 'subscribe', topics: ['first'], lastEventId })),
    ...texts.flatMap((text) => [
      { type: 'unsubscribe', topics: [text] },
      { type: 'push', data: 1, topic: text },
      { type: 'push', data: 1, user: text },
      { type: 'push', data: 1, event: text },
    ]),
    { type: 'push', data: 1, topic: names(100) },
    { type: 'push', data: 1, topic: names(101) },
    { type: 'push', data: 1, topic: 'a', user: 'b' },
    { type: 'unsubscribe', topics: names(100) },
    { type: 'unsubscribe', topics: names(101) },
    ...[0, 1.5, 'x'.repeat(128), 'x'.repeat(129), null, true, ['x']].map((ref) => ({
      type: 'ping',
      ref,
    })),
  ]
}

/**
 * What is told on a connection of its own, up to the answer to a message: who says too often what is no
 * message is closed.
 */
async function toldFor(t: Test, path: string, message: object): Promise<Message[]> {
  const client = await openWebSocket(t, app.port, path)
  client.send(JSON.stringify(message))
  const isAnswer = ({ type }: Message): boolean => type === 'ok' || type === 'error'
  await until(() => client.messages.some(isAnswer), 'an answer')
  client.cut()
  return client.messages
}

const isRefused = (told: readonly Message[]): boolean => told.some(({ type }) => type === 'error')

t.test('over a WebSocket a client says what its schema allows, and nothing else', async (t) => {
  const surprises = await Promise.all(
    messages().map(async (message) => {
      const told = await toldFor(t, '/ws', message)
      const fits = openApi.is('WebSocketClientMessage', message)
      const isTold = told.every((each) => openApi.is('WebSocketServerMessage', each))
      return isRefused(told) !== fits && isTold ? [] : [{ message, fits, told }]
    }),
  )
  t.same(surprises.flat(), [])
})

t.test('the query of a handshake takes what its schema allows, and nothing else', async (t) => {
  for (const { name, schema } of queryOf(openApi.operation('webSocket'))) {
    const surprises = await Promise.all(
      texts.map(async (text) => {
        const query = `${name}=${encodeURIComponent(text)}`
        const told = await toldFor(t, `/ws?${query}`, { type: 'ping' })
        const fits = openApi.fits(schema, asParameter(schema, text))
        return isRefused(told) !== fits ? [] : [{ text, fits, told }]
      }),
    )
    t.same(surprises.flat(), [], name)
  }
})
