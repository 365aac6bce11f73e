import fc from 'fast-check'
import t from 'tap'
import { largest } from '../../dist/metrics/largest.js'

t.test('the largest are those that sorting finds', (t) => {
  const values = fc.array(fc.nat(20))
  fc.assert(
    fc.property(values, fc.integer({ min: 1, max: 8 }), (values, count) => {
      const items = values.map((value, place) => ({ value, place }))
      const sorted = items.toSorted((a, b) => b.value - a.value || a.place - b.place)
      t.same(
        largest(items, ({ value }) => value, count),
        sorted.slice(0, count),
      )
    }),
  )
  t.end()
})
