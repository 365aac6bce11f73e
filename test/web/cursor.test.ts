import t from 'tap'
import { Cursor } from '../../src/web/cursor.js'
import type { StreamRecord } from '../../src/web/records.js'

function event(id: string | undefined): StreamRecord {
  return { kind: 'event', id, detail: { topics: [], data: id, time: '' } }
}

function gap(after: string, id: string): StreamRecord {
  return { kind: 'gap', id, detail: { reason: 'epoch', after } }
}

/** Which of these records a tab takes, by their ids. */
function taken(cursor: Cursor, ...records: StreamRecord[]): (string | undefined)[] {
  return records.filter((record) => cursor.takes(record)).map(({ id }) => id)
}

t.test('what comes again is not taken again', async (t) => {
  const cursor = new Cursor()
  t.equal(cursor.id, undefined)
  t.same(taken(cursor, event('a-1'), event('a-1'), event('a-3'), event('a-2'), event('a-z')), [
    'a-1',
    'a-3',
    'a-z',
  ])
  t.same(taken(cursor, event('a-10')), ['a-10'], 'sequences are in base 36')
  t.equal(cursor.id, 'a-10')
})

t.test('a place is a step like an event, and events without one are always news', async (t) => {
  const cursor = new Cursor()
  cursor.takes({ kind: 'place', id: 'a-5' })
  t.equal(cursor.id, 'a-5')
  t.same(taken(cursor, event('a-4'), event(undefined), event(undefined)), [undefined, undefined])
  t.equal(cursor.id, 'a-5')
})

t.test('a new life of the log goes on, and what is of the old one is over', async (t) => {
  const cursor = new Cursor()
  // Named against the order of time, as two lives of one second may be.
  t.same(taken(cursor, event('b-9'), event('a-2'), event('b-10'), event('a-3')), [
    'b-9',
    'a-2',
    'a-3',
  ])
})

t.test('the hole after its own place is taken, wherever it leads', async (t) => {
  const cursor = new Cursor()
  cursor.takes(event('a-5'))
  t.same(taken(cursor, gap('a-5', 'a-3'), gap('a-5', 'a-3')), ['a-3'], 'back in its own life')
  t.same(taken(cursor, gap('a-3', 'b-0'), event('b-1')), ['b-0', 'b-1'], 'to another')
  t.same(taken(cursor, gap('b-1', 'a-8'), event('a-9')), ['a-8', 'a-9'], 'and back to the first')
  t.same(taken(cursor, event('b-2')), [])
})

t.test('when the connection goes back, what was had is not news', async (t) => {
  const cursor = new Cursor()
  taken(cursor, event('m-5'), event('n-6'))
  cursor.connectionAt('k-3')
  t.same(
    taken(cursor, event('k-4'), event('l-1'), event('m-5'), event('m-6'), event('n-6')),
    [],
    'of lives that it has never seen, too',
  )
  t.same(taken(cursor, event('n-7')), ['n-7'])
})

t.test('a tab that is behind takes what one that was further has had', async (t) => {
  const [behind, ahead] = [new Cursor(), new Cursor()]
  behind.takes(event('b-8'))
  taken(ahead, event('b-8'), event('a-12'))
  behind.lives.learnAll(ahead.lives.names)
  ahead.lives.learnAll(behind.lives.names)
  ahead.connectionAt('b-8')
  const stream = [event('b-9'), event('a-a'), event('a-12'), event('a-13')]
  t.same(taken(behind, ...stream), ['b-9', 'a-a', 'a-12', 'a-13'])
  t.same(taken(ahead, ...stream), ['a-13'])
})

t.test('the place is kept, and gone on from', async (t) => {
  let kept: string | undefined
  const place = {
    load: () => kept,
    save: (id: string) => {
      kept = id
    },
  }
  taken(new Cursor(place), event('a-1'), event('a-3'), event('a-2'))
  t.equal(kept, 'a-3')
  const next = new Cursor(place)
  t.equal(next.id, 'a-3')
  t.same(taken(next, event('a-3'), event('b-1')), ['b-1'])
})
