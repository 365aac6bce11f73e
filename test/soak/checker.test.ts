import t from 'tap'
import { check, type Told, type Verdict } from './checker.js'
import { Ledger, matcher } from './ledger.js'

const id = (sequence: number): string => `e-${sequence.toString(36)}`
const event = (sequence: number): Told => ({ type: 'event', id: id(sequence), number: sequence })
const open = (sequence?: number, begun = 1000): Told => ({
  type: 'open',
  id: sequence === undefined ? undefined : id(sequence),
  begun,
})
const connect = (sequence?: number): Told => ({
  type: 'connect',
  lastEventId: sequence === undefined ? undefined : id(sequence),
  to: 'a',
})
const earliest: Told = { type: 'connect', lastEventId: 'earliest', to: 'a' }
const cursor = (sequence: number): Told => ({ type: 'cursor', id: id(sequence) })
const gap = (after: number, to: number, reason = 'lagged'): Told => ({
  type: 'gap',
  id: id(to),
  reason,
  after: id(after),
})

/** Ten events, at 1 to 10; the even ones are of the topic `even`, the others of `odd`. */
function tenEvents(): Ledger {
  const ledger = new Ledger()
  ledger.begin(11)
  for (let n = 1; n <= 10; n++) {
    const topics = [n % 2 === 0 ? 'even' : 'odd']
    ledger.accept({ id: id(n), number: n, topics, users: [] }, n - 1)
  }
  return ledger
}

const topics = ['even']
function judge(told: readonly Told[], mayHaveGaps = false): Verdict {
  return check({ name: 's', wants: { topics }, told }, tenEvents(), mayHaveGaps)
}
const whole = [connect(), open(3), event(4), event(6), connect(6), open(6), event(8), event(10)]

t.test('a history that keeps the promise has no failure', async (t) => {
  t.match(judge(whole), { failures: [], delivered: 4, gaps: 0, inGaps: 0 })
  t.same(judge([connect(), open(5), event(6), cursor(7), event(8), event(10)]).failures, [])
  const all = [2, 4, 6, 8, 10].map(event)
  t.same(judge([earliest, open(0), ...all]).failures, [])
  t.same(judge([connect(), connect(), open(3), ...all.slice(1)]).failures, [])
  t.same(judge([connect(5), open(5), ...all.slice(2)]).failures, [])
  t.same(judge([earliest, earliest, open(0), ...all]).failures, [])
  t.same(judge([earliest, earliest, open(5), ...all.slice(2)], true).failures, [])
})

t.test('a gap excuses what is in it, and nothing else', async (t) => {
  const lagged = [connect(), open(3), event(4), gap(4, 7), event(8), event(10)]
  t.match(judge(lagged, true), { failures: [], gaps: 1, inGaps: 1 })
  const evicted = [
    connect(),
    open(3),
    event(4),
    connect(4),
    open(),
    gap(4, 8, 'evicted'),
    event(10),
  ]
  t.match(judge(evicted, true), { failures: [], gaps: 1, inGaps: 2 })
  t.match(judge([connect(), open(3), event(4), gap(4, 5), event(8), event(10)], true), {
    failures: [/1 missing before e-8: e-6/],
  })
})

const broken: Record<string, [told: readonly Told[], failure: RegExp, mayHaveGaps?: boolean]> = {
  'an event that is lost': [
    [connect(), open(3), event(4), event(8), event(10)],
    /^s .*1 missing before e-8: e-6\n/,
  ],
  'one that is lost over a reconnect': [
    [connect(), open(3), event(4), connect(4), open(4), event(8), event(10)],
    /1 missing before e-8: e-6/,
  ],
  'the last ones, lost': [
    [connect(), open(3), event(4), event(6)],
    /2 missing before the end: e-8 e-a/,
  ],
  'an event that comes twice': [
    [connect(), open(3), event(4), event(6), event(6), event(8), event(10)],
    /e-6 came twice/,
  ],
  'one that comes again after a reconnect': [
    [...whole.slice(0, 6), event(6), ...whole.slice(6)],
    /e-6 came twice/,
  ],
  'events out of order': [
    [connect(), open(3), event(6), event(4), event(8), event(10)],
    /1 missing before e-6: e-4/,
  ],
  'a cursor that passes over an event': [
    [connect(), open(3), event(4), cursor(7), event(8), event(10)],
    /1 missing before a cursor: e-6/,
  ],
  'a hole that open hides': [
    [connect(), open(3), event(4), connect(4), open(7), event(8), event(10)],
    /open goes on from e-7, not from e-4/,
  ],
  'a hole that open announces, and no gap tells': [
    [connect(), open(3), event(4), connect(4), open(), event(8), event(10)],
    /open named no place, and no gap followed/,
    true,
  ],
  'a gap where nothing may be lost': [
    [connect(), open(3), event(4), gap(4, 7), event(8), event(10)],
    /a gap \(lagged\), though nothing was to be lost/,
  ],
  'a gap after another id than the last': [
    [connect(), open(3), event(4), gap(3, 7), event(8), event(10)],
    /a gap after e-3: its last id was e-4/,
    true,
  ],
  'a gap that ends before it begins': [
    [connect(), open(3), event(4), event(6), gap(6, 5), event(8), event(10)],
    /ends at e-5, before it began/,
    true,
  ],
  'a gap after which the past comes': [
    [connect(), open(3), event(4), gap(4, 7), event(6), event(8), event(10)],
    /e-6 came twice, or out of order/,
    true,
  ],
  'a gap for a life that did not end': [
    [connect(), open(3), event(4), gap(4, 7, 'epoch'), event(8), event(10)],
    /the reason epoch/,
    true,
  ],
  'an event of somebody else': [
    [connect(), open(3), event(4), event(5), event(6), event(8), event(10)],
    /e-5 is none of its own/,
  ],
  'an id with the data of another event': [
    [connect(), open(5), { type: 'event', id: id(6), number: 8 }, event(8), event(10)],
    /e-6 came with event 8, and is that of 6/,
  ],
  'an event that nobody was told is accepted': [
    [connect(), open(5), event(6), event(8), event(10), event(12)],
    /e-c came with event 12, and is that of none/,
  ],
  'a first place ahead of what is pushed later': [
    [connect(), open(8, 8), event(10)],
    /it began at e-8, behind e-8, pushed later/,
  ],
  'a subscriber that forgets its last id': [
    [connect(), open(3), event(4), connect(), open(4), event(6), event(8), event(10)],
    /it came back with no id, and had e-4/,
  ],
  'a life of the log that is not known': [
    [connect(), open(5), { type: 'event', id: 'f-6', number: 6 }, event(8), event(10)],
    /f-6 is of another life/,
  ],
  'a beginning that is not the earliest': [
    [earliest, open(5), event(6), event(8), event(10)],
    /2 missing before open: e-2 e-4/,
  ],
  'a beginning that is not the id asked for': [
    [connect(3), open(5), event(6), event(8), event(10)],
    /open goes on from e-5, not from e-3/,
  ],
  'a stream that was never opened': [[connect()], /never was told where it began/],
}

t.test('it finds', async (t) => {
  for (const [what, [told, failure, mayHaveGaps]] of Object.entries(broken)) {
    t.match(judge(told, mayHaveGaps).failures[0], failure, what)
  }
})

t.test('a failure shows what was told around it, and what was owed', async (t) => {
  const [failure] = judge([connect(), open(3), event(4), event(8), event(10)]).failures
  t.match(failure, '\n    > {"type":"event","id":"e-8","number":8}\n')
  t.match(failure, 'owed around there: e-4 (4), e-6 (6), e-8 (8), e-a (10)')
})

t.test('the ledger finds ids that break the one order', async (t) => {
  const ledger = tenEvents()
  t.same(ledger.failures, [])
  const accept = (of: string, number: number, after: number): string | undefined => {
    ledger.accept({ id: of, number, topics, users: [] }, after)
    return ledger.failures.splice(0).join()
  }
  t.match(accept('e-4', 11, 0), /e-4 was given to event 11 and to event 4/)
  t.match(accept('e-b', 11, 12), /got the place 11, though 12 was known/)
  t.match(accept('f-d', 11, 12), /not of the life e/)
  t.match(accept('nonsense', 11, 0), /which is none/, 'no id')
})

t.test('it matches topics, patterns and users', async (t) => {
  const is = (wanted: string, topic: string): boolean =>
    matcher({ topics: [wanted] })({ topics: ['other', topic], users: ['u1'] })
  t.ok(is('a/b', 'a/b'))
  t.notOk(is('a.b', 'axb'))
  t.ok(is('a/*/c', 'a/b/c'))
  t.notOk(is('a/*', 'a/b/c'))
  t.ok(is('a/**', 'a/b/c'))
  t.notOk(is('a/**', 'a'))
  t.ok(matcher({ topics: [], user: 'u1' })({ topics: [], users: ['u1'] }))
  t.notOk(matcher({ topics: [], user: 'u2' })({ topics: [], users: ['u1'] }))
})
