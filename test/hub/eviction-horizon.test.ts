import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { EvictionHorizon } from '../../dist/hub/eviction-horizon.js'

t.test('before anything was evicted nothing is gone', async (t) => {
  const horizon = new EvictionHorizon(8)
  t.strictSame([horizon.ofTopic('a'), horizon.ofUser('a'), horizon.ofPrefix('a/')], [0, 0, 0])
  t.equal(horizon.ofPrefix(''), 0)
})

t.test('topics, users and prefixes of one name are told apart', async (t) => {
  const horizon = new EvictionHorizon(64)
  horizon.evicted(1, ['a/b'], [])
  horizon.evicted(2, [], ['ann'])
  t.strictSame([horizon.ofTopic('a/b'), horizon.ofPrefix('a/'), horizon.ofUser('ann')], [1, 1, 2])
  t.strictSame([horizon.ofTopic('ann'), horizon.ofUser('a/b'), horizon.ofTopic('a')], [0, 0, 0])
  t.strictSame([horizon.ofPrefix('a/b/'), horizon.ofTopic('a/')], [0, 0])
})

t.test(
  'a wildcard at the beginning sees all topics but those of the service and users',
  async (t) => {
    const horizon = new EvictionHorizon(64)
    horizon.evicted(1, ['a'], [])
    horizon.evicted(2, ['$sys/stats'], [])
    horizon.evicted(3, [], ['ann'])
    t.equal(horizon.ofPrefix(''), 1)
    t.equal(horizon.ofPrefix('$sys/'), 2)
  },
)

t.test('prefixes too deep to be remembered share the answer of their beginning', async (t) => {
  const horizon = new EvictionHorizon(64)
  horizon.evicted(1, ['1/2/3/4/5/6/7/8/9/10'], [])
  t.equal(horizon.ofPrefix('1/2/3/4/5/6/7/8/9/'), 1)
  t.equal(horizon.ofPrefix('1/2/3/4/5/6/7/8/other/'), 1)
  t.equal(horizon.ofPrefix('1/2/3/4/5/6/7/other/'), 0)
})

const name = fc.oneof(
  fc
    .array(fc.constantFrom('a', 'b', '', '$s'), { minLength: 1, maxLength: 11, size: 'max' })
    .map((segments) => segments.join('/')),
  fc.nat(5000).map((n) => `rare/${n}`),
)

t.test('the answer is never older than the truth', async () => {
  const gone = fc.record({
    topics: fc.array(name, { maxLength: 3 }),
    users: fc.array(name, { maxLength: 2 }),
  })
  fc.assert(
    fc.property(fc.array(gone, { maxLength: 200, size: 'max' }), (events) => {
      const horizon = new EvictionHorizon(8)
      const newest = { topics: new Map<string, number>(), users: new Map<string, number>() }
      for (const [index, { topics, users }] of events.entries()) {
        horizon.evicted(index + 1, topics, users)
        for (const topic of topics) newest.topics.set(topic, index + 1)
        for (const user of users) newest.users.set(user, index + 1)
      }
      for (const [topic, sequence] of newest.topics) {
        if (horizon.ofTopic(topic) < sequence) assert.fail(`topic ${topic}`)
        for (let end = topic.indexOf('/'); end !== -1; end = topic.indexOf('/', end + 1)) {
          const prefix = topic.slice(0, end + 1)
          if (horizon.ofPrefix(prefix) < sequence) assert.fail(`prefix ${prefix}`)
        }
        if (!topic.startsWith('$') && horizon.ofPrefix('') < sequence) assert.fail('no prefix')
      }
      for (const [user, sequence] of newest.users) {
        if (horizon.ofUser(user) < sequence) assert.fail(`user ${user}`)
      }
    }),
  )
})

t.test('a rare name is seldom taken for another', async (t) => {
  const horizon = new EvictionHorizon(1024)
  for (let i = 1; i <= 1024; i++) horizon.evicted(i, [`orders/${i}`], [])
  const others = Array.from({ length: 1000 }, (_, i) => horizon.ofTopic(`users/${i}`))
  t.ok(others.filter((sequence) => sequence > 0).length < 50)
})

t.test('what came before the ring may have concerned anyone', async (t) => {
  const horizon = new EvictionHorizon(64, 10)
  const answers = (): number[] => [
    horizon.ofTopic('a/b'),
    horizon.ofUser('ann'),
    horizon.ofPrefix('a/'),
    horizon.ofPrefix(''),
  ]
  t.strictSame(answers(), [10, 10, 10, 10])
  horizon.evicted(11, ['a/b'], [])
  t.strictSame(answers(), [11, 10, 11, 11])
})
