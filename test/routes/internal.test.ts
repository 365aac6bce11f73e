import { connect } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { AppParts } from '../../dist/app.js'
import type { Settings } from '../../dist/settings.js'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { openStream } from '../helpers/sse-client.js'
import { apiKey } from '../helpers/tokens.js'

/** A service with `INTERNAL_PORT`, and that port's URL. */
async function startBoth(
  t: Test,
  settings: Partial<Settings> = {},
  parts: AppParts = {},
): Promise<{ app: RunningApp; internal: string }> {
  const app = await startApp(t, { internalPort: 0, ...settings }, parts)
  return { app, internal: await app.internal!.listen({ host: '127.0.0.1', port: 0 }) }
}

const paths = ['/livez', '/readyz', '/metrics']

t.test('health and metrics are had without a key', async (t) => {
  const { app, internal } = await startBoth(t, { apiKeys: [apiKey] })
  for (const path of paths) t.equal((await ask(internal + path)).status, 200, path)
  const { headers, text } = await ask(`${internal}/metrics`)
  t.match(headers['content-type'], /^text\/plain; version=0\.0\.4/)
  t.match(text, '\nringcast_log_reachable 1\n')
  t.equal((await ask(`${app.url}/metrics`)).status, 401, 'not where clients are')
})

t.test('nothing else is there', async (t) => {
  const { internal } = await startBoth(t)
  const headers = { 'content-type': 'application/json' }
  const questions = [
    ...['/', '/events', '/ws', '/api/stats', '/api/push', '/assets/x', '/metrics/', '/%'].map(
      (path) => ({ path, method: 'GET' }),
    ),
    { path: '/api/push', method: 'POST', headers, body: '{"data":1}' },
    { path: '/api/push', method: 'POST', headers: { 'content-type': 'x/y' }, body: 'x' },
    { path: '/events', method: 'HEAD' },
    { path: '/metrics', method: 'HEAD' },
    { path: '/metrics', method: 'POST', headers, body: '{' },
    { path: '/livez', method: 'OPTIONS' },
  ]
  for (const { path, ...question } of questions) {
    const { status } = await ask(internal + path, question)
    t.ok([400, 404, 405].includes(status), `${question.method} ${path}: ${status}`)
  }
  t.match(await ask(`${internal}/api/push`, { method: 'POST', headers, body: '{"data":1}' }), {
    status: 404,
    json: { code: 'RINGCAST_NOT_FOUND' },
  })
  t.match(await ask(`${internal}/metrics?topic=x`), {
    status: 400,
    json: { code: 'RINGCAST_INVALID_QUERY' },
  })
})

t.test('no page of another origin can read it', async (t) => {
  const { internal } = await startBoth(t, { origins: ['https://app.example.com'] })
  for (const path of paths) {
    const { headers } = await ask(internal + path, {
      headers: { origin: 'https://app.example.com' },
    })
    const named = Object.keys(headers).filter((name) => name.startsWith('access-control-'))
    t.same(named, [], path)
  }
  const preflight = { origin: 'https://app.example.com', 'access-control-request-method': 'GET' }
  const { status } = await ask(`${internal}/metrics`, { method: 'OPTIONS', headers: preflight })
  t.not(status, 204)
})

t.test('it is asked by any name, but a loopback one while the service is open', async (t) => {
  const headers = { host: 'node-1.cluster.internal:9100' }
  const withKey = await startBoth(t, { apiKeys: [apiKey] })
  for (const path of paths) {
    t.equal((await ask(withKey.internal + path, { headers })).status, 200, path)
  }
  const open = await startBoth(t)
  t.match(await ask(`${open.internal}/metrics`, { headers }), {
    status: 403,
    json: { code: 'RINGCAST_HOST_REFUSED' },
  })
  t.equal((await ask(`${open.internal}/metrics`, { headers: { host: 'localhost' } })).status, 200)
  const forAll = await startBoth(t, { anonymous: 'all' })
  t.equal((await ask(`${forAll.internal}/metrics`, { headers })).status, 200)
})

t.test('while the service drains it is not ready, and there to the end', async (t) => {
  const { app, internal } = await startBoth(t, { drainMs: 60_000 })
  const reader = await openStream(t, app.port, '/events?topic=flood')
  reader.socket.pause()
  const events = Array.from({ length: 100 }, () => ({ topic: 'flood', data: 'x'.repeat(60_000) }))
  await push(app.url, events)
  const scraper = await connected(internal)
  const drained = app.drain()
  t.match(await ask(`${internal}/readyz`), { status: 503, json: { status: 'draining' } })
  t.equal((await ask(`${internal}/livez`)).status, 200)
  t.match((await ask(`${internal}/metrics`)).text, 'ringcast_streams{transport="sse"} 1\n')
  const closed = once(scraper, 'close')
  // It has waited for this one.
  reader.cut()
  await drained
  await closed
  await t.rejects(ask(`${internal}/livez`), { code: 'ECONNREFUSED' })
})

t.test('who asks slowly is ended there too', async (t) => {
  const requestTimes = { headersMs: 200, requestMs: 300, checkMs: 50 }
  const { internal } = await startBoth(t, {}, { requestTimes })
  const socket = await connected(internal)
  socket.write('GET /metrics HTTP/1.1\r\nHost: localhost\r\n')
  let text = ''
  socket.on('data', (part: Buffer) => (text += part.toString()))
  await once(socket, 'close')
  t.match(text, /^HTTP\/1\.1 408 [^]*RINGCAST_REQUEST_TIMEOUT/)
})

t.test('who holds connections there takes none of those that clients have', async (t) => {
  const { app, internal } = await startBoth(t)
  const sockets = await Promise.all(Array.from({ length: 40 }, () => connected(internal)))
  t.equal((await ask(`${app.url}/livez`)).status, 200)
  for (const socket of sockets) socket.destroy()
})

async function connected(url: string) {
  const { port } = new URL(url)
  const socket = connect(Number(port) satisfies AddressInfo['port'], '127.0.0.1')
  socket.on('error', () => {
    // The service may hang up first.
  })
  await once(socket, 'connect')
  return socket
}
