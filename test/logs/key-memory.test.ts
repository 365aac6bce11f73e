import t from 'tap'
import type { EventDraft } from '../../dist/hub/event.js'
import { KeyMemory } from '../../dist/logs/key-memory.js'
import { decodeSegment, encodeSegment } from '../../dist/logs/segment.js'
import { heapAfterGc } from '../helpers/heap.js'
import { draft } from './event-log-suite.js'

/** A memory, its clock, and a push that answers `<sequence>` or `=<sequence>` for each event. */
function memory() {
  const clock = { now: 0 }
  const keys = new KeyMemory(() => clock.now)
  let sequence = 0
  const push = (...batch: EventDraft[]): string =>
    keys
      .receipts(batch, () => ({ epoch: 'e', sequence: ++sequence }))
      .map(({ duplicate, sequence }) => `${duplicate ? '=' : ''}${sequence}`)
      .join(' ')
  return { clock, push, appended: () => sequence }
}

const minutes = 60_000

t.test('events without keys are never repeats', async (t) => {
  const { push } = memory()
  t.equal(push(draft('x'), draft('x')), '1 2')
  t.equal(push(draft('x')), '3')
})

t.test('a key that comes again is answered with the first place', async (t) => {
  const { push } = memory()
  t.equal(push(draft('x', { key: 'k' })), '1')
  t.equal(push(draft('y'), draft('x', { key: 'k' }), draft('z')), '2 =1 3')
})

t.test('a key that comes twice in one batch is answered with one place', async (t) => {
  const { push } = memory()
  const keyed = draft('x', { key: 'k' })
  t.equal(push(keyed, draft('y'), keyed, keyed), '1 2 =1 =1')
})

t.test('the order of topics and users does not make another event', async (t) => {
  const { push } = memory()
  push(draft('x', { key: 'k', topics: ['a', 'b'] }))
  t.equal(push(draft('x', { key: 'k', topics: ['b', 'a'] })), '=1')
  push(draft('x', { key: 'l', topics: [], users: ['ann', 'bob'] }))
  t.equal(push(draft('x', { key: 'l', topics: [], users: ['bob', 'ann'] })), '=2')
})

t.test('other topics, users, names or data with the same key are a conflict', async (t) => {
  const { push, appended } = memory()
  push(draft('1', { key: 'k', topics: ['a'], event: 'made' }))
  for (const other of [
    { data: '2' },
    { json: true },
    { event: undefined },
    { event: 'gone' },
    { topics: ['b'] },
    { topics: ['a', 'b'] },
    { topics: [], users: ['a'] },
  ]) {
    const conflict = draft('1', { key: 'k', topics: ['a'], event: 'made', ...other })
    t.throws(
      () => push(draft('x'), conflict),
      { code: 'RINGCAST_KEY_CONFLICT', statusCode: 409, details: { index: 1, path: 'key' } },
      JSON.stringify(other),
    )
  }
  t.equal(appended(), 1, 'nothing of the batches was appended')
})

t.test('a conflict within a batch names the later one, and remembers neither', async (t) => {
  const { push, appended } = memory()
  t.throws(() => push(draft('1', { key: 'k' }), draft('x'), draft('2', { key: 'k' })), {
    code: 'RINGCAST_KEY_CONFLICT',
    details: { index: 2 },
  })
  t.equal(appended(), 0)
  t.equal(push(draft('2', { key: 'k' })), '1')
})

t.test('a key is known for five minutes after its first event', async (t) => {
  const { push, clock } = memory()
  push(draft('x', { key: 'k' }))
  clock.now = 3 * minutes
  t.equal(push(draft('x', { key: 'k' })), '=1')
  clock.now = 5 * minutes
  t.equal(push(draft('x', { key: 'k' })), '=1', 'a repeat does not renew it, nor end it')
  clock.now = 5 * minutes + 1
  t.equal(push(draft('y', { key: 'k' })), '2', 'then it may name another event')
  t.equal(push(draft('y', { key: 'k' })), '=2')
})

t.test('a key is forgotten once 100,000 newer ones have come', async (t) => {
  const { push } = memory()
  push(draft('x', { key: 'first' }))
  const many = Array.from({ length: 99_999 }, (_, i) => draft('', { key: `k${i}` }))
  push(...many)
  t.equal(push(draft('x', { key: 'first' })), '=1')
  push(draft('', { key: 'one more' }))
  t.equal(push(draft('x', { key: 'first' })), '100002')
})

t.test(
  'what comes to nothing, and what a batch adds, push out no key that is asked for',
  async (t) => {
    const keys = new KeyMemory(() => 0)
    let sequence = 0
    const append = () => ({ epoch: 'e', sequence: ++sequence })
    const isKnown = (...names: string[]): boolean[] =>
      keys
        .receipts(
          names.map((key) => draft('', { key })),
          append,
        )
        .map(({ duplicate }) => duplicate)
    const failed = (n: number) => ({
      ...draft('', { key: `f${n}` }),
      epoch: 'e',
      sequence,
      time: '',
    })
    t.same(isKnown('first'), [false])
    for (let n = 0; n < 100_000; n++) {
      isKnown(`f${n}`)
      keys.forget([failed(n)])
    }
    t.same(isKnown('first'), [true])
    isKnown(...Array.from({ length: 99_999 }, (_, n) => `k${n}`))
    t.same(isKnown('new', 'first', 'k0'), [false, true, true])
  },
)

/** An event as a log on disk gives it, which has cut it out of what it read. */
function read(sequence: number, key: string, data: string, at: number) {
  const time = new Date(at).toISOString()
  const event = { ...draft(data, { key }), epoch: 'e', sequence, time }
  return decodeSegment(encodeSegment([event]), () => 'e')![0]!
}

t.test('a key that was read holds nothing of its event', async (t) => {
  const keys = new KeyMemory(() => 0)
  const before = heapAfterGc()
  for (let n = 1; n <= 1000; n++) {
    keys.remember(read(n, `a key of some length, the ${n}th`, 'x'.repeat(20_000), 0))
  }
  const grown = heapAfterGc() - before
  t.ok(grown < 4e6, `1,000 keys of events of 20 kB hold ${Math.round(grown / 1000)} kB`)
  t.same(
    keys.receipts([draft('x'.repeat(20_000), { key: 'a key of some length, the 7th' })], none),
    [{ epoch: 'e', sequence: 7, duplicate: true }],
  )
})

t.test('a memory that is told of keys, and never asked, forgets the old ones too', async (t) => {
  const clock = { now: 0 }
  const keys = new KeyMemory(() => clock.now)
  const before = heapAfterGc()
  for (let n = 1; n <= 40_000; n++) {
    clock.now += 1000
    keys.remember(read(n, `a key of some length, the ${n}th`, '', clock.now))
  }
  const grown = heapAfterGc() - before
  t.ok(grown < 2e6, `those of five minutes, 300 of 40,000, hold ${Math.round(grown / 1000)} kB`)
  const [last] = keys.receipts([draft('', { key: 'a key of some length, the 40000th' })], none)
  t.match(last, { sequence: 40_000, duplicate: true })
})

const none = (): never => {
  throw new Error('it is known')
}
