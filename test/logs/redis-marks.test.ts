import fc from 'fast-check'
import t from 'tap'
import type { LogEntry } from '../../dist/logs/redis-entries.js'
import { Marks } from '../../dist/logs/redis-marks.js'
import { accepted } from '../hub/fill-ring.js'

const entry = (sequence: number, mark: string): LogEntry => ({ event: accepted(sequence), mark })

t.test('it knows the marks of the newest groups, and no others', (t) => {
  const groups = fc.array(fc.integer({ min: 1, max: 4 }), { maxLength: 30 })
  fc.assert(
    fc.property(groups, fc.nat(20), (sizes, head) => {
      const most = 8
      const marks = new Marks(most)
      marks.clear(head)
      const known = new Map<number, string>()
      let next = head + 1
      for (const [group, size] of sizes.entries()) {
        const entries = Array.from({ length: size }, () => entry(next++, `mark ${group}`))
        // However they come: a group may come in parts.
        marks.add(entries.slice(0, 1))
        marks.add(entries.slice(1))
        const isKept = group >= sizes.length - most
        for (const { event, mark } of entries) if (isKept) known.set(event.sequence, mark)
      }
      const first = known.keys().next().value ?? head + 1
      if (marks.first !== first) return false
      for (let sequence = 0; sequence <= next; sequence++) {
        const mark = known.get(sequence)
        if (marks.has(sequence, mark) !== (mark !== undefined)) return false
        if (marks.has(sequence, 'another')) return false
      }
      return true
    }),
  )
  t.end()
})

t.test('it can begin with one sequence, and a log without any has none', async (t) => {
  const marks = new Marks()
  marks.add([entry(1, 'old'), entry(2, 'old')])
  marks.begin(5, 'mark')
  t.strictSame([marks.first, marks.has(5, 'mark'), marks.has(5, 'old')], [5, true, false])
  t.strictSame([marks.has(1, 'old'), marks.has(6, 'mark')], [false, false])
  marks.add([entry(6, 'mark'), entry(7, 'next')])
  t.strictSame(
    [marks.has(6, 'mark'), marks.has(7, 'next'), marks.has(7, 'mark')],
    [true, true, false],
  )
  marks.begin(0, undefined)
  t.strictSame([marks.first, marks.has(0, undefined)], [1, false])
})
