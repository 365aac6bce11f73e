import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { createServer } from 'node:https'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { startApp } from '../../helpers/app.js'
import { apiKey } from '../../helpers/tokens.js'
import { deadAddress, fakeService } from '../fake-io.js'
import { doctor, named, report } from './run.js'

t.test('with nothing in between all is well', async (t) => {
  const { url } = await startApp(t, { heartbeatMs: 500 })
  const { exitCode, stdout } = await doctor([url, '--origin', 'http://localhost:3000'])
  t.equal(exitCode, 0)
  t.notMatch(stdout, /PROBLEM/)
  t.match(stdout, /\nNo problem found; 1 could not be told\.\n$/)
  t.match(stdout, /^\? +authorization +the service is open/m)
})

t.test('nobody there is one problem', async (t) => {
  const found = await report(await deadAddress())
  t.same(named(found), ['unreachable'])
  t.equal(found.exitCode, 1)
})

t.test('what is not Ringcast is told from what is', async (t) => {
  const url = await fakeService(t, (_request, response) => {
    response.writeHead(200, { 'content-type': 'text/html' }).end('<h1>Hello</h1>')
  })
  t.same(named(await report(url)), ['not-ringcast'])
})

t.test('a proxy that does not reach the service says so', async (t) => {
  const url = await fakeService(t, (_request, response) => response.writeHead(502).end())
  const { stdout } = await doctor([url])
  t.match(stdout, /PROBLEM service +what is in front answers 502/)
})

t.test('a port that speaks no TLS is told from a bad certificate', async (t) => {
  const { url } = await startApp(t)
  const found = await report(url.replace('http:', 'https:'))
  t.same(named(found), ['no-tls'])
})

t.test('a wrong path is told', async (t) => {
  const { url } = await startApp(t)
  const found = await report(`${url}/prefix`)
  t.same(named(found), ['path'])
  t.equal(found.problems[0]?.remedies.length, 7, 'with nothing recognised all have their lines')
  const one = await report(`${url}/prefix`, '--proxy', 'haproxy')
  t.same(
    one.problems[0]?.remedies.map(({ proxy }) => proxy),
    ['haproxy'],
  )
})

t.test('a credential that is missing or bad is told, and nothing is said to be well', async (t) => {
  const { url } = await startApp(t, { apiKeys: [apiKey] })
  for (const argv of [[], ['--token', 'not-the-key-of-anybody']]) {
    const found = await report(url, ...argv)
    t.same(named(found), ['credential'])
    t.equal(found.exitCode, 1)
  }
})

t.test('a page that ORIGINS does not name is told', async (t) => {
  const { url } = await startApp(t, { apiKeys: [apiKey], heartbeatMs: 500 })
  const found = await report(url, '--token', apiKey, '--origin', 'https://app.example.com')
  t.same(named(found), ['origins'])
})

t.test('a service that believes what clients say of their address is told', async (t) => {
  const { url } = await startApp(t, { trustProxy: 1, heartbeatMs: 500 })
  t.same(named(await report(url)), ['forged-address'])
})

t.test('a certificate that nobody vouches for ends it before anything is sent', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-certificate-'))
  t.teardown(() => rmSync(folder, { recursive: true, force: true }))
  const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
  const name = ['-subj', '/CN=other.example.com', '-days', '30']
  const curve = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes']
  execFileSync('openssl', ['req', '-x509', ...curve, '-keyout', key, '-out', cert, ...name], {
    stdio: 'ignore',
  })
  let requests = 0
  const server = createServer({ key: readFileSync(key), cert: readFileSync(cert) }, () => {
    requests += 1
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close())
  await new Promise((resolve) => server.once('listening', resolve))
  const { port } = server.address() as AddressInfo
  t.same(named(await report(`https://127.0.0.1:${port}`, '--token', apiKey)), ['certificate'])
  t.equal(requests, 0)
})

t.test('a command line that cannot be followed is refused with exit code 2', async (t) => {
  for (const [argv, message] of [
    [['ftp://x'], /URL: "ftp:\/\/x" is not an http/],
    [['http://a', 'http://b'], /doctor takes one URL/],
    [['--origin', 'app.example.com'], /--origin: "app.example.com" is no origin/],
    [['--idle', 'long'], /--idle: "long" is not a duration/],
    [['--proxy', 'ngnix'], /--proxy: "ngnix" has no remedies here; the nearest is nginx/],
  ] as const) {
    const { exitCode, stderr } = await doctor(argv)
    t.equal(exitCode, 2, argv.join(' '))
    t.match(stderr, message)
  }
})
