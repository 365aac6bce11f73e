import { execFile } from 'node:child_process'
import { X509Certificate } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { WebSocket } from 'ws'
import { push, startSecureApp } from '../helpers/app.js'
import { certificateFiles, testCertificate, type CertificateFiles } from '../helpers/certificate.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { http2Session, http2Stream } from '../helpers/http2-client.js'
import { startRedis } from '../helpers/redis-server.js'
import { runCommand, startServer, startServerInto } from '../helpers/server-process.js'
import { until } from '../helpers/until.js'

const run = promisify(execFile)

const broken = '-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n'

const flagsOf = ({ tlsCert, tlsKey }: CertificateFiles): string[] => [
  '--tls-cert',
  tlsCert,
  '--tls-key',
  tlsKey,
]

/** The certificate that a port shows now. */
async function shown(t: Test, port: number): Promise<string> {
  const socket = connect({ port, host: '127.0.0.1', rejectUnauthorized: false })
  t.teardown(() => socket.destroy())
  await once(socket, 'secureConnect')
  const { raw } = socket.getPeerCertificate()
  socket.destroy()
  return raw.toString('base64')
}

t.test('curl pushes and listens by HTTP/2, and by HTTP/1.1', async (t) => {
  const files = certificateFiles(t)
  const { url } = await startServer(t, ...flagsOf(files))
  t.match(url, /^https:/)
  const curl = async (...args: string[]) => {
    const { stdout } = await run('curl', ['-s', '--cacert', files.tlsCert, ...args])
    return stdout
  }
  const head = ['-o', '/dev/null', '-w', '%{http_version} %{http_code}']
  t.equal(await curl(...head, '--json', '{"data":1}', `${url}/api/push`), '2 202')
  t.equal(await curl(...head, '--http1.1', '--json', '{"data":2}', `${url}/api/push`), '1.1 202')
  for (const version of ['--http2', '--http1.1']) {
    // A stream has no end: curl's is after so many seconds.
    const text = await curl(version, '-m', '5', `${url}/events?last=2`).catch(
      (error: unknown) => (error as { stdout: string }).stdout,
    )
    t.match(text, /data: 1\n[^]*data: 2\n/)
  }
})

t.test('SIGHUP shows the new certificate, and no stream ends of it', async (t) => {
  for (const flags of [[], ['--workers', '2', '--store', `file:${t.testdir()}/log`]]) {
    const files = certificateFiles(t)
    const server = await startServer(t, ...flagsOf(files), ...flags)
    const [before, key] = [files.tlsCert, files.tlsKey].map((file) =>
      readFileSync(file, 'utf8'),
    ) as [string, string]
    const stream = await http2Stream(http2Session(t, server.port, { ca: before }), '/events')
    const first = await shown(t, server.port)

    writeFileSync(files.tlsKey, 'no key')
    server.process.kill('SIGHUP')
    await until(() => server.log().includes('could not be renewed'), 'a line of what is wrong')
    t.match(server.log(), 'has no private key')
    t.equal(await shown(t, server.port), first)

    writeFileSync(files.tlsKey, key)
    writeFileSync(files.tlsCert, `${before}${broken}`)
    server.process.kill('SIGHUP')
    await until(() => server.log().includes('is broken behind'), 'a line of what is wrong with it')
    t.equal(await shown(t, server.port), first)

    files.renew()
    server.process.kill('SIGHUP')
    await until(async () => (await shown(t, server.port)) !== first, 'the new certificate')
    const { code, stderr } = await runCommand(['push', '{"n":1}'], {
      env: { RINGCAST_URL: server.url, NODE_EXTRA_CA_CERTS: files.tlsCert },
    })
    t.equal(code, 0, stderr)
    t.match(await stream.received(1), [{ data: '{"n":1}' }])
    t.notOk(stream.closed)
  }
})

t.test('a SIGHUP that comes before it listens counts once it does', async (t) => {
  const files = certificateFiles(t)
  const redis = await startRedis(t)
  await redis.kill()
  const file = join(t.testdir(), 'log')
  const begun = startServerInto(t, file, ...flagsOf(files), '--store', redis.url)
  await until(() => existsSync(file) && /cannot be used/.test(readFileSync(file, 'utf8')), 'a wait')
  files.renew()
  begun.process.kill('SIGHUP')
  await redis.start()
  const { port } = await begun.listening
  const { raw } = new X509Certificate(readFileSync(files.tlsCert))
  await until(async () => (await shown(t, port)) === raw.toString('base64'), 'the certificate')
})

t.test('what is wrong with the files is said at the start', async (t) => {
  const [files, others] = [certificateFiles(t), certificateFiles(t)]
  const chain = join(t.testdir(), 'chain.pem')
  writeFileSync(chain, readFileSync(files.tlsCert, 'utf8') + broken)
  const start = (...flags: string[]) => runCommand(['serve', '--port', '0', ...flags])
  const wrong: [string, string[]][] = [
    ['need each other', ['--tls-cert', files.tlsCert]],
    ['(ENOENT)', ['--tls-cert', '/nowhere', '--tls-key', files.tlsKey]],
    ['has no certificate', ['--tls-cert', files.tlsKey, '--tls-key', files.tlsKey]],
    ['has no private key', ['--tls-cert', files.tlsCert, '--tls-key', files.tlsCert]],
    ['is broken behind', ['--tls-cert', chain, '--tls-key', files.tlsKey]],
    ['is not the key of', ['--tls-cert', files.tlsCert, '--tls-key', others.tlsKey]],
  ]
  for (const [why, flags] of wrong) {
    const { code, stderr } = await start(...flags)
    t.equal(code, 2, why)
    t.match(stderr, why)
    t.equal(stderr.trim().split('\n').length, 1)
  }
})

t.test('a WebSocket goes over TLS', async (t) => {
  const app = await startSecureApp(t)
  const client = new WebSocket(`wss://127.0.0.1:${app.port}/ws?topic=broadcast`, {
    ca: testCertificate().cert,
  })
  t.teardown(() => {
    client.terminate()
  })
  const messages: string[] = []
  client.on('message', (text: Buffer) => messages.push(text.toString()))
  await until(() => messages.length === 1, 'the opening')
  await push(app.url, { data: 'over TLS' })
  await until(() => messages.some((text) => text.includes('over TLS')), 'the event')
})

t.test('a browser holds a hundred streams', { skip: whyNoChromium() }, async (t) => {
  const app = await startSecureApp(t)
  const browser = (await startChromium(t)).browser()!
  const page = await (await browser.newContext({ ignoreHTTPSErrors: true })).newPage()
  await page.goto(`${app.url}/livez`)
  await page.evaluate(() => {
    const got = { opened: 0, events: 0 }
    Object.assign(globalThis, { got })
    for (let n = 0; n < 100; n++) {
      const source = new EventSource(`/events?topic=all&topic=one/${n}`)
      source.onopen = () => got.opened++
      source.onmessage = () => got.events++
    }
  })
  await until(() => app.hub.streams.size === 100, 'a hundred streams')
  await push(app.url, [
    { topic: 'all', data: 1 },
    { topic: 'one/7', data: 2 },
  ])
  const got = () => page.evaluate(() => (globalThis as unknown as { got: object }).got)
  await until(async () => JSON.stringify(await got()).includes('"events":101'), 'each event')

  // Cut off, each comes back, with what it missed.
  for (const { transport } of app.hub.streams.values()) transport.destroy()
  await until(() => app.hub.streams.size === 0, 'the end of them all')
  await push(app.url, { topic: 'all', data: 3 })
  await until(async () => JSON.stringify(await got()).includes('"events":201'), 'what was missed')
  t.match(await got(), { opened: 200, events: 201 })
})
