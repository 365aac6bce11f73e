import { once } from 'node:events'
import type { Test } from 'tap'
import t from 'tap'
import { WebSocket } from 'ws'
import { startApp } from '../helpers/app.js'
import { connection, requestText } from '../helpers/connection.js'
import { until } from '../helpers/until.js'

const key = 'k'.repeat(32)

/** A connection that says all this as soon as it is open, in one piece; and what it was told. */
async function talk(t: Test, port: number, query: string, said: readonly object[]) {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}/ws${query}`)
  t.teardown(() => {
    webSocket.terminate()
  })
  const told: string[] = []
  webSocket.on('message', (data: Buffer) => told.push(data.toString()))
  webSocket.on('open', () => {
    for (const message of said) webSocket.send(JSON.stringify(message))
  })
  const [code] = (await once(webSocket, 'close')) as [number]
  return { told, code }
}

t.test('what a client says behind a credential that is none is not done', async (t) => {
  const app = await startApp(t, { apiKeys: [key] })
  const { told, code } = await talk(t, app.port, '', [
    { type: 'auth', token: 'none' },
    { type: 'auth', token: key },
    { type: 'push', data: 1 },
  ])
  t.equal(code, 4001)
  t.equal(told.length, 1)
  t.match(told[0], 'RINGCAST_INVALID_CREDENTIAL')
  t.equal(app.hub.ring.size, 0, 'nothing was pushed')
  t.equal(app.hub.stats.transports.websocket.opened, 0)
})

t.test('nor behind a subscription that is refused', async (t) => {
  const app = await startApp(t, { apiKeys: [key] })
  const query = `?token=${key}&topic=$sys/stats&last=1`
  const { code } = await talk(t, app.port, query, [{ type: 'push', data: 1 }])
  t.equal(code, 4009)
  t.equal(app.hub.ring.size, 0)
})

t.test('who was turned away is so for good, whoever leaves meanwhile', async (t) => {
  const app = await startApp(t, { maxStreams: 1 })
  const holder = new WebSocket(`ws://127.0.0.1:${app.port}/ws`)
  await once(holder, 'open')
  // One that does not answer the end.
  const upgrade = requestText('GET', '/ws', {
    headers: {
      Connection: 'Upgrade',
      Upgrade: 'websocket',
      'Sec-WebSocket-Version': '13',
      'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    },
  })
  const conn = connection(t, app.port, upgrade)
  await conn.says(/"reason":"limit"/)
  holder.terminate()
  await once(holder, 'close')
  const auth = Buffer.from(JSON.stringify({ type: 'auth', token: 'x' }))
  const head = Buffer.from([0x81, 0x80 | auth.length, 0, 0, 0, 0])
  conn.socket.write(Buffer.concat([head, auth]))
  conn.socket.end()
  await until(() => conn.closed, 'the end')
  t.equal(app.hub.stats.transports.websocket.opened, 2, 'turned away, and no more')
  const began = performance.now()
  await app.drain()
  t.ok(performance.now() - began < 400, 'and nothing is left of it')
})

t.test('a shutdown does not wait for who is nobody yet and does not answer the end', async (t) => {
  const app = await startApp(t, { apiKeys: [key], drainMs: 100 })
  const webSocket = new WebSocket(`ws://127.0.0.1:${app.port}/ws`)
  webSocket.on('error', () => {
    // Cut off.
  })
  await once(webSocket, 'open')
  webSocket.pause()
  const began = performance.now()
  await app.drain()
  t.ok(performance.now() - began < 2000)
  webSocket.terminate()
})
