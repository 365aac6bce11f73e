import { connect } from 'node:net'
import t from 'tap'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask, type Answer } from '../helpers/ask.js'
import { requestText } from '../helpers/connection.js'
import { keptLog, warnings } from '../helpers/kept-log.js'
import { apiKey, bearer, jwtSecret, tokenOf } from '../helpers/tokens.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

function pushFrom(app: RunningApp, address: string, body: unknown): Promise<Answer> {
  return ask(`${app.url}/api/push`, {
    method: 'POST',
    headers: { 'content-type': 'application/json', 'x-forwarded-for': address },
    body: JSON.stringify(body),
  })
}

const events = (count: number) => Array.from({ length: count }, (_, n) => ({ data: n }))
const limited = { status: 429, json: { statusCode: 429, code: 'RINGCAST_RATE_LIMITED' } }

t.test('a client over its rate is told when to push again, and nothing is accepted', async (t) => {
  const app = await startApp(t, { pushesPerSecond: 2, trustProxy: 1 })
  const stream = await openStream(t, app.port, '/events')
  t.equal((await pushFrom(app, '192.0.2.1', { data: 1 })).status, 202)
  t.equal((await pushFrom(app, '192.0.2.1', { data: 2 })).status, 202)
  const refused = await pushFrom(app, '192.0.2.1', { data: 'no' })
  t.match(refused, limited)
  t.equal(refused.headers['retry-after'], '1')
  t.match(refused.json, { error: 'Too Many Requests', message: /PUSHES_PER_SECOND/ })
  t.equal((await pushFrom(app, '192.0.2.2', { data: 3 })).status, 202, 'another client')
  await stream.received(3)
  t.same(
    stream.events.map(({ data }) => data),
    ['1', '2', '3'],
  )
  t.equal(app.hub.stats.rateLimited, 1)
  let again = refused
  await until(async () => {
    again = await pushFrom(app, '192.0.2.1', { data: 4 })
    return again.status === 202
  }, 'it may push again')
})

t.test('an array counts as what it holds, lines too, and is refused as a whole', async (t) => {
  const app = await startApp(t, { pushesPerSecond: 100, trustProxy: 1 })
  t.equal((await pushFrom(app, '192.0.2.1', events(90))).status, 202)
  t.match(await pushFrom(app, '192.0.2.1', events(90)), limited)
  const lines = await ask(`${app.url}/api/push`, {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', 'x-forwarded-for': '192.0.2.1' },
    body: '{"data":1}\n'.repeat(90),
  })
  t.match(lines, limited)
  t.equal(app.hub.stats.accepted, 90)

  t.equal((await pushFrom(app, '192.0.2.2', events(1000))).status, 202, 'ten seconds at once')
  const after = await pushFrom(app, '192.0.2.2', { data: 1 })
  t.match(after, limited)
  t.match(after.headers['retry-after'], /^(9|10)$/, 'are paid for by what follows')
})

t.test('what is no push counts for nothing, and other routes are not held up', async (t) => {
  const app = await startApp(t, { pushesPerSecond: 1 })
  for (let n = 0; n < 5; n++) {
    t.equal((await pushFrom(app, '', { topic: 'no data' })).status, 400)
  }
  await push(app.url, { data: 1 })
  t.match(await pushFrom(app, '', { data: 2 }), limited)
  t.equal((await ask(`${app.url}/api/history`)).status, 200)
})

t.test('a client that may push nothing is refused before its body is read', async (t) => {
  const app = await startApp(t, { pushesPerSecond: 1 })
  await pushFrom(app, '', events(1000))
  const socket = connect(app.port, '127.0.0.1')
  t.teardown(() => socket.destroy())
  const headers = { 'Content-Type': 'application/json', 'Content-Length': '8000000' }
  socket.write(requestText('POST', '/api/push', { headers }))
  let text = ''
  socket.on('data', (bytes) => (text += bytes.toString()))
  await until(() => text.includes('RINGCAST_RATE_LIMITED'), 'the refusal')
  t.match(text, /^HTTP\/1\.1 429 [^]*retry-after: (999|1000)\r\n/i)
})

t.test('the flood is one line in the log', async (t) => {
  const { lines, logger } = keptLog()
  const app = await startApp(t, { pushesPerSecond: 1, trustProxy: 1 }, { logger })
  for (let n = 0; n < 20; n++) await pushFrom(app, '192.0.2.1', events(10))
  t.match(warnings(lines), [{ setting: 'PUSHES_PER_SECOND', client: '192.0.2.1', refused: 1 }])
  t.equal(app.hub.stats.rateLimited, 19)
})

t.test(
  'each key has a rate of its own, wherever its holders push from; so has each user',
  async (t) => {
    const other = `${apiKey}-too`
    const settings = { pushesPerSecond: 1, trustProxy: 1, apiKeys: [apiKey, other], jwtSecret }
    const app = await startApp(t, settings)
    const status = async (credential: string, address: string) => {
      const headers = { ...bearer(credential), 'x-forwarded-for': address }
      const { status } = await ask(`${app.url}/api/push?topic=news`, {
        method: 'POST',
        headers: { ...headers, 'content-type': 'text/plain' },
        body: 'x',
      })
      return status
    }
    const token = (sub: string) => tokenOf({ sub, ringcast: { publish: ['news'] } })
    const [ada, bob] = [await token('ada'), await token('bob')]
    for (const credential of [apiKey, other, ada, bob]) {
      t.equal(await status(credential, '192.0.2.1'), 202)
      t.equal(await status(credential, '192.0.2.2'), 429)
    }
  },
)
