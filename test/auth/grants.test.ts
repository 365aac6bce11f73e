import fc from 'fast-check'
import t from 'tap'
import { anonymousCaller, keyCaller, type Caller } from '../../dist/auth/caller.js'
import {
  checkAdmin,
  checkMayPublish,
  checkPublish,
  checkSubscribe,
  grantsOfUser,
} from '../../dist/auth/grants.js'
import { RingcastError } from '../../dist/errors.js'
import { covers, patternMatches } from '../../dist/hub/topic.js'
import { draft } from '../logs/event-log-suite.js'

const nothing: Caller = {
  kind: 'token',
  user: undefined,
  subscribe: [],
  publish: [],
  admin: false,
  expiresAt: undefined,
  issuedAt: undefined,
}
const withGrants = (grants: Partial<Caller>): Caller => ({ ...nothing, ...grants })

/** The code of what is thrown, or `granted`. */
function outcome(check: () => void): string {
  try {
    check()
    return 'granted'
  } catch (error) {
    return error instanceof RingcastError ? error.code : String(error)
  }
}

const subscribing = (caller: Caller, ...topics: string[]) =>
  outcome(() => checkSubscribe(caller, topics))
const pushing = (caller: Caller, ...topics: string[]) =>
  outcome(() => checkPublish(caller, [draft('x', { topics })]))
const forbidden = 'RINGCAST_FORBIDDEN'

t.test('a topic is granted by a pattern that matches it', async (t) => {
  const caller = withGrants({ subscribe: ['orders/*', 'news'], publish: ['log/**'] })
  t.equal(subscribing(caller, 'orders/1', 'news'), 'granted')
  for (const topic of ['orders', 'orders/1/2', 'newsx', 'log/a']) {
    t.equal(subscribing(caller, 'news', topic), forbidden, topic)
  }
  t.equal(pushing(caller, 'log/a/b'), 'granted')
  t.equal(pushing(caller, 'log/a', 'news'), forbidden)
})

t.test('a pattern is granted only within one granted pattern', async (t) => {
  const caller = withGrants({ subscribe: ['a/*', 'b/**', 'a/*/c'] })
  for (const topic of ['a/*', 'b/*/c', 'b/**', 'a/*/c', 'a/x']) {
    t.equal(subscribing(caller, topic), 'granted', topic)
  }
  for (const topic of ['a/**', '*', '**', '*/x', 'a/*/*']) {
    t.equal(subscribing(caller, topic), forbidden, topic)
  }
})

t.test('what is refused is named, and its place', async (t) => {
  const caller = withGrants({ subscribe: ['a'], publish: ['a'] })
  t.throws(() => checkSubscribe(caller, ['a', 'secret/"1"']), {
    message: 'subscribing to "secret/\\"1\\"" is not granted to this credential',
    details: { path: 'topic' },
  })
  const drafts = [draft('x', { topics: ['a'] }), draft('x', { topics: ['a', 'b'] })]
  t.throws(() => checkPublish(caller, drafts), { message: /"b"/, details: { index: 1 } })
  t.throws(() => checkSubscribe(caller, ['x'.repeat(1024)]), { message: /^.{200,300}$/ })
})

t.test('users are pushed to by administrators, and by who may push anywhere', async (t) => {
  const toUser = [draft('x', { topics: [], users: ['u'] })]
  const check = (caller: Caller) => outcome(() => checkPublish(caller, toUser))
  t.equal(check(keyCaller(1)), 'granted')
  t.equal(check(withGrants({ publish: ['**'] })), 'granted')
  t.equal(check(withGrants({ publish: ['users/**'], admin: true })), 'granted')
  t.equal(check(withGrants({ publish: ['users/**', 'u'] })), forbidden)
})

t.test('the service’s own topics take an administrator, whatever is granted', async (t) => {
  t.equal(subscribing(keyCaller(1), '$sys/stats'), 'granted')
  t.equal(subscribing(withGrants({ admin: true }), '$sys/**'), 'granted')
  t.equal(subscribing(withGrants({ subscribe: ['**', '$sys/**'] }), '$sys/stats'), forbidden)
  t.equal(
    outcome(() => checkAdmin(withGrants({ subscribe: ['**'], publish: ['**'] }))),
    forbidden,
  )
})

t.test('administering grants no topics', async (t) => {
  const admin = withGrants({ admin: true })
  t.equal(subscribing(admin, 'a'), forbidden)
  t.equal(pushing(admin, 'a'), forbidden)
})

t.test('who came without a credential is asked for one', async (t) => {
  t.equal(subscribing(anonymousCaller, 'broadcast', 'public/**', 'public/a/*'), 'granted')
  t.equal(subscribing(anonymousCaller, 'orders'), 'RINGCAST_UNAUTHENTICATED')
  t.equal(
    outcome(() => checkMayPublish(anonymousCaller)),
    'RINGCAST_UNAUTHENTICATED',
  )
  t.equal(
    outcome(() => checkAdmin(anonymousCaller)),
    'RINGCAST_UNAUTHENTICATED',
  )
  t.equal(
    outcome(() => checkMayPublish(nothing)),
    forbidden,
  )
})

t.test('USER_GRANTS stand for one user, and never for more', async (t) => {
  const templates = ['users/{user}/**', '{user}', 'all/*', 'u-{user}-{user}']
  t.same(grantsOfUser(templates, 'ada'), ['users/ada/**', 'ada', 'all/*', 'u-ada-ada'])
  t.same(grantsOfUser(templates, 'auth0|1')[0], 'users/auth0|1/**')
  t.same(grantsOfUser(templates, '{user}')[0], 'users/{user}/**')
  t.same(grantsOfUser(templates, '$&')[0], 'all/*')
  for (const user of ['*', '**', 'a/b', '/', 'a*', '$sys', '../x', 'x/**']) {
    t.same(grantsOfUser(templates, user), ['all/*'], user)
  }
  t.same(grantsOfUser(['a/{user}'], 'x'.repeat(1024)), [], 'longer than a topic')
})

t.test('no name of a user reaches into what is another’s', async () => {
  const name = fc.oneof(
    fc.string({ unit: fc.constantFrom('a', 'b', '*', '/', '$', '{user}'), maxLength: 5 }),
    fc.string(),
  )
  fc.assert(
    fc.property(name, (user) => {
      fc.pre(user !== 'victim')
      return grantsOfUser(['users/{user}/**', '{user}/*'], user).every(
        (grant) =>
          !patternMatches(grant, 'users/victim/inbox') &&
          !patternMatches(grant, '$sys/stats') &&
          !covers(grant, 'victim/*'),
      )
    }),
    { numRuns: 2000 },
  )
})
