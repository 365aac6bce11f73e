import t from 'tap'
import { addedUp, totalOf } from '../../dist/metrics/counts.js'

t.test('counts are added up name by name, whoever has which', async (t) => {
  t.same(addedUp<Record<string, number>>([{ a: 1, b: 2 }, { b: 3 }, { c: 4 }]), {
    a: 1,
    b: 5,
    c: 4,
  })
  t.same(addedUp([]), {})
  t.equal(totalOf({ a: 1, b: 5 }), 6)
  t.equal(totalOf({}), 0)
})
