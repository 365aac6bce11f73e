import t from 'tap'
import { startApp, type RunningApp } from '../helpers/app.js'
import { ask, type Answer } from '../helpers/ask.js'
import { openStream } from '../helpers/sse-client.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'

const settings = { apiKeys: [apiKey], jwtSecret }
const invalid = { status: 401, json: { code: 'RINGCAST_INVALID_CREDENTIAL' } }

function buy(app: RunningApp, token: string): Promise<Answer> {
  return ask(`${app.url}/api/tickets`, { method: 'POST', headers: bearer(token) })
}

t.test('a ticket opens one stream, with what its buyer is granted', async (t) => {
  const app = await startApp(t, settings)
  const token = await tokenOf({ sub: 'ada', ringcast: { subscribe: ['a/*'] } })
  const answer = await buy(app, token)
  t.match(answer, { status: 200, headers: { 'cache-control': 'no-store' } })
  t.match(answer.json, { ticket: /^[\w-]{32}$/, expiresInSeconds: 30 })
  const path = `/events?topic=a/*&ticket=${String(answer.json!['ticket'])}`
  const stream = await openStream(t, app.port, path)
  await ask(`${app.url}/api/push`, {
    method: 'POST',
    headers: { ...bearer(apiKey), 'content-type': 'application/json' },
    body: '[{"topic":"a/b","data":1},{"user":"ada","data":2}]',
  })
  await stream.received(2)
  t.match(await ask(app.url + path), invalid)
  const other = String((await buy(app, token)).json!['ticket'])
  t.match(await ask(`${app.url}/events?topic=b&ticket=${other}`), {
    status: 403,
    json: { code: 'RINGCAST_FORBIDDEN' },
  })
})

t.test('of many who come with one ticket at once, one gets in', async (t) => {
  const app = await startApp(t, settings)
  const ticket = String((await buy(app, await tokenOf({}))).json!['ticket'])
  const answers = await Promise.all(
    Array.from({ length: 50 }, () => ask(`${app.url}/api/history?ticket=${ticket}`)),
  )
  t.equal(answers.filter(({ status }) => status === 200).length, 1)
  t.equal(answers.filter(({ status }) => status === 401).length, 49)
})

t.test('a stream of a ticket ends with the token that bought it', async (t) => {
  const app = await startApp(t, { ...settings, heartbeatMs: 100 })
  const answer = await buy(app, await tokenOf({ exp: inSeconds(5) }))
  const path = `/events?ticket=${String(answer.json!['ticket'])}`
  const stream = await openStream(t, app.port, path)
  t.match(await stream.told('bye'), { reason: 'expired' })
})

t.test('a ticket buys no other, and asks for no parameters', async (t) => {
  const app = await startApp(t, settings)
  const ticket = String((await buy(app, apiKey)).json!['ticket'])
  t.match(await ask(`${app.url}/api/tickets?ticket=${ticket}`, { method: 'POST' }), invalid)
  t.match(await ask(`${app.url}/api/tickets?x=1&token=${apiKey}`, { method: 'POST' }), {
    status: 400,
    json: { code: 'RINGCAST_INVALID_QUERY' },
  })
})
