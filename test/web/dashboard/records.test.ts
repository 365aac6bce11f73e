import t from 'tap'
import {
  matches,
  mostRecords,
  TailRecords,
  type TailRecord,
} from '../../../src/web/dashboard/records.js'

function events(from: number, to: number): TailRecord[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({
    kind: 'event',
    event: { id: `e-${from + i}`, topics: ['Orders/1'], data: from + i, time: '' },
  }))
}

const numbers = (records: readonly TailRecord[]): unknown[] =>
  records.map((record) => record.kind === 'event' && record.event.data)

t.test('the newest are kept', async (t) => {
  const records = new TailRecords()
  records.add(events(1, 600))
  t.equal(records.add(events(601, 1_200)).length, 600)
  t.equal(records.shown.length, mostRecords)
  t.same(numbers(records.shown.slice(0, 1)), [201])
})

t.test('while it is paused, what comes waits, and is counted beyond what is kept', async (t) => {
  const records = new TailRecords()
  records.add(events(1, 2))
  t.same(records.pause(true), [])
  t.same(records.add(events(3, 2_502)), [])
  t.equal(records.waiting, 2_500)
  t.same(numbers(records.shown), [1, 2])
  t.same(numbers(records.pause(false)), numbers(events(1_503, 2_502)))
  t.equal(records.waiting, 0)
  t.equal(records.paused, false)
  t.same(numbers(records.shown.slice(-1)), [2_502])
  records.clear()
  t.same(records.shown, [])
})

t.test('a record is found by any part of it, in whatever case', async (t) => {
  const [record] = events(41, 41)
  t.ok(['', 'orders', 'ORDERS/1', 'e-41', '41'].every((find) => matches(record!, find)))
  t.notOk(matches(record!, 'other'))
})

t.test('what is kept goes out as newline-delimited JSON, holes in their places', async (t) => {
  const records = new TailRecords()
  const gap: TailRecord = { kind: 'gap', gap: { reason: 'lagged', after: 'e-1' }, at: '' }
  records.add([...events(1, 1), gap, ...events(2, 2)])
  const lines = records.ndjson(() => true).split('\n')
  t.same(
    lines.slice(0, 3).map((line) => JSON.parse(line) as unknown),
    [
      { id: 'e-1', topics: ['Orders/1'], data: 1, time: '' },
      { type: 'gap', reason: 'lagged', after: 'e-1' },
      { id: 'e-2', topics: ['Orders/1'], data: 2, time: '' },
    ],
  )
  t.equal(lines[3], '')
  t.equal(records.ndjson((record) => matches(record, 'e-2')).split('\n').length, 2)
})
