import t from 'tap'
import { startApp, type RunningApp } from '../helpers/app.js'
import { ask, type Answer } from '../helpers/ask.js'
import { connection } from '../helpers/connection.js'
import { keptLog } from '../helpers/kept-log.js'

const hostRefused = { status: 403, json: { code: 'RINGCAST_HOST_REFUSED' } }
const originRefused = { status: 403, json: { code: 'RINGCAST_ORIGIN_REFUSED' } }

function preflight(app: RunningApp, origin: string, method = 'POST'): Promise<Answer> {
  return ask(`${app.url}/api/push`, {
    method: 'OPTIONS',
    headers: {
      Origin: origin,
      'Access-Control-Request-Method': method,
      'Access-Control-Request-Headers': 'content-type,last-event-id',
    },
  })
}

const fromOrigin = (app: RunningApp, origin: string, path = '/api/stats'): Promise<Answer> =>
  ask(app.url + path, { headers: { Origin: origin } })

t.test('an open service answers to the names of this machine alone', async (t) => {
  const app = await startApp(t)
  const { port } = app
  for (const host of [
    `127.0.0.1:${port}`,
    '127.9.9.9',
    `localhost:${port}`,
    'LOCALHOST',
    'app.localhost:80',
    `[::1]:${port}`,
  ]) {
    t.equal((await ask(`${app.url}/livez`, { headers: { Host: host } })).status, 200, host)
  }
  for (const host of [
    'rebound.example',
    `rebound.example:${port}`,
    'localhost.example',
    '127.0.0.1.example',
    'notlocalhost',
    '192.168.0.7',
    '0.0.0.0',
    '[::2]',
  ]) {
    for (const path of ['/livez', '/events', '/api/stats', '/nothing']) {
      t.match(await ask(app.url + path, { headers: { Host: host } }), hostRefused, host + path)
    }
  }
  const empty = connection(t, port, 'GET /livez HTTP/1.1\r\nHost:\r\n\r\n')
  await empty.says(/RINGCAST_HOST_REFUSED/)
})

t.test('a page whose name was made to resolve to this machine gets nothing', async (t) => {
  const app = await startApp(t)
  const headers = {
    Host: 'rebound.example',
    Origin: 'http://rebound.example',
    'content-type': 'application/json',
  }
  const push = { method: 'POST', headers, body: '{"data":1}' }
  t.match(await ask(`${app.url}/api/push`, push), hostRefused)
  t.match(await ask(`${app.url}/events`, { headers }), hostRefused)
  t.equal(app.hub.ring.size, 0)
  t.equal(app.hub.streams.size, 0)
})

t.test('pages of this machine may use an open service, whatever their port', async (t) => {
  const app = await startApp(t)
  for (const origin of [
    'http://localhost:5173',
    'https://localhost',
    'http://127.0.0.1:1',
    'http://[::1]:3000',
    'http://app.localhost:8080',
  ]) {
    const answer = await fromOrigin(app, origin)
    t.equal(answer.status, 200, origin)
    t.equal(answer.headers['access-control-allow-origin'], origin)
    t.match(answer.headers.vary, /Origin/)
    t.equal((await preflight(app, origin)).status, 204, origin)
  }
})

t.test(
  'a page of a foreign origin is refused, and the log says what would let it in',
  async (t) => {
    const { lines, logger } = keptLog()
    const app = await startApp(t, {}, { logger })
    const origin = 'https://foreign.example'
    const push = await ask(`${app.url}/api/push`, {
      method: 'POST',
      headers: { Origin: origin, 'content-type': 'text/plain' },
      body: 'forged',
    })
    t.match(push, originRefused)
    t.match(push.json, { message: /ORIGINS/ })
    t.notOk('access-control-allow-origin' in push.headers)
    t.match(
      lines.filter(({ level }) => level === 40),
      [{ origin, setting: 'ORIGINS', msg: /origin refused/ }],
    )
    t.equal(app.hub.ring.size, 0)
    for (const other of [
      origin,
      'null',
      'http://localhost.example',
      'http://192.168.0.7',
      'file://',
    ]) {
      t.match(await fromOrigin(app, other, '/events'), originRefused, other)
      t.match(await fromOrigin(app, other, '/nothing'), originRefused, other)
      t.match(await preflight(app, other), originRefused, other)
    }
    t.equal(app.hub.streams.size, 0)
  },
)

t.test('a log line holds no more of an origin than a line should', async (t) => {
  const { lines, logger } = keptLog()
  const app = await startApp(t, {}, { logger })
  t.match(await fromOrigin(app, `https://${'x'.repeat(5000)}.example`), originRefused)
  t.equal((lines.find(({ level }) => level === 40)!['origin'] as string).length, 256)
})

t.test('a preflight names the methods and headers that there are', async (t) => {
  const app = await startApp(t)
  const origin = 'http://localhost:3000'
  const answer = await preflight(app, origin)
  t.match(answer, {
    status: 204,
    text: '',
    headers: {
      'access-control-allow-origin': origin,
      'access-control-allow-methods': 'GET, HEAD, POST, DELETE',
      'access-control-max-age': '600',
    },
  })
  const allowed = String(answer.headers['access-control-allow-headers']).toLowerCase().split(', ')
  for (const name of ['authorization', 'content-type', 'last-event-id', 'cache-control']) {
    t.ok(allowed.includes(name), name)
  }
  const busy = await fromOrigin(app, origin)
  t.match(busy.headers['access-control-expose-headers'], /Retry-After/)
})

t.test('an OPTIONS that is no preflight is answered too, an error in the one shape', async (t) => {
  const app = await startApp(t)
  const options = (headers: Record<string, string>) =>
    ask(`${app.url}/api/push`, { method: 'OPTIONS', headers })
  t.equal((await options({ Origin: 'http://localhost:3000' })).status, 204)
  t.match(await options({}), { status: 405, json: { code: 'RINGCAST_METHOD_NOT_ALLOWED' } })
})

t.test('pages that may use the service can read its errors', async (t) => {
  const app = await startApp(t)
  const origin = 'http://localhost:3000'
  for (const path of ['/nothing', '/events?nonsense=1', '/api/push']) {
    const answer = await fromOrigin(app, origin, path)
    t.ok(answer.status >= 400, path)
    t.equal(answer.headers['access-control-allow-origin'], origin, path)
  }
})

t.test('ORIGINS lets in whom it names', async (t) => {
  const origins = ['https://app.example.com', 'https://*.pages.example']
  const app = await startApp(t, { origins })
  for (const origin of [
    'https://app.example.com',
    'HTTPS://APP.EXAMPLE.COM',
    'https://a.pages.example',
    'https://a.b.pages.example',
    'http://localhost:5173',
  ]) {
    const answer = await fromOrigin(app, origin)
    t.equal(answer.status, 200, origin)
    t.equal(answer.headers['access-control-allow-origin'], origin)
  }
  for (const origin of [
    'http://app.example.com',
    'https://app.example.com:8443',
    'https://app.example.com.foreign.example',
    'https://pages.example',
    'https://foreignpages.example',
    'https://foreign.example/.pages.example',
    'http://a.pages.example',
  ]) {
    t.match(await fromOrigin(app, origin), originRefused, origin)
  }
})

t.test('ORIGINS=* lets in every page', async (t) => {
  const app = await startApp(t, { origins: ['*'] })
  for (const origin of ['https://any.example', 'null']) {
    const answer = await fromOrigin(app, origin)
    t.equal(answer.status, 200, origin)
    t.notOk('access-control-allow-credentials' in answer.headers, 'without cookies')
  }
})

t.test(
  'with ANONYMOUS=all any Host will do, and loopback pages are as foreign as others',
  async (t) => {
    const app = await startApp(t, { anonymous: 'all', origins: ['https://app.example.com'] })
    const host = 'push.example.com'
    t.equal((await ask(`${app.url}/livez`, { headers: { Host: host } })).status, 200)
    t.match(await fromOrigin(app, 'http://localhost:5173'), originRefused)
    t.equal((await fromOrigin(app, 'https://app.example.com')).status, 200)
  },
)

t.test('a page that the service itself served, or a proxy before it, may use it', async (t) => {
  const app = await startApp(t, { anonymous: 'all' })
  const url = `${app.url}/api/stats`
  const withOrigin = (Origin: string, Host: string) => ask(url, { headers: { Origin, Host } })
  t.equal((await withOrigin('https://push.example.com', 'push.example.com')).status, 200)
  t.equal((await withOrigin('http://push.example.com:8080', 'push.example.com:8080')).status, 200)
  t.match(await withOrigin('http://push.example.com:8081', 'push.example.com:8080'), originRefused)
  t.match(await withOrigin('https://foreign.example', 'push.example.com'), originRefused)
})

t.test('a service that listens on a loopback name is as open, and as closed', async (t) => {
  const app = await startApp(t, { host: 'localhost' })
  t.match(await ask(`${app.url}/livez`, { headers: { Host: 'evil.example' } }), hostRefused)
  const page = { headers: { Origin: 'http://localhost:3000' } }
  t.equal((await ask(`${app.url}/livez`, page)).status, 200)
})
