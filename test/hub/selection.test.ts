import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { isWanted, type Wants } from '../../dist/hub/filter.js'
import type { Ring } from '../../dist/hub/ring.js'
import { mayHaveMissed, newestWanted, selectForward } from '../../dist/hub/selection.js'
import { addressees, anyWants, ringOf, wantsOf } from './fill-ring.js'

const many = fc.array(addressees, { maxLength: 120, size: 'max' })
/** How much of them the ring holds: few entries are read one by one, many by the index. */
const capacity = fc.constantFrom(8, 16, 17, 64, 200)

/** The sequences held from one on that are wanted, by looking at each. */
function naive(ring: Ring, wants: Wants, from = ring.first): number[] {
  const found: number[] = []
  for (let sequence = Math.max(from, ring.first); sequence < ring.next; sequence++) {
    if (isWanted(wants, ring.entry(sequence).event)) found.push(sequence)
  }
  return found
}

t.test('index and scan both find what is wanted, each once and in order', async () => {
  fc.assert(
    fc.property(capacity, many, anyWants, fc.nat(130), (capacity, events, wants, from) => {
      const ring = ringOf(capacity, events)
      const found: number[] = []
      const next = selectForward(ring, wants, from, Infinity, ({ event }, sequence) => {
        if (event.sequence !== sequence) assert.fail('an entry of another sequence')
        found.push(sequence)
        return true
      })
      assert.equal(next, Math.max(ring.next, next))
      assert.deepEqual(found, naive(ring, wants, from))
    }),
    { numRuns: 500 },
  )
})

t.test('what was refused, or lay beyond the limit, comes with the next call', async () => {
  fc.assert(
    fc.property(
      capacity,
      many,
      anyWants,
      fc.integer({ min: 1, max: 30 }),
      fc.integer({ min: 1, max: 5 }),
      (capacity, events, wants, scanLimit, most) => {
        const ring = ringOf(capacity, events)
        const found: number[] = []
        let next = ring.first
        for (let calls = 0; next < ring.next; calls++) {
          if (calls > 500) assert.fail('it does not come to an end')
          let taken = 0
          const before = next
          next = selectForward(ring, wants, before, scanLimit, (_, sequence) => {
            if (taken === most) return false
            taken++
            found.push(sequence)
            return true
          })
          if (next <= before) assert.fail('it does not move')
        }
        assert.deepEqual(found, naive(ring, wants))
      },
    ),
    { numRuns: 500 },
  )
})

t.test('the newest are what counting back from the end finds', async () => {
  fc.assert(
    fc.property(capacity, many, anyWants, fc.nat(20), (capacity, events, wants, n) => {
      const ring = ringOf(capacity, events)
      const counted = n === 0 ? [] : naive(ring, wants).slice(-n)
      assert.deepEqual(newestWanted(ring, wants, n).reverse(), counted)
    }),
    { numRuns: 500 },
  )
})

t.test('what is gone and was wanted is never passed over in silence', async () => {
  fc.assert(
    fc.property(many, anyWants, fc.nat(130), (events, wants, after) => {
      const ring = ringOf(8, events)
      const all = ringOf(1000, events)
      const gone = naive(all, wants, after + 1).some((sequence) => sequence < ring.first)
      const told = mayHaveMissed(ring, wants, after)
      if (gone) assert.ok(told)
      // Names so few do not clash: for exact topics the answer is exact.
      else if (wants.filter.patterns.length === 0) assert.ok(!told)
    }),
    { numRuns: 500 },
  )
})

t.test('an event of two wanted topics comes once, and one for users to these alone', async (t) => {
  const ring = ringOf(64, [
    ...Array.from({ length: 20 }, () => ({ topics: ['other'] })),
    { topics: ['a', 'b'] },
    { topics: [], users: ['ann', 'bob'] },
    { topics: [], users: ['bob'] },
    { topics: ['b'] },
  ])
  const select = (wants: Wants): number[] => {
    const found: number[] = []
    selectForward(ring, wants, 1, Infinity, (_, sequence) => found.push(sequence) > 0)
    return found
  }
  t.strictSame(select(wantsOf(['a', 'b'])), [21, 24])
  t.strictSame(select(wantsOf(['a', 'b'], 'ann')), [21, 22, 24])
  t.strictSame(select(wantsOf(['a', 'b', 'c/*'], 'ann')), [21, 22, 24])
  t.strictSame(select(wantsOf(['**'], 'bob')).slice(-4), [21, 22, 23, 24])
  t.strictSame(select(wantsOf(['**'])).slice(-2), [21, 24])
  t.strictSame(select(wantsOf(['nothing'])), [])
})
