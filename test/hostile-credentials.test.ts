import { createHmac, generateKeyPairSync } from 'node:crypto'
import { pino } from 'pino'
import t, { type Test } from 'tap'
import { errorCodes, type ErrorCode } from '../dist/errors.js'
import type { Settings } from '../dist/settings.js'
import { startApp, type RunningApp } from './helpers/app.js'
import { ask, type Answer, type Question } from './helpers/ask.js'
import { connection, requestText } from './helpers/connection.js'
import { startIdentityProvider } from './helpers/identity-provider.js'
import { openStream } from './helpers/sse-client.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from './helpers/tokens.js'

const rsa = generateKeyPairSync('rsa', { modulusLength: 2048 })
const pem = rsa.publicKey.export({ type: 'spki', format: 'pem' }) as string
const json = { 'content-type': 'application/json' }

function start(t: Test, settings: Partial<Settings> = {}): Promise<RunningApp> {
  return startApp(t, { apiKeys: [apiKey], jwtSecret, jwtPublicKey: pem, ...settings })
}

function isRefusal(t: Test, { status, json }: Answer, code: ErrorCode, of: string): void {
  t.equal(json?.['code'], code, `${of}: ${code}`)
  t.equal(status, errorCodes[code][0], `${of}: its status`)
  const message = String(json?.['message'])
  t.ok(message.length > 10 && message.length < 400, `${of}: a message`)
}

/** The service still takes a push, and delivers it. */
async function isWell(t: Test, app: RunningApp): Promise<void> {
  const stream = await openStream(t, app.port, '/events', { headers: bearer(apiKey) })
  await ask(`${app.url}/api/push`, {
    method: 'POST',
    headers: { ...bearer(apiKey), ...json },
    body: '{"data":"well"}',
  })
  t.equal((await stream.received(1))[0]!.data, 'well', 'it goes on')
  stream.cut()
}

const part = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')

/** A token signed with the bytes of whatever comes to hand. */
function forged(header: object, claims: unknown, secret: string): string {
  const text = `${part(header)}.${part(claims)}`
  return `${text}.${createHmac('sha256', secret).update(text).digest('base64url')}`
}

t.test('forged and spoilt tokens get their code wherever they stand', async (t) => {
  const app = await start(t, { jwtAudience: 'push', jwtIssuer: 'me' })
  const claims = {
    sub: 'ada',
    aud: 'push',
    iss: 'me',
    exp: inSeconds(60),
    ringcast: { subscribe: ['**'], publish: ['**'], admin: true },
  }
  const good = await tokenOf(claims)
  t.equal((await ask(`${app.url}/api/stats`, { headers: bearer(good) })).status, 200)
  const [head, body, signature] = good.split('.') as [string, string, string]
  const tokens: Record<string, string> = {
    'alg none': `${part({ alg: 'none' })}.${body}.`,
    'alg none with a signature': `${part({ alg: 'none' })}.${body}.${signature}`,
    'HS256 by the public key': forged({ alg: 'HS256' }, claims, pem),
    'HS256 by the trimmed public key': forged({ alg: 'HS256' }, claims, pem.trim()),
    'RS256 by the secret': forged({ alg: 'RS256' }, claims, jwtSecret),
    'a key of its own': forged(
      { alg: 'RS256', jwk: rsa.publicKey.export({ format: 'jwk' }), jku: 'http://127.0.0.1/' },
      claims,
      jwtSecret,
    ),
    'another secret': await tokenOf(claims, 'x'.repeat(32)),
    'no secret': forged({ alg: 'HS256' }, claims, ''),
    expired: await tokenOf({ ...claims, exp: inSeconds(-1) }),
    'not yet valid': await tokenOf({ ...claims, nbf: inSeconds(3600) }),
    'another audience': await tokenOf({ ...claims, aud: 'other' }),
    'no audience': await tokenOf({ ...claims, aud: [] }),
    'another issuer': await tokenOf({ ...claims, iss: 'you' }),
    oversized: await tokenOf({ ...claims, x: 'x'.repeat(9000) }),
    truncated: good.slice(0, -1),
    'without a signature': `${head}.${body}.`,
    'without its last part': `${head}.${body}`,
    'with other claims': `${head}.${part({ ...claims, sub: 'root' })}.${signature}`,
    'with one part more': `${good}.${signature}`,
    'of a deep header': `${Buffer.from('{"alg":'.repeat(500)).toString('base64url')}.${body}.x`,
    'of claims that are no object': forged({ alg: 'HS256' }, ['admin'], jwtSecret),
  }
  for (const [of, token] of Object.entries(tokens)) {
    for (const [where, path, headers] of [
      ['header', '/api/stats', bearer(token)],
      ['query', `/api/stats?token=${encodeURIComponent(token)}`, {}],
      ['cookie', '/api/stats', { cookie: `ringcast_token=${encodeURIComponent(token)}` }],
    ] as const) {
      const answer = await ask(app.url + path, { headers })
      isRefusal(t, answer, 'RINGCAST_INVALID_CREDENTIAL', `${of}, in the ${where}`)
      t.notOk(answer.text.includes(token), 'it is not repeated')
    }
  }
  await isWell(t, app)
})

t.test('a ticket that was seen is of no use, and of a race one comes first', async (t) => {
  const app = await start(t)
  const buy = async () => {
    const question = { method: 'POST', headers: bearer(await tokenOf({ sub: 'ada' })) }
    const { json } = await ask(`${app.url}/api/tickets`, question)
    return String(json!['ticket'])
  }
  const ticket = await buy()
  const racers = Array.from({ length: 20 }, () =>
    connection(t, app.port, requestText('GET', `/events?ticket=${ticket}`)),
  )
  const heads = await Promise.all(racers.map((racer) => racer.says(/^HTTP\/1\.1 (200|401)/)))
  t.equal(heads.filter((head) => head.startsWith('HTTP/1.1 200')).length, 1)
  t.equal(app.hub.streams.size, 1)
  const again = await ask(`${app.url}/events?ticket=${ticket}`)
  isRefusal(t, again, 'RINGCAST_INVALID_CREDENTIAL', 'a replay')
  const other = await buy()
  for (const headers of [bearer(other), { cookie: `ringcast_token=${other}` }]) {
    const answer = await ask(`${app.url}/api/history`, { headers })
    isRefusal(t, answer, 'RINGCAST_INVALID_CREDENTIAL', 'a ticket in the place of a token')
  }
  isRefusal(
    t,
    await ask(`${app.url}/api/history?ticket=${other}&ticket=x`),
    'RINGCAST_INVALID_QUERY',
    'two tickets',
  )
})

t.test('no way of writing a topic gets around a grant', async (t) => {
  const app = await start(t, { userGrants: ['users/{user}/**'] })
  const token = await tokenOf({ sub: 'ada', ringcast: { subscribe: ['a/*'], publish: ['a/*'] } })
  const topics = [
    ...['users/bob/x', 'users/ada/../bob/x', 'users/./bob/x', 'users//bob/x', '/users/bob/x'],
    ...['users/ada', 'users/*/x', 'users/**', 'users/ada*/x', 'users/ada\u2215x', 'Users/ada/x'],
    ...['a', 'a/', 'a/b/c', 'a/..', 'a/../b/c', 'a%2Fb', 'a\\b', 'a/**', '*/b', '**', ' a/b'],
    ...['public', 'publicity/x', '$sys/stats', '$SYS/stats', '$', 'a/b/', '*', 'broadcast/x'],
  ]
  // Topics are opaque: these are names below what is granted, and nothing else.
  const below = ['a/', 'a/..', 'users/ada/../bob/x']
  for (const topic of topics) {
    const answer = await ask(`${app.url}/api/history?topic=${encodeURIComponent(topic)}`, {
      headers: bearer(token),
    })
    t.equal(answer.status, below.includes(topic) ? 200 : 403, topic)
    const push = await ask(`${app.url}/api/push`, {
      method: 'POST',
      headers: { ...bearer(token), ...json },
      body: JSON.stringify({ topic, data: 1 }),
    })
    t.ok(topic.startsWith('a/') && below.includes(topic) ? push.status === 202 : push.status >= 400)
  }
  t.equal(app.hub.ring.size, 2)
  for (const sub of ['*', '**', 'bob/x', '../bob', '$sys']) {
    const headers = bearer(await tokenOf({ sub }))
    for (const topic of ['users/bob/x', 'users/**', 'users/*/x', '$sys/stats']) {
      const answer = await ask(`${app.url}/api/history?topic=${topic}`, { headers })
      isRefusal(t, answer, 'RINGCAST_FORBIDDEN', `${topic} by ${sub}`)
    }
  }
})

t.test('no credential forges a header', async (t) => {
  const app = await start(t)
  for (const text of ['x\r\nSet-Cookie: a=b', 'x\nX-Forged: 1', 'x%0d%0aX-Forged: 1', 'x\0y']) {
    for (const path of [
      `/api/stats?token=${encodeURIComponent(text)}`,
      `/api/stats?ticket=${encodeURIComponent(text)}`,
      `/api/streams?token=${apiKey}&x=${encodeURIComponent(text)}`,
      `/api/history?topic=a&token=${apiKey}&lastEventId=${encodeURIComponent(text)}`,
    ]) {
      const answer = await ask(app.url + path)
      t.ok([200, 400, 401].includes(answer.status), path)
      t.notOk('x-forged' in answer.headers || 'set-cookie' in answer.headers, path)
    }
    const cookie = `ringcast_token=${encodeURIComponent(text)}`
    t.equal((await ask(`${app.url}/api/stats`, { headers: { cookie } })).status, 401)
  }
  const sneaked = connection(
    t,
    app.port,
    `GET /api/stats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\n\tBearer ${apiKey}\r\n\r\n`,
  )
  t.match(await sneaked.says(/HTTP\/1\.1 \d+/), /HTTP\/1\.1 40[01]/)
  const twice = connection(
    t,
    app.port,
    `GET /api/stats HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer x\r\nAuthorization: Bearer ${apiKey}\r\n\r\n`,
  )
  t.match(await twice.says(/HTTP\/1\.1 \d+/), /HTTP\/1\.1 401/, 'the first one counts')
})

t.test('no name in JSON or in a query becomes a property of everything', async (t) => {
  const app = await start(t)
  const claims = [
    '{"__proto__":{"ringcast":{"admin":true,"publish":["**"]}},"sub":"ada"}',
    '{"ringcast":{"__proto__":{"admin":true,"publish":["**"]}}}',
    '{"ringcast":{"constructor":{"prototype":{"admin":true}}}}',
  ]
  for (const text of claims) {
    const signed = `${part({ alg: 'HS256' })}.${Buffer.from(text).toString('base64url')}`
    const token = `${signed}.${createHmac('sha256', jwtSecret).update(signed).digest('base64url')}`
    const headers = { ...bearer(token), ...json }
    const stats = await ask(`${app.url}/api/stats`, { headers })
    isRefusal(t, stats, 'RINGCAST_FORBIDDEN', text)
    const push = { method: 'POST', headers, body: '{"data":1}' }
    isRefusal(t, await ask(`${app.url}/api/push`, push), 'RINGCAST_FORBIDDEN', text)
  }
  for (const path of [
    '/api/stats?__proto__[caller]=x',
    '/api/history?constructor=x&__proto__=y',
    `/api/history?token[admin]=true`,
  ]) {
    t.ok([400, 401].includes((await ask(app.url + path)).status), path)
  }
  const body = '{"__proto__":{"admin":true},"data":1}'
  const push = { method: 'POST', headers: { ...bearer(apiKey), ...json }, body }
  isRefusal(t, await ask(`${app.url}/api/push`, push), 'RINGCAST_INVALID_EVENT', body)
  t.same([({} as Record<string, unknown>)['admin'], Object.keys(Object.prototype)], [undefined, []])
})

t.test('a form of another site changes nothing, with a cookie or without', async (t) => {
  const app = await start(t, { anonymous: 'all', origins: ['https://app.example.com'] })
  const types = ['text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data']
  for (const type of types) {
    for (const from of [
      { origin: 'https://foreign.example' },
      { origin: 'null' },
      { origin: 'http://app.example.com' },
      { origin: '' },
      { 'sec-fetch-site': 'cross-site' },
    ]) {
      for (const cookie of [{}, { cookie: `ringcast_token=${apiKey}` }]) {
        const headers = { ...from, ...cookie, 'content-type': type }
        for (const path of ['/api/push', '/api/tickets', '/api/session']) {
          const question: Question = { method: 'POST', headers, body: 'data=forged' }
          const answer = await ask(app.url + path, question)
          isRefusal(t, answer, 'RINGCAST_ORIGIN_REFUSED', `${path} ${JSON.stringify(headers)}`)
        }
      }
    }
  }
  t.equal(app.hub.ring.size, 0)
})

t.test('a name that was made to resolve to this machine brings no credential along', async (t) => {
  const headers = { Host: 'rebound.example', Origin: 'http://rebound.example', ...json }
  const push = { method: 'POST', headers, body: '{"data":1}' }
  const open = await startApp(t)
  isRefusal(t, await ask(`${open.url}/api/push`, push), 'RINGCAST_HOST_REFUSED', 'open')
  const app = await start(t)
  isRefusal(t, await ask(`${app.url}/api/push`, push), 'RINGCAST_UNAUTHENTICATED', 'with keys')
  isRefusal(t, await ask(`${app.url}/events`, { headers }), 'RINGCAST_UNAUTHENTICATED', 'a stream')
})

t.test('a flood of bad credentials is answered cheaply, and leaves nothing behind', async (t) => {
  const provider = await startIdentityProvider(t)
  await provider.addKey('k')
  const lines: string[] = []
  const logger = pino({ level: 'info' }, { write: (line: string) => void lines.push(line) })
  const settings = { apiKeys: [apiKey], jwtSecret, jwksUrl: provider.url }
  const app = await startApp(t, settings, { logger })
  const stream = await openStream(t, app.port, '/events', { headers: bearer(apiKey) })
  const claims = part({ sub: 'ada', ringcast: { admin: true } })
  const bad = (n: number): string =>
    [
      `made-up-${n}`,
      `${part({ alg: 'RS256', kid: `unknown-${n}` })}.${claims}.AAAA`,
      `${part({ alg: 'HS256' })}.${claims}.${n}`,
      `${part({ alg: 'none' })}.${claims}.`,
    ][n % 4]!
  const started = process.cpuUsage()
  let next = 0
  const statuses = new Map<number, number>()
  const attacker = async (): Promise<void> => {
    while (next < 2000) {
      const { status } = await ask(`${app.url}/events`, { headers: bearer(bad(next++)) })
      statuses.set(status, (statuses.get(status) ?? 0) + 1)
    }
  }
  await Promise.all(Array.from({ length: 20 }, attacker))
  t.same([...statuses], [[401, 2000]])
  const { user, system } = process.cpuUsage(started)
  t.ok((user + system) / 2000 < 5000, 'less than 5 ms of CPU for each, this client’s included')
  t.ok(provider.asked <= 10, 'the provider was not asked for each')
  t.equal(app.hub.streams.size, 1)
  t.ok(lines.length < 100, 'the log is not flooded')
  await ask(`${app.url}/api/push`, {
    method: 'POST',
    headers: { ...bearer(apiKey), ...json },
    body: '{"data":"still here"}',
  })
  await stream.received(1)
  await isWell(t, app)
})
