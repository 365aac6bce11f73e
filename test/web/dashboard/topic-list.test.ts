import fc from 'fast-check'
import t from 'tap'
import { textOf, topicsOf } from '../../../src/web/dashboard/topic-list.js'

t.test('topics come back from their text, whatever is in them', async (t) => {
  const topic = fc.string({ unit: 'grapheme', minLength: 1 }).filter((each) => each.isWellFormed())
  fc.assert(
    fc.property(fc.array(topic), (topics) => {
      t.same(topicsOf(textOf(topics)), topics)
    }),
  )
  t.equal(textOf(['orders/**', 'a b', '100%']), 'orders/** a%20b 100%25')
})

t.test('what is typed need not be escaped', async (t) => {
  t.same(topicsOf('  orders/**  100% '), ['orders/**', '100%'])
  t.same(topicsOf(' '), [])
})
