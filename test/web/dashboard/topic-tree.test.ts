import t from 'tap'
import { patternsOf, topicTree } from '../../../src/web/dashboard/topic-tree.js'

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
  t.same(orders.sums, { streams: 3, perSecond: 3.5 })
  t.same(orders.children.get('1')!.sums, { streams: 0, perSecond: 2.5 })
  t.equal(tree.children.get('a')!.children.get('')!.children.get('b')!.path, 'a//b')
})

t.test('a node stands for its topic, for what is below it, or for both', async (t) => {
  const orders = tree.children.get('orders')!
  t.same(patternsOf(orders), ['orders', 'orders/**'])
  t.same(patternsOf(orders.children.get('1')!), ['orders/1/**'])
  t.same(patternsOf(orders.children.get('2')!), ['orders/2'])
})

t.test('what is very deep has the rest of its segments in one node', async (t) => {
  const topic = Array.from({ length: 500 }, () => 'd').join('/')
  let node = topicTree(new Map([[topic, 1]]), [])
  for (let depth = 0; depth < 32; depth++) node = [...node.children.values()][0]!
  t.equal(node.children.size, 0)
  t.same(patternsOf(node), [topic])
})
