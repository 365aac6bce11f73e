import { connect } from 'node:net'
import t from 'tap'
import { freePort } from '../bench/free-port.js'
import { ask } from '../helpers/ask.js'
import { whyNoChromium } from '../helpers/chromium.js'
import { openStream, rawStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'
import { openWebSocket } from '../helpers/web-socket-client.js'
import { openDashboard } from '../web/dashboard/open-dashboard.js'
import { whyNoNginx } from '../helpers/nginx.js'
import { startNginx } from './nginx-server.js'
import { startSite, type Site } from './site.js'

const skip = whyNoNginx()
const site = skip === false ? await startSite(t) : (undefined as unknown as Site)

/** Pushes through nginx, and answers with the status. */
async function push(event: unknown, headers: Record<string, string> = {}): Promise<number> {
  const answer = await ask(`${site.url}/api/push`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', ...site.keyHeader, ...headers },
    body: JSON.stringify(event),
  })
  return answer.status
}

t.test('an event goes through when it comes, and so do heartbeats', { skip }, async (t) => {
  const headers = site.keyHeader
  const stream = await openStream(t, site.port, '/events?topic=a', { headers })
  t.match(stream.head(), /^HTTP\/1\.1 200 .*content-type: text\/event-stream/is)
  await until(() => /\n:\n/.test(stream.body()), 'a heartbeat')
  t.equal(await push({ topic: 'a', data: 1 }), 202)
  const [event] = await stream.received(1)
  t.match(event, { data: '1' })
  const later = await openStream(t, site.port, '/events?topic=a&last=1', { headers })
  await later.received(1)
})

t.test('a WebSocket goes through, and lives', { skip }, async (t) => {
  const client = await openWebSocket(t, site.port, '/ws?topic=b', { headers: site.keyHeader })
  t.match(await client.request({ type: 'push', topic: 'b', data: 2 }), { type: 'ok' })
  t.match(await client.received(1), [{ topics: ['b'], data: 2 }])
  let pings = 0
  client.webSocket.on('ping', () => pings++)
  await until(() => pings > 1, 'pings of the service')
  t.match(await client.request({ type: 'ping' }), { type: 'ok' })
})

t.test('pages of its own origin are let in, foreign ones refused', { skip }, async (t) => {
  const own = { ...site.keyHeader, Origin: site.url }
  const foreign = { ...site.keyHeader, Origin: 'https://foreign.example' }
  const refused = { status: 403, json: { code: 'RINGCAST_ORIGIN_REFUSED' } }
  const streamHead = (headers: Record<string, string>) =>
    ask(`${site.url}/events?topic=c`, { method: 'HEAD', headers })
  t.match(await streamHead(own), { status: 200 })
  t.match(await streamHead(foreign), { status: 403 })
  t.match(await ask(`${site.url}/api/history`, { headers: foreign }), refused)
  t.equal(await push({ data: 1 }, { Origin: own.Origin }), 202)
  t.equal(await push({ data: 1 }, { Origin: foreign.Origin }), 403)
  await openWebSocket(t, site.port, '/ws', { headers: own })
  await t.rejects(openWebSocket(t, site.port, '/ws', { headers: foreign }), { message: /403/ })
})

t.test('a client has the address that nginx sees, whatever it claims', { skip }, async (t) => {
  const socket = connect({ port: site.port, host: '127.0.0.1', localAddress: '127.0.0.2' })
  t.teardown(() => socket.destroy())
  const stream = rawStream(socket)
  socket.write(
    `GET /events?topic=d HTTP/1.1\r\nHost: 127.0.0.1:${site.port}\r\n` +
      `X-Forwarded-For: 203.0.113.9\r\nAuthorization: ${site.keyHeader.authorization}\r\n\r\n`,
  )
  await stream.told('open')
  const { json } = await ask(`${site.url}/api/streams?topic=d`, { headers: site.keyHeader })
  t.match(json, { streams: [{ address: '127.0.0.2' }] })
})

t.test('a push may be as large as the service takes, and no larger', { skip }, async (t) => {
  const event = { topic: 'e', data: 'x'.repeat(65_000) }
  const events = (count: number) => Array.from({ length: count }, () => event)
  t.equal(await push(events(128)), 202)
  t.equal(await push(events(130)), 413)
})

t.test('under a path everything is there too', { skip }, async (t) => {
  const bare = await ask(`${site.url}/ringcast`)
  t.equal(bare.status, 308)
  t.equal(bare.headers.location, '/ringcast/')
  const headers = site.keyHeader
  const stream = await openStream(t, site.port, '/ringcast/events?topic=f', { headers })
  const client = await openWebSocket(t, site.port, '/ringcast/ws?topic=f', { headers })
  await client.told('open')
  t.equal(await push({ topic: 'f', data: 3 }), 202)
  t.match(await stream.received(1), [{ data: '3' }])
  t.match(await client.received(1), [{ data: 3 }])
  t.match(await ask(`${site.url}/ringcast/feed.js`), { status: 200 })
})

const noBrowser = skip || whyNoChromium()
t.test('the dashboard works under a path', { skip: noBrowser }, async (t) => {
  const { page, sentence, records, complaints } = await openDashboard(t, `${site.url}/ringcast`)
  await page.getByLabel('API key, or a token of an administrator').fill(site.key)
  await page.keyboard.press('Enter')
  await sentence.filter({ hasText: 'open' }).waitFor()
  t.equal(page.url().split('?')[0], `${site.url}/ringcast/`)
  t.equal(await push({ topic: 'g', data: 'seen on the dashboard' }), 202)
  await records.filter({ hasText: 'seen on the dashboard' }).first().waitFor()
  t.same(complaints, [])
})

t.test('no credential gets into the access log', { skip }, async (t) => {
  t.match(await ask(`${site.url}/api/stats?token=${site.key}`), { status: 200 })
  await until(() => site.accessLog().includes('"GET /api/stats" 200'), 'the line of the request')
  t.notMatch(site.accessLog(), site.key)
})

t.test(
  'while no node is there, a stream is told to come back, and all else 502',
  { skip },
  async (t) => {
    const { url } = await startNginx(t, [await freePort()])
    const headers = { Origin: 'https://app.example.com', 'Last-Event-ID': 'a-1' }
    for (const path of ['/events?topic=a', '/ringcast/events?topic=a']) {
      const answer = await ask(`${url}${path}`, { headers })
      t.match(answer, {
        status: 200,
        headers: {
          'content-type': 'text/event-stream',
          'cache-control': 'no-store',
          'access-control-allow-origin': headers.Origin,
          'access-control-allow-credentials': 'true',
        },
      })
      t.match(answer.text, /^retry: [1-4]000\n\n$/)
    }
    t.match(await ask(`${url}/api/push`, { method: 'POST' }), { status: 502 })
    t.match(await ask(`${url}/ringcast/api/history`), { status: 502 })
    t.match(await ask(`${url}/readyz`), { status: 502 })
  },
)
