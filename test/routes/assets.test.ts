import { gzipSync } from 'node:zlib'
import { readFileSync } from 'node:fs'
import t from 'tap'
import { startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { connection, requestText } from '../helpers/connection.js'
import { apiKey } from '../helpers/tokens.js'

function built(name: string): string {
  return readFileSync(new URL(`../../dist/web/${name}`, import.meta.url), 'utf8')
}

t.test('the client and the feed are served as scripts, without a credential', async (t) => {
  const app = await startApp(t, { apiKeys: [apiKey] })
  for (const name of ['client.js', 'feed.js']) {
    const { status, headers, text } = await ask(`${app.url}/${name}`, {
      headers: { origin: 'https://elsewhere.test' },
    })
    t.equal(status, 200, name)
    t.equal(text, built(name))
    t.equal(headers['content-type'], 'text/javascript; charset=utf-8')
    t.equal(headers['x-content-type-options'], 'nosniff')
    t.equal(headers['cache-control'], 'no-cache')
    t.equal(headers['access-control-allow-origin'], '*')
    t.match(headers.etag, /^"[\w-]+"$/, 'a strong tag')
    const head = await ask(`${app.url}/${name}`, { method: 'HEAD' })
    t.equal(head.headers.etag, headers.etag)
    t.equal(head.text, '')
  }
})

t.test('who has the client already is told so', async (t) => {
  const app = await startApp(t)
  const { etag } = (await ask(`${app.url}/client.js`)).headers
  for (const known of [etag!, `W/${etag}`, `"another", ${etag}`, '*']) {
    const { status, headers, text } = await ask(`${app.url}/client.js`, {
      headers: { 'if-none-match': known },
    })
    t.same([status, text, headers.etag], [304, '', etag], known)
    t.equal(headers['access-control-allow-origin'], '*')
  }
  const other = await ask(`${app.url}/client.js`, { headers: { 'if-none-match': '"another"' } })
  t.equal(other.status, 200)
})

t.test('pages of any origin may have the client, and get the same answer', async (t) => {
  for (const settings of [{}, { apiKeys: [apiKey], origins: ['https://app.example.com'] }]) {
    const app = await startApp(t, settings)
    for (const origin of ['https://elsewhere.test', 'https://app.example.com', 'null']) {
      const { status, headers } = await ask(`${app.url}/client.js`, { headers: { origin } })
      t.equal(status, 200, origin)
      t.equal(headers['access-control-allow-origin'], '*')
      t.equal(headers['access-control-allow-credentials'], undefined)
      t.equal(headers['cross-origin-resource-policy'], 'cross-origin')
      t.equal(headers.vary, undefined)
    }
    const { status } = await ask(`${app.url}/livez`, {
      headers: { origin: 'https://elsewhere.test' },
    })
    t.equal(status, 403, 'nothing else is open to them')
  }
})

t.test('an open service gives the client only by the names of this machine', async (t) => {
  const app = await startApp(t)
  const { status } = await ask(`${app.url}/client.js`, { headers: { host: 'rebound.test' } })
  t.equal(status, 403)
})

t.test('gzipped the client is under 5 kB, and the feed, which has it in it, 9.5', async (t) => {
  t.ok(gzipSync(built('client.js'), { level: 6 }).length < 5_000)
  t.ok(gzipSync(built('feed.js'), { level: 6 }).length < 9_500)
})

t.test('no trick with a path gets anything but what is meant to be served', async (t) => {
  const app = await startApp(t)
  const names = [
    '../dashboard.html',
    '..%2fclient.js',
    '%2e%2e/client.js',
    '%2e%2e%2f%2e%2e%2fcli%2fmain.js',
    '..%5cclient.js',
    '....//client.js',
    '%00',
    'dashboard.js',
    'constructor',
    '.',
    '',
  ]
  for (const name of names) {
    const request = requestText('GET', `/assets/${name}`, { headers: { Connection: 'close' } })
    const answer = await connection(t, app.port, request).end()
    t.match(answer, /^HTTP\/1\.1 40[04] /, name)
    t.match(answer, /"code":"RINGCAST_(NOT_FOUND|BAD_REQUEST)"/)
  }
})
