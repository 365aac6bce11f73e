import t, { type Test } from 'tap'
import { ask } from '../helpers/ask.js'
import { startServer, type ServerProcess } from '../helpers/server-process.js'
import { openStream } from '../helpers/sse-client.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'
import { openWebSocket } from '../helpers/web-socket-client.js'
import { openFramed } from '../helpers/web-socket-frames.js'

type Line = Readonly<Record<string, unknown>>

const levels = { debug: 20, info: 30, warn: 40 }

/** A service that logs all there is, and asks for credentials. */
function startTalkative(t: Test): Promise<ServerProcess> {
  const credentials = ['--api-keys', apiKey, '--jwt-secret', jwtSecret]
  return startServer(t, '--log-level', 'debug', ...credentials)
}

/** What it said so far, but for how it began. */
function linesOf(server: ServerProcess): Line[] {
  const lines = server.log().split('\n').slice(0, -1)
  return lines
    .map((line) => JSON.parse(line) as Line)
    .filter(({ msg }) => !/listening/.test(String(msg)))
}

const json = { 'content-type': 'application/json' }

function push(server: ServerProcess, headers: Record<string, string> = {}) {
  const body = '[{"topic":"a","data":1},{"topic":"a","data":2}]'
  const all = { ...json, ...bearer(apiKey), ...headers }
  return ask(`${server.url}/api/push`, { method: 'POST', headers: all, body })
}

t.test('a push is one line, at debug', async (t) => {
  const server = await startTalkative(t)
  const { status, headers } = await push(server)
  t.equal(status, 202)
  await until(() => linesOf(server).length > 0, 'a line')
  const pushed = { level: levels.debug, msg: 'pushed', events: 2, reqId: headers['x-request-id'] }
  t.match(linesOf(server), [pushed])
})

t.test(
  'a stream is a line when it opens, at debug, and one when it ends, with how it was',
  async (t) => {
    const server = await startTalkative(t)
    const headers = { ...bearer(apiKey), 'X-Request-Id': 'from-the-proxy/1' }
    const stream = await openStream(t, server.port, '/events?topic=a', { headers })
    t.match(stream.head(), /^x-request-id: from-the-proxy\/1\r?$/im)
    const { stream: id } = await stream.told('open')
    stream.cut()
    await until(() => linesOf(server).some(({ msg }) => msg === 'stream ended'), 'its end')
    t.match(linesOf(server), [
      {
        level: levels.debug,
        msg: 'stream opened',
        reqId: 'from-the-proxy/1',
        stream: id,
        topics: ['a'],
      },
      {
        level: levels.info,
        msg: 'stream ended',
        stream: id,
        reason: 'client',
        seconds: /^[0-5]$/,
        bytes: Number,
      },
    ])
    t.equal(linesOf(server).length, 2)
  },
)

t.test("a stream of the service's own topics is as many lines", async (t) => {
  const server = await startTalkative(t)
  const stream = await openStream(t, server.port, '/events?topic=$sys/stats', {
    headers: bearer(apiKey),
  })
  const { stream: id } = await stream.told('open')
  stream.cut()
  await until(() => linesOf(server).some(({ msg }) => msg === 'stream ended'), 'its end')
  t.match(linesOf(server), [
    { level: levels.debug, msg: 'stream opened', stream: id, topics: ['$sys/stats'] },
    { level: levels.info, msg: 'stream ended', stream: id, reason: 'client' },
  ])
})

t.test('probes and what is only asked for are no line', async (t) => {
  const server = await startTalkative(t)
  for (const path of ['/livez', '/readyz', '/metrics', '/api/stats', '/', '/client.js', '/none']) {
    await ask(server.url + path, { headers: bearer(apiKey) })
  }
  await push(server)
  await until(() => linesOf(server).length > 0, 'the line of the push')
  t.match(linesOf(server), [{ msg: 'pushed' }])
})

t.test('a request has an id: its own, or one of the service', async (t) => {
  const server = await startTalkative(t)
  const idOf = async (given?: string): Promise<string> => {
    const headers = given === undefined ? {} : { 'x-request-id': given }
    const answer = await ask(`${server.url}/livez`, { headers })
    return answer.headers['x-request-id'] as string
  }
  t.equal(await idOf('4bf92f3577b34da6'), '4bf92f3577b34da6')
  const [first, second] = [await idOf(), await idOf()]
  t.match(first, /^[a-z0-9]{6}-0-[a-z0-9]+$/)
  t.not(first, second)
  for (const bad of ['', 'with space', 'x'.repeat(129), 'ä']) {
    t.match(await idOf(bad), /^[a-z0-9]{6}-0-/, bad)
  }
  const refused = await ask(`${server.url}/api/push?bad=1`, {
    method: 'POST',
    headers: bearer(apiKey),
  })
  t.ok(refused.headers['x-request-id'], 'refusals have one too')
  const given = { ...bearer(apiKey), 'X-Request-Id': '4bf92f3577b34da6' }
  const agreed = (await openFramed(t, server.port, '/ws', given)).head()
  t.match(agreed, /^x-request-id: 4bf92f3577b34da6\r?$/im, 'and so has what agrees to a handshake')
})

t.test('no credential is in it, however it comes and whatever becomes of it', async (t) => {
  const server = await startTalkative(t)
  const token = await tokenOf({ sub: 'ann', exp: inSeconds(60) })
  const bad = 'not-a-key-of-this-service'
  const ticket = async (): Promise<string> => {
    const options = { method: 'POST', headers: bearer(token) }
    return String((await ask(`${server.url}/api/tickets`, options)).json!['ticket'])
  }
  const used = await ticket()
  const secrets = [apiKey, jwtSecret, token, bad, used]
  for (const query of [`token=${token}`, `token=${bad}`, `ticket=${used}`, `ticket=${used}`]) {
    const stream = await openStream(t, server.port, `/events?${query}`)
    stream.cut()
  }
  for (const cookie of [token, bad]) {
    const headers = { cookie: `ringcast_token=${cookie}`, origin: 'https://foreign.example' }
    await ask(`${server.url}/api/history`, { headers })
  }
  await ask(`${server.url}/api/push`, {
    method: 'POST',
    headers: { ...json, ...bearer(bad) },
    body: '{',
  })
  const [known, unknown] = [
    await openWebSocket(t, server.port, '/ws'),
    await openWebSocket(t, server.port, '/ws'),
  ]
  known.send(JSON.stringify({ type: 'auth', token }))
  t.match(await known.request({ type: 'ping' }), { type: 'ok' })
  unknown.send(JSON.stringify({ type: 'auth', token: bad }))
  await until(() => unknown.closed, 'the end of who is not known')
  await push(server)
  await until(() => linesOf(server).some(({ msg }) => msg === 'pushed'), 'the last line')
  for (const secret of secrets) t.notOk(server.log().includes(secret))
})
