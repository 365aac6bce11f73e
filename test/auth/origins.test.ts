import t from 'tap'
import { isAllowedOrigin, isSameOrigin } from '../../dist/auth/origins.js'

const allows = (allowed: string, origin: string): boolean =>
  isAllowedOrigin({ origins: [allowed], loopback: false }, origin)

t.test('an origin is scheme, host and port, in any case', async (t) => {
  const allowed = 'https://app.example.com:8443'
  t.ok(allows(allowed, 'https://app.example.com:8443'))
  t.ok(allows(allowed, 'HTTPS://App.Example.com:8443'))
  for (const origin of [
    'https://app.example.com',
    'http://app.example.com:8443',
    'https://app.example.com:84430',
    'https://xapp.example.com:8443',
    'null',
    '',
  ]) {
    t.notOk(allows(allowed, origin), origin)
  }
})

t.test('a star stands for one or more names below a host, and for nothing else', async (t) => {
  const allowed = 'https://*.example.com'
  for (const origin of [
    'https://a.example.com',
    'https://a-1.b2.example.com',
    'https://A.Example.com',
  ]) {
    t.ok(allows(allowed, origin), origin)
  }
  for (const origin of [
    'https://example.com',
    'https://.example.com',
    'https://a..example.com',
    'https://aexample.com',
    'https://a.example.com:444',
    'https://a.example.com.foreign.example',
    'https://foreign.example/.example.com',
    'https://foreign.example?.example.com',
    'https://foreign.example#.example.com',
    'https://foreign.example:80.example.com',
    'https://user@foreign.example\\.example.com',
    'https://a\n.example.com',
    'http://a.example.com',
  ]) {
    t.notOk(allows(allowed, origin), origin)
  }
  t.ok(allows('http://*.example.com:81', 'http://a.example.com:81'))
  t.notOk(allows('http://*.example.com:81', 'http://a.example.com'))
})

t.test('a lone star stands for every origin, that of no place too', async (t) => {
  t.ok(allows('*', 'https://any.example'))
  t.ok(allows('*', 'null'))
})

t.test('pages of this machine are let in by the policy, not by a list', async (t) => {
  const open = { origins: [], loopback: true }
  for (const origin of [
    'http://localhost:1',
    'https://127.0.0.1',
    'http://[::1]:80',
    'HTTP://LOCALHOST',
  ]) {
    t.ok(isAllowedOrigin(open, origin), origin)
    t.notOk(isAllowedOrigin({ origins: [], loopback: false }, origin), origin)
  }
  for (const origin of [
    'null',
    'http://localhost.example',
    'ftp://localhost',
    'http://localhost/path',
    'localhost',
    'http://',
  ]) {
    t.notOk(isAllowedOrigin(open, origin), origin)
  }
})

t.test('an origin is the same when its host and port are those that were asked', async (t) => {
  t.ok(isSameOrigin('http://a.example:8080', 'a.example:8080'))
  t.ok(isSameOrigin('https://a.example', 'A.example'))
  t.notOk(isSameOrigin('http://a.example:8080', 'a.example'))
  t.notOk(isSameOrigin('http://b.example', 'a.example'))
  t.notOk(isSameOrigin('null', 'a.example'))
  t.notOk(isSameOrigin('http://a.example', undefined))
})
