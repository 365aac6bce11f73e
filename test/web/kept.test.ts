import t from 'tap'
import { Kept } from '../../src/web/kept.js'
import { Lives } from '../../src/web/lives.js'
import type { StreamRecord } from '../../src/web/records.js'

const lives = new Lives()
lives.learnAll(['a', 'b'])

function event(id: string | undefined): StreamRecord {
  return { kind: 'event', id, detail: { topics: [], data: id, time: '' } }
}

function keptOf(last: number, ...records: StreamRecord[]): Kept {
  const kept = new Kept(last)
  for (const record of records) kept.add(record)
  return kept
}

/** Events of one life. */
function events(count: number): StreamRecord[] {
  return Array.from({ length: count }, (_, i) => event(`a-${(i + 1).toString(36)}`))
}

const place: StreamRecord = { kind: 'place', id: 'a-0' }

t.test('before its first place is known, it has all after none', async (t) => {
  const kept = keptOf(0)
  t.same([kept.before, kept.end, kept.records], [undefined, undefined, []])
  t.equal(kept.hasAllAfter('a-1', lives), false)
})

t.test('it has what came behind its first place', async (t) => {
  const kept = keptOf(0, place, ...events(3))
  t.same([kept.before, kept.end, kept.records.length], ['a-0', 'a-3', 3])
  t.equal(kept.hasAllAfter('a-0', lives), true)
  t.equal(kept.hasAllAfter('b-9', lives), true, 'what is behind that is still to come')
  t.equal(keptOf(0, { kind: 'place', id: 'b-1' }).hasAllAfter('a-9', lives), false)
})

t.test('it keeps 64, or as many as a new tab wants, and knows where they begin', async (t) => {
  const kept = keptOf(10, place, ...events(100))
  t.equal(kept.records.length, 64)
  t.equal(kept.before, 'a-10', 'the 36th')
  t.equal(kept.hasAllAfter('a-10', lives), true)
  t.equal(kept.hasAllAfter('a-z', lives), false)
  t.equal(keptOf(80, place, ...events(100)).records.length, 80)
})

t.test('a later place is no record, and what has no place is not kept', async (t) => {
  const kept = keptOf(0, place, event(undefined), { kind: 'place', id: 'a-7' })
  t.same([kept.before, kept.end, kept.records], ['a-0', 'a-7', []])
})

t.test('it begins anew', async (t) => {
  const kept = keptOf(0, place, ...events(3))
  kept.restart('a-2')
  t.same([kept.before, kept.end, kept.records], ['a-2', 'a-2', []])
})
