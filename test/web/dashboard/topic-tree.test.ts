import t from 'tap'
import { patternsOf, topicTree, total } from '../../../src/web/dashboard/topic-tree.js'

const tree = topicTree(
  new Map([
    ['orders/**', 2],
    ['orders', 1],
    ['a//b', 1],
  ]),
  [
    { topic: 'orders/1/status', perSecond: 2.5 },
    { topic: 'orders/2', perSecond: 1 },
  ],
)

t.test('topics and patterns are split at each slash, and add up', async (t) => {
  t.same([...tree.children.keys()], ['orders', 'a'])
  const orders = tree.children.get('orders')!
  t.same([...orders.children.keys()], ['**', '1', '2'])
  t.equal(total(orders, 'streams'), 3)
  t.equal(total(orders, 'perSecond'), 3.5)
  t.equal(tree.children.get('a')!.children.get('')!.children.get('b')!.path, 'a//b')
})

t.test('a node stands for its topic, for what is below it, or for both', async (t) => {
  const orders = tree.children.get('orders')!
  t.same(patternsOf(orders), ['orders', 'orders/**'])
  t.same(patternsOf(orders.children.get('1')!), ['orders/1/**'])
  t.same(patternsOf(orders.children.get('2')!), ['orders/2'])
})
