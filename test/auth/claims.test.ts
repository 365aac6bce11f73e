import t from 'tap'
import { callerOfClaims, ClaimError } from '../../dist/auth/claims.js'

const settings = { jwtClaim: 'ringcast', jwtUserClaim: 'sub', userGrants: ['users/{user}/**'] }
const open = ['broadcast', 'public/**']

t.test('an identity provider’s token grants what is public, and what is its user’s', async (t) => {
  const claims = { sub: 'ada', iss: 'https://id.example', scope: 'openid', exp: 100, iat: 50 }
  t.same(callerOfClaims(claims, settings), {
    kind: 'token',
    user: 'ada',
    subscribe: [...open, 'users/ada/**'],
    publish: [],
    admin: false,
    expiresAt: 100_000,
    issuedAt: 50,
  })
})

t.test('a claim grants patterns, and which one is a setting', async (t) => {
  const grants = { subscribe: ['a/*', 'b'], publish: 'c/**', admin: true }
  t.match(callerOfClaims({ ringcast: grants }, settings), {
    user: undefined,
    subscribe: [...open, 'a/*', 'b'],
    publish: ['c/**'],
    admin: true,
  })
  const named = { jwtClaim: 'https://x.example/push', jwtUserClaim: 'uid', userGrants: [] }
  const claims = { 'https://x.example/push': grants, uid: 7, sub: 'no' }
  t.match(callerOfClaims(claims, named), { user: '7', admin: true })
})

t.test('a claim of the wrong form is an error, not another grant', async (t) => {
  for (const claims of [
    { ringcast: 'admin' },
    { ringcast: ['a'] },
    { ringcast: { admin: 'true' } },
    { ringcast: { admin: 1 } },
    { ringcast: { subscribe: [1] } },
    { ringcast: { subscribe: ['a/**/b'] } },
    { ringcast: { subscribe: [''] } },
    { ringcast: { publish: ['$sys/stats'] } },
    { ringcast: { publish: { a: 1 } } },
    { sub: '' },
    { sub: 'a\nb' },
    { sub: 1.5 },
    { sub: ['a'] },
    { sub: 'x'.repeat(1025) },
  ]) {
    t.throws(() => callerOfClaims(claims, settings), ClaimError, JSON.stringify(claims))
  }
})

t.test('a prototype grants nothing', async (t) => {
  for (const text of [
    '{"__proto__":{"ringcast":{"admin":true},"sub":"ada"}}',
    '{"ringcast":{"__proto__":{"admin":true,"subscribe":["**"],"publish":["**"]}}}',
    '{"constructor":{"prototype":{"admin":true}}}',
  ]) {
    const caller = callerOfClaims(JSON.parse(text) as Record<string, unknown>, settings)
    t.match(caller, { user: undefined, admin: false, publish: [] }, text)
    t.same(caller.subscribe, open)
  }
  const odd = { ...settings, jwtClaim: '__proto__', jwtUserClaim: 'constructor' }
  t.match(callerOfClaims({ sub: 'ada' }, odd), { user: undefined, admin: false })
  t.notOk('admin' in {})
})
