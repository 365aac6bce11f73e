import t, { type Test } from 'tap'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask, type Answer, type Question } from '../helpers/ask.js'
import { openApiOf, type DocumentedOperation, type OpenApi } from '../helpers/openapi.js'
import { names } from '../helpers/texts.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'

function urlOf(app: RunningApp, { path }: DocumentedOperation): string {
  return (
    app.url + path.replace('{id}', '3rgxg2.1').replace('{user}', 'bob').replace('{name}', 'x.js')
  )
}

/** Asks an operation, without opening a stream, and holds the answer to the document. */
async function refused(
  t: Test,
  openApi: OpenApi,
  app: RunningApp,
  operation: DocumentedOperation,
  { query = '', ...question }: Question & { query?: string },
): Promise<Answer> {
  const answer = await ask(urlOf(app, operation) + query, { method: operation.method, ...question })
  t.same(openApi.problems(operation, answer), [], `${operation.method} ${operation.path}${query}`)
  return answer
}

function is(
  t: Test,
  { method }: DocumentedOperation,
  answer: Answer,
  status: number,
  code: string,
) {
  t.equal(answer.status, status, `${method}: ${answer.text}`)
  if (method !== 'HEAD') t.equal(answer.json!['code'], code)
}

t.test('a host or origin that is not allowed is refused as the document says', async (t) => {
  const app = await startApp(t)
  const openApi = await openApiOf(app)
  for (const operation of openApi.operations) {
    const ofHost = await refused(t, openApi, app, operation, { headers: { host: 'rebound.test' } })
    is(t, operation, ofHost, 403, 'RINGCAST_HOST_REFUSED')
    if (['/client.js', '/feed.js'].includes(operation.path)) continue
    const headers = { origin: 'https://elsewhere.test' }
    const ofOrigin = await refused(t, openApi, app, operation, { headers })
    is(t, operation, ofOrigin, 403, 'RINGCAST_ORIGIN_REFUSED')
  }
})

t.test('who may not is refused as the document says', async (t) => {
  const app = await startApp(t, { apiKeys: [apiKey], jwtSecret })
  const openApi = await openApiOf(app, bearer(apiKey))
  const nobody = await tokenOf({ sub: 'ada' })
  const revoked = await tokenOf({ sub: 'eve', iat: inSeconds(-60) })
  const revoke = { method: 'DELETE', headers: bearer(apiKey) }
  t.equal((await ask(`${app.url}/api/users/eve/streams`, revoke)).status, 200)
  for (const operation of openApi.operations) {
    // What is said over a WebSocket is no answer of HTTP.
    if (operation.security.length === 0 || operation.path === '/ws') continue
    const asked = (headers: Record<string, string>, query = ''): Promise<Answer> =>
      refused(t, openApi, app, operation, { headers, query })
    is(t, operation, await asked({}), 401, 'RINGCAST_UNAUTHENTICATED')
    for (const [headers, query] of [
      [bearer('made-up'), ''],
      [{ authorization: apiKey }, ''],
      [{ cookie: 'ringcast_token=made-up' }, ''],
      [{}, '?ticket=made-up'],
      [{}, '?token=made-up'],
    ] as const) {
      is(t, operation, await asked(headers, query), 401, 'RINGCAST_INVALID_CREDENTIAL')
    }
    is(t, operation, await asked({}, '?ticket=a&ticket=b'), 400, 'RINGCAST_INVALID_QUERY')
    if (operation.path === '/events') t.equal((await asked(bearer(revoked))).status, 204)
    else is(t, operation, await asked(bearer(revoked)), 401, 'RINGCAST_REVOKED')
    const query = ['/events', '/api/history'].includes(operation.path) ? '?topic=orders/1' : ''
    const isOfHolders = ['/api/tickets', '/api/session'].includes(operation.path)
    if (!isOfHolders)
      is(t, operation, await asked(bearer(nobody), query), 403, 'RINGCAST_FORBIDDEN')
  }
})

t.test('a body that is not wanted is refused as the document says', async (t) => {
  const app = await startApp(t, { maxBodyBytes: 100_000 })
  const openApi = await openApiOf(app)
  const changes = openApi.operations.filter(({ method }) => ['POST', 'DELETE'].includes(method))
  for (const operation of changes) {
    const send = (type: string, body: string): Promise<Answer> => {
      // Of a DELETE, Node does not tell it by itself.
      const headers = { 'content-type': type, 'content-length': body.length }
      return refused(t, openApi, app, operation, { headers, body })
    }
    is(t, operation, await send('text/html', 'x'), 415, 'RINGCAST_UNSUPPORTED_MEDIA_TYPE')
    const large = await send('application/json', 'x'.repeat(100_001))
    is(t, operation, large, 413, 'RINGCAST_BODY_TOO_LARGE')
  }
})

t.test('what a push may be refused for is in the document', async (t) => {
  const app = await startApp(t, { maxEventBytes: 1_000 })
  const openApi = await openApiOf(app)
  const operation = openApi.operation('push')
  const pushed = async (body: unknown, type = 'application/json', query = ''): Promise<unknown> => {
    const headers = { 'content-type': type }
    const text = typeof body === 'string' ? body : JSON.stringify(body)
    const answer = await refused(t, openApi, app, operation, { headers, body: text, query })
    return answer.json!['code']
  }
  t.equal(await pushed('nonsense'), 'RINGCAST_INVALID_JSON')
  t.equal(await pushed('{"data":1}\nnonsense', 'application/x-ndjson'), 'RINGCAST_INVALID_JSON')
  t.equal(await pushed([{ data: 1 }, {}]), 'RINGCAST_INVALID_EVENT')
  t.equal(await pushed({ data: 1 }, undefined, '?topic=a'), 'RINGCAST_INVALID_QUERY')
  t.equal(await pushed({ topic: '$sys/stats', data: 1 }), 'RINGCAST_TOPIC_RESERVED')
  t.equal(await pushed({ data: 'x'.repeat(1_001) }), 'RINGCAST_EVENT_TOO_LARGE')
  t.equal(await pushed({ key: 'k', data: 1 }), undefined)
  t.equal(await pushed({ key: 'k', data: 2 }), 'RINGCAST_KEY_CONFLICT')
})

t.test('who pushes too much is refused as the document says', async (t) => {
  const app = await startApp(t, { pushesPerSecond: 1 })
  const openApi = await openApiOf(app)
  // It passes, and is worth minutes.
  await push(
    app.url,
    names(100).map((topic) => ({ topic, data: 1 })),
  )
  const operation = openApi.operation('push')
  const question = { headers: { 'content-type': 'application/json' }, body: '{"data":1}' }
  const answer = await refused(t, openApi, app, operation, question)
  is(t, operation, answer, 429, 'RINGCAST_RATE_LIMITED')
})

t.test('what else routes refuse is in the document', async (t) => {
  const app = await startApp(t)
  const openApi = await openApiOf(app)
  const cases = [
    ['events', { headers: { accept: 'text/html' } }, 406, 'RINGCAST_NOT_ACCEPTABLE'],
    ['events-head', { headers: { accept: 'text/html' } }, 406, 'RINGCAST_NOT_ACCEPTABLE'],
    ['history', { query: '?topic=$sys/stats' }, 400, 'RINGCAST_INVALID_QUERY'],
    ['history', { query: '?topic=a/**/b' }, 400, 'RINGCAST_INVALID_TOPIC'],
    ['listStreams', { query: '?after=nonsense' }, 400, 'RINGCAST_INVALID_QUERY'],
    ['trace', {}, 400, 'RINGCAST_INVALID_QUERY'],
    ['endStream', {}, 404, 'RINGCAST_STREAM_NOT_FOUND'],
    ['asset', {}, 404, 'RINGCAST_NOT_FOUND'],
    ['webSocket', {}, 426, 'RINGCAST_UPGRADE_REQUIRED'],
  ] as const
  for (const [id, question, status, code] of cases) {
    const operation = openApi.operation(id)
    is(t, operation, await refused(t, openApi, app, operation, question), status, code)
  }
})

t.test('a session that is too large is refused as the document says', async (t) => {
  const app = await startApp(t, { jwtSecret, apiKeys: [apiKey] })
  const openApi = await openApiOf(app, bearer(apiKey))
  const large = await tokenOf({ sub: 'ada', rest: 'x'.repeat(4_000) })
  const operation = openApi.operation('beginSession')
  const answer = await refused(t, openApi, app, operation, { headers: bearer(large) })
  is(t, operation, answer, 413, 'RINGCAST_TOKEN_TOO_LARGE')
})

t.test('a service that drains answers as the document says', async (t) => {
  const app = await startApp(t, { drainMs: 2_000 })
  const openApi = await openApiOf(app)
  void app.hub.drain(1)
  const body = { headers: { 'content-type': 'application/json' }, body: '{"data":1}' }
  const pushing = openApi.operation('push')
  is(t, pushing, await refused(t, openApi, app, pushing, body), 503, 'RINGCAST_DRAINING')
  for (const id of ['readyz', 'readyz-head']) {
    t.equal((await refused(t, openApi, app, openApi.operation(id), {})).status, 503)
  }
})
