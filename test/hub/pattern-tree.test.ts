import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { PatternTree } from '../../dist/hub/pattern-tree.js'
import { isPattern, patternMatches } from '../../dist/hub/topic.js'

const segment = fc.constantFrom('a', 'b', '', '$sys')
const topic = fc
  .array(segment, { minLength: 1, maxLength: 5 })
  .map((segments) => segments.join('/'))
const pattern = fc
  .tuple(
    fc.array(fc.oneof(segment, fc.constant('*')), { minLength: 0, maxLength: 4 }),
    fc.constantFrom('*', '**', 'a'),
  )
  .map(([segments, last]) => [...segments, last].join('/'))
  .filter(isPattern)

function matches(tree: PatternTree<string>, topic: string): string[] {
  const found = new Set<string>()
  tree.visitMatches(topic, (holder) => found.add(holder))
  return [...found].sort()
}

t.test('the tree finds what each pattern on its own matches, whatever came and went', async () => {
  const step = fc.record({ pattern, remove: fc.boolean() })
  fc.assert(
    fc.property(
      fc.array(step, { maxLength: 30, size: 'max' }),
      fc.array(topic, { minLength: 5, maxLength: 20, size: 'max' }),
      (steps, topics) => {
        const tree = new PatternTree<string>()
        const held = new Set<string>()
        for (const { pattern, remove } of steps) {
          if (!held.has(pattern)) {
            tree.add(pattern, pattern)
            held.add(pattern)
          } else if (remove) {
            tree.remove(pattern, pattern)
            held.delete(pattern)
          }
        }
        assert.equal(tree.size, held.size)
        for (const topic of topics) {
          const expected = [...held].filter((pattern) => patternMatches(pattern, topic)).sort()
          assert.deepEqual(matches(tree, topic), expected, topic)
        }
      },
    ),
    { numRuns: 300 },
  )
})

t.test('one pattern may have several holders, and one holder several patterns', async (t) => {
  const tree = new PatternTree<string>()
  tree.add('a/*', 'x')
  tree.add('a/*', 'y')
  tree.add('a/**', 'x')
  t.strictSame(matches(tree, 'a/b'), ['x', 'y'])
  tree.remove('a/*', 'x')
  t.strictSame(matches(tree, 'a/b'), ['x', 'y'])
  tree.remove('a/**', 'x')
  t.strictSame(matches(tree, 'a/b'), ['y'])
  tree.remove('a/*', 'y')
  t.strictSame(matches(tree, 'a/b'), [])
  t.equal(tree.size, 0)
})

t.test('patterns with a wildcard at each place do not multiply the work', async (t) => {
  const tree = new PatternTree<string>()
  for (let bits = 0; bits < 1024; bits++) {
    const segments = Array.from({ length: 10 }, (_, i) => ((bits >> i) & 1 ? '*' : 'a'))
    tree.add(segments.join('/'), 'x')
  }
  let visits = 0
  tree.visitMatches(Array(10).fill('a').join('/'), () => visits++)
  t.equal(visits, 1024)
  visits = 0
  tree.visitMatches('b/'.repeat(500), () => visits++)
  t.equal(visits, 0)
})
