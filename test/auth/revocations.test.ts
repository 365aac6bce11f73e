import t from 'tap'
import { keyCaller, type Caller } from '../../dist/auth/caller.js'
import { Revocations } from '../../dist/auth/revocations.js'

const ofUser = (user: string | undefined, issuedAt?: number): Caller => ({
  ...keyCaller(1),
  kind: 'token',
  user,
  issuedAt,
})

t.test('what was issued up to the second of a revocation is revoked', async (t) => {
  const revocations = new Revocations(() => 1_000_500)
  t.notOk(revocations.has(ofUser('ada', 1)))
  revocations.revoke('ada')
  t.ok(revocations.has(ofUser('ada', 999)))
  t.ok(revocations.has(ofUser('ada', 1000)), 'of the same second: it may be older')
  t.ok(revocations.has(ofUser('ada', 1000.9)))
  t.ok(revocations.has(ofUser('ada')), 'of an age that it does not tell')
  t.notOk(revocations.has(ofUser('ada', 1001)))
  t.notOk(revocations.has(ofUser('bob', 1)))
  t.notOk(revocations.has(ofUser(undefined)))
  t.notOk(revocations.has(keyCaller(1)))
})

t.test('a second revocation counts from its own time', async (t) => {
  let now = 1_000_000
  const revocations = new Revocations(() => now)
  revocations.revoke('ada')
  now = 2_000_000
  t.notOk(revocations.has(ofUser('ada', 1500)))
  revocations.revoke('ada')
  t.ok(revocations.has(ofUser('ada', 1500)))
})

t.test('what is too much to remember is asked of everybody, never forgotten', async (t) => {
  let now = 1_000_000
  const revocations = new Revocations(() => now)
  revocations.revoke('first')
  now = 2_000_000
  for (let i = 0; i < 100_000; i++) revocations.revoke(`u${i}`)
  t.ok(revocations.has(ofUser('first', 999)))
  t.ok(revocations.has(ofUser('bob', 999)), 'the price of it')
  t.notOk(revocations.has(ofUser('bob', 1001)))
  t.ok(revocations.has(ofUser('u1', 1001)))
})

t.test('what another node has revoked counts here at once, and is told', async (t) => {
  let tell: (changes: ReadonlyMap<string, number | undefined>) => void = () => {}
  const revocations = new Revocations(() => 0, {
    kept: [['ann', 5]],
    keep: () => Promise.resolve(),
    onChange: (listener) => (tell = listener),
  })
  const told: string[] = []
  revocations.onRevoked((user) => told.push(user))
  const isRevoked = (user: string, issuedAt: number) => revocations.has(ofUser(user, issuedAt))
  tell(
    new Map<string, number | undefined>([
      ['bob', 7],
      ['ann', undefined],
      ['', 3],
    ]),
  )
  t.strictSame(told, ['bob'])
  t.equal(isRevoked('bob', 7), true)
  t.equal(isRevoked('bob', 8), false)
  t.equal(isRevoked('ann', 4), false)
  t.equal(isRevoked('ann', 3), true, 'what is asked of all')
})
