import t from 'tap'
import type { StreamChanges, StreamRow } from '../../../src/web/dashboard/figures.js'
import { StreamList } from '../../../src/web/dashboard/stream-list.js'

function row(id: string, more: Partial<StreamRow> = {}): StreamRow {
  return {
    id,
    node: 'n',
    transport: 'sse',
    user: null,
    address: '',
    topics: ['a'],
    since: '',
    cursor: null,
    lag: 0,
    bytes: 0,
    state: 'idle',
    ...more,
  }
}

function changes(more: Partial<StreamChanges>): StreamChanges {
  const { opened = [], closed = [] } = more
  return {
    opened,
    openedCount: opened.length,
    closed,
    closedCount: closed.length,
    changed: [],
    ...more,
  }
}

const closed = (id: string, more: Partial<StreamRow> = {}) => ({
  ...row(id, more),
  reason: 'client',
})
const idsOf = (list: StreamList): string[] => list.sorted().map(({ id }) => id)

t.test('the list follows what opens, closes and changes', async (t) => {
  const list = new StreamList()
  list.begin([row('n.1'), row('n.2', { lag: 5 })], 7, {}, '-lag')
  t.same([list.total, idsOf(list)], [7, ['n.2', 'n.1']])
  t.ok(list.apply(changes({ opened: [row('n.3'), row('n.1')] })), 'one that was listed already')
  t.same([list.total, idsOf(list)], [8, ['n.2', 'n.1', 'n.3']])
  t.ok(list.apply(changes({ closed: [closed('n.2'), closed('n.9')] })))
  t.same([list.total, idsOf(list)], [6, ['n.1', 'n.3']])
  t.ok(list.apply(changes({ changed: [row('n.3', { topics: ['b'] })] })))
  t.same(list.sorted()[1]!.topics, ['b'])
  t.equal(list.total, 6)
})

t.test('with a filter, only what it wants is listed and counted', async (t) => {
  const list = new StreamList()
  list.begin([], 0, { user: 'ann', topic: 'a' }, '-lag')
  list.apply(
    changes({
      opened: [row('n.1', { user: 'ann' }), row('n.2'), row('n.3', { user: 'ann', topics: ['b'] })],
    }),
  )
  t.same([list.total, idsOf(list)], [1, ['n.1']])
  list.apply(changes({ changed: [row('n.1', { user: 'ann', topics: ['b'] })] }))
  t.same([list.total, idsOf(list)], [0, []])
  list.apply(changes({ closed: [closed('n.2')] }))
  t.equal(list.total, 0)
})

t.test('where more changed than is told, the list has to be asked for', async (t) => {
  const list = new StreamList()
  t.notOk(list.apply(changes({ openedCount: 300 })))
  t.notOk(list.apply(changes({ closedCount: 300 })))
})

t.test('who is not among the slowest of a node any more has caught up', async (t) => {
  const list = new StreamList()
  list.begin([row('n.1', { lag: 9 }), row('m.1', { node: 'm', lag: 8 })], 2, {}, '-lag')
  list.slowest('n', [row('n.2', { lag: 3 })])
  t.same(
    list.sorted().map(({ id, lag }) => [id, lag]),
    [
      ['m.1', 8],
      ['n.2', 3],
      ['n.1', 0],
    ],
  )
})

t.test('a page that is open for long does not grow', async (t) => {
  const list = new StreamList()
  for (let i = 0; i < 50; i++) {
    list.apply(changes({ opened: Array.from({ length: 100 }, (_, j) => row(`n.${i * 100 + j}`)) }))
  }
  t.ok(list.sorted().length <= 400)
  t.equal(list.total, 5_000)
})
