import fc from 'fast-check'
import t from 'tap'
import {
  covers,
  isPattern,
  isReserved,
  literalPrefix,
  maxTopicBytes,
  nameProblem,
  patternMatches,
  subscriptionProblem,
  topicProblem,
} from '../../dist/hub/topic.js'

t.test('a topic is any text of 1 to 1,024 bytes without control characters', async (t) => {
  const good = [
    'a',
    ' ',
    '/',
    'a//b',
    'ü/😀',
    'a*',
    '*a/b*c',
    '***',
    '$sys',
    'x'.repeat(maxTopicBytes),
    'ü'.repeat(maxTopicBytes / 2),
  ]
  for (const topic of good) {
    t.equal(topicProblem(topic), undefined, topic)
    t.equal(subscriptionProblem(topic), undefined, topic)
  }
})

t.test('a topic that breaks the grammar is told how', async (t) => {
  const bad: [topic: string, problem: RegExp][] = [
    ['', /not be empty/],
    ['a\nb', /control characters/],
    ['\u0000', /control characters/],
    ['\u007f', /control characters/],
    ['\u0085', /control characters/],
    ['a\ud800', /lone surrogate/],
    ['x'.repeat(maxTopicBytes + 1), /at most 1024 bytes \(it has 1025\)/],
    ['ü'.repeat(maxTopicBytes / 2) + 'x', /it has 1025/],
  ]
  for (const [topic, problem] of bad) {
    t.match(topicProblem(topic), problem)
    t.match(subscriptionProblem(topic), problem)
    t.match(nameProblem(topic), problem)
  }
})

t.test('a wildcard segment is for subscribing, and ** for the end of a pattern', async (t) => {
  for (const pattern of ['*', '**', '*/a', 'a/*', 'a/*/b', 'a/**', '*/**']) {
    t.ok(isPattern(pattern), pattern)
    t.match(topicProblem(pattern), /for subscribing/)
    t.equal(subscriptionProblem(pattern), undefined)
    t.equal(nameProblem(pattern), undefined)
  }
  for (const pattern of ['**/a', 'a/**/b', '**/**', '**/']) {
    t.match(subscriptionProblem(pattern), /last segment only/, pattern)
  }
  for (const exact of ['a*', '*a', 'a/b*', '***', 'a/***/b']) t.notOk(isPattern(exact), exact)
})

t.test('topics that start with $ belong to the service', async (t) => {
  t.ok(isReserved('$sys/stats'))
  t.notOk(isReserved('a/$sys'))
})

t.test('the literal beginning of a pattern ends before its first wildcard', async (t) => {
  const prefixes = [
    ['*', ''],
    ['**', ''],
    ['*/a', ''],
    ['a/*', 'a/'],
    ['a/b/**', 'a/b/'],
    ['a/*/b/*', 'a/'],
    ['/**', '/'],
    ['a*/*', 'a*/'],
  ] as const
  for (const [pattern, prefix] of prefixes) t.equal(literalPrefix(pattern), prefix, pattern)
})

t.test('* matches one segment, a last ** one or more', async (t) => {
  const matches: [pattern: string, yes: string[], no: string[]][] = [
    ['*', ['a', ''], ['a/b', '$sys', '$sys/stats']],
    ['**', ['a', 'a/b', '/', ''], ['$sys', '$sys/stats']],
    ['orders/*', ['orders/1', 'orders/'], ['orders', 'orders/1/2', 'order/1', 'orders2/1']],
    ['orders/**', ['orders/1', 'orders/1/2', 'orders/'], ['orders', 'ordersx/1']],
    ['*/x', ['a/x', '/x'], ['x', 'a/x/y', '$sys/x', 'a/y']],
    ['a/*/c', ['a/b/c', 'a//c'], ['a/c', 'a/b/b/c', 'a/b']],
    ['*/**', ['a/b', 'a/b/c', '/'], ['a', '$sys/stats']],
    ['$sys/*', ['$sys/stats'], ['$sys', 'sys/stats']],
    ['$sys/**', ['$sys/stats', '$sys/a/b'], ['$sys']],
    ['a', ['a'], ['b', 'a/', 'aa']],
  ]
  for (const [pattern, yes, no] of matches) {
    for (const topic of yes) t.ok(patternMatches(pattern, topic), `${pattern} ${topic}`)
    for (const topic of no) t.notOk(patternMatches(pattern, topic), `${pattern} ${topic}`)
  }
})

const segment = fc.constantFrom('a', 'b', '', 'ab', '$sys', 'a*')
const topic = fc.array(segment, { minLength: 1, maxLength: 4 }).map((list) => list.join('/'))
const pattern = fc
  .tuple(
    fc.array(fc.oneof(segment, fc.constant('*')), { minLength: 1, maxLength: 4 }),
    fc.boolean(),
  )
  .map(([list, rest]) => (rest ? [...list.slice(0, 3), '**'] : list).join('/'))

t.test('matching is what a regular expression of the pattern says', async () => {
  fc.assert(
    fc.property(pattern, topic, (pattern, topic) => {
      const source = pattern
        .split('/')
        .map((part) =>
          part === '*' ? '[^/]*' : part === '**' ? '.*' : part.replace(/[$*]/g, '\\$&'),
        )
        .join('/')
      const service = topic.startsWith('$') && pattern.startsWith('*')
      return patternMatches(pattern, topic) === (!service && new RegExp(`^${source}$`).test(topic))
    }),
    { numRuns: 2000 },
  )
})

t.test('a pattern covers what it matches whole, and nothing else', async (t) => {
  const covered: [outer: string, yes: string[], no: string[]][] = [
    ['**', ['**', '*', 'a', 'a/**', '*/a'], ['$sys/**', '$sys/stats']],
    ['a/**', ['a/b', 'a/*', 'a/*/c', 'a/**', 'a/*/**'], ['a', '*/b', '**', '*', 'b/**']],
    ['a/*', ['a/*', 'a/b'], ['a/**', 'a/*/**', 'a/b/c', '*/*']],
    ['a/b', ['a/b'], ['a/*', 'a/**', 'a']],
    ['*/**', ['*/**', 'a/**', '*/a', 'a/b/c'], ['**', '*', 'a']],
    ['$sys/**', ['$sys/stats', '$sys/*'], ['**', '*/stats']],
    ['*/a', ['b/a', '*/a'], ['$sys/a', 'a/*']],
  ]
  for (const [outer, yes, no] of covered) {
    for (const inner of yes) t.ok(covers(outer, inner), `${outer} covers ${inner}`)
    for (const inner of no) t.notOk(covers(outer, inner), `${outer} does not cover ${inner}`)
  }
})

t.test('a pattern covers another if it matches the least likely topics of it', async () => {
  /** Topics of a pattern whose free segments are like nothing else. */
  const witnesses = (inner: string): string[] =>
    ['~', '~/~', '~/~/~/~/~/~'].map((rest) =>
      inner
        .split('/')
        .map((part) => (part === '*' ? '~' : part === '**' ? rest : part))
        .join('/'),
    )
  fc.assert(
    fc.property(pattern, pattern, (outer, inner) => {
      const all = witnesses(inner).every((topic) => patternMatches(outer, topic))
      return covers(outer, inner) === all
    }),
    { numRuns: 5000 },
  )
})

t.test('what a pattern covers matches nothing that it does not match itself', async () => {
  fc.assert(
    fc.property(pattern, pattern, topic, (outer, inner, topic) => {
      const both = covers(outer, inner) && patternMatches(inner, topic)
      return !both || patternMatches(outer, topic)
    }),
    { numRuns: 20_000 },
  )
})

t.test('a topic begins with the literal beginning of each pattern that matches it', async () => {
  fc.assert(
    fc.property(pattern, topic, (pattern, topic) => {
      fc.pre(isPattern(pattern) && patternMatches(pattern, topic))
      return topic.startsWith(literalPrefix(pattern))
    }),
  )
})

t.test('a hostile pattern costs no more than it is long', async (t) => {
  const pattern = '*/'.repeat(511) + 'b'
  const hostile = 'a/'.repeat(511) + 'a'
  const before = performance.now()
  for (let i = 0; i < 100; i++) patternMatches(pattern, hostile)
  t.ok(performance.now() - before < 1000)
})
