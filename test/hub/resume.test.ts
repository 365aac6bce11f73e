import t from 'tap'
import type { Life } from '../../dist/hub/event-log.js'
import { formatEventId } from '../../dist/hub/event-id.js'
import { findStart, idOfPlace } from '../../dist/hub/resume.js'
import { Ring } from '../../dist/hub/ring.js'
import { ringOf, wantsOf } from './fill-ring.js'

/** Ten events of `a`, but the third and the eighth, which are of `b` and of `c/x`. */
const events = Array.from({ length: 10 }, (_, i) => ({
  topics: [i === 2 ? 'b' : i === 7 ? 'c/x' : 'a'],
}))
const oneLife: readonly Life[] = [{ epoch: 'e', first: 1, last: 10 }]
const id = (sequence: number, epoch = 'e'): string => formatEventId(epoch, sequence)

t.test('without an id a stream begins at the head', async (t) => {
  const ring = ringOf(16, events)
  const head = { cursor: 11, place: 10 }
  t.strictSame(findStart(ring, oneLife, wantsOf(['a']), {}), head)
  t.strictSame(findStart(ring, oneLife, wantsOf(['a']), { last: 0 }), head)
  t.strictSame(findStart(ring, oneLife, wantsOf(['nothing']), { last: 5 }), head)
})

t.test('earliest begins with all that is retained, and is no hole', async (t) => {
  const start = findStart(ringOf(4, events), oneLife, wantsOf(['a']), { lastEventId: 'earliest' })
  t.strictSame(start, { cursor: 7, place: 6 })
})

t.test('last begins before the oldest of the newest N that are its own', async (t) => {
  const ring = ringOf(16, events)
  const start = (topics: string[], last: number) =>
    findStart(ring, oneLife, wantsOf(topics), { last })
  t.strictSame(start(['a'], 1), { cursor: 10, place: 9 })
  t.strictSame(start(['a'], 3), { cursor: 7, place: 6 })
  t.strictSame(start(['b', 'c/*'], 1), { cursor: 8, place: 7 })
  t.strictSame(start(['b', 'c/*'], 1000), { cursor: 3, place: 2 })
})

t.test('an id wins over last', async (t) => {
  const start = findStart(ringOf(16, events), oneLife, wantsOf(['a']), {
    lastEventId: id(4),
    last: 1,
  })
  t.strictSame(start, { cursor: 5, place: 4 })
})

t.test('an id that is found goes on behind it, the head included', async (t) => {
  const ring = ringOf(16, events)
  for (const sequence of [0, 1, 5, 10]) {
    const start = findStart(ring, oneLife, wantsOf(['a']), { lastEventId: id(sequence) })
    t.strictSame(start, { cursor: sequence + 1, place: sequence })
  }
})

t.test('evicted is told if something of its own may be gone', async (t) => {
  const ring = ringOf(4, events)
  const gap = (after: number) => ({ reason: 'evicted' as const, after: id(after) })
  const start = (topics: string[], after: number, user?: string) =>
    findStart(ring, oneLife, wantsOf(topics, user), { lastEventId: id(after) })
  t.strictSame(start(['a'], 5), { cursor: 7, place: 6, gap: gap(5) })
  t.strictSame(start(['b'], 2), { cursor: 7, place: 6, gap: gap(2) })
  t.strictSame(start(['**'], 1), { cursor: 7, place: 6, gap: gap(1) })
  t.strictSame(
    start(['a'], 6),
    { cursor: 7, place: 6 },
    'the newest that is gone is the last it has',
  )
})

t.test('evicted is not told when nothing of its own can be gone', async (t) => {
  const ring = ringOf(4, events)
  const start = (topics: string[], after: number, user?: string) =>
    findStart(ring, oneLife, wantsOf(topics, user), { lastEventId: id(after) })
  t.strictSame(start(['b'], 3), { cursor: 7, place: 3 }, 'it keeps the place that was asked for')
  t.strictSame(start(['c/*'], 1), { cursor: 7, place: 1 })
  t.strictSame(start(['nothing'], 1, 'ann'), { cursor: 7, place: 1 })
})

t.test(
  'evicted is told of a place before a ring that began in the middle of its log',
  async (t) => {
    const ring = new Ring(16, 1e6, 11)
    for (const wants of [
      wantsOf(['a']),
      wantsOf(['*/x']),
      wantsOf(['c/*']),
      wantsOf(['x'], 'ann'),
    ]) {
      t.strictSame(findStart(ring, oneLife, wants, { lastEventId: id(9) }), {
        cursor: 11,
        place: 10,
        gap: { reason: 'evicted', after: id(9) },
      })
      t.strictSame(findStart(ring, oneLife, wants, { lastEventId: id(10) }), {
        cursor: 11,
        place: 10,
      })
    }
  },
)

t.test('what is no id of ours is unknown: live events only', async (t) => {
  const ring = ringOf(16, events)
  for (const lastEventId of ['x', '42', 'e-01', 'e-1 ', '-', 'ü']) {
    t.strictSame(findStart(ring, oneLife, wantsOf(['a']), { lastEventId }), {
      cursor: 11,
      place: 10,
      gap: { reason: 'unknown', after: lastEventId },
    })
  }
})

t.test('of an unknown id no more than 128 characters are told back', async (t) => {
  const { gap } = findStart(ringOf(16, events), oneLife, wantsOf(['a']), {
    lastEventId: 'x'.repeat(5000),
  })
  t.equal(gap?.after, 'x'.repeat(128))
})

const lives: readonly Life[] = [
  { epoch: 'e', first: 1, last: 4 },
  { epoch: 'f', first: 5, last: 8 },
  { epoch: 'g', first: 9, last: 10 },
]

t.test('an id of a life that is no longer known begins with all that is retained', async (t) => {
  const start = findStart(ringOf(4, events), lives, wantsOf(['a']), { lastEventId: 'old-5' })
  t.strictSame(start, { cursor: 7, place: 6, gap: { reason: 'epoch', after: 'old-5' } })
})

t.test('an id beyond the end of its life begins with what came after that life', async (t) => {
  const ring = ringOf(16, events)
  const start = (lastEventId: string) => findStart(ring, lives, wantsOf(['a']), { lastEventId })
  const gap = (after: string) => ({ reason: 'epoch' as const, after })
  t.strictSame(start(id(5, 'e')), { cursor: 5, place: 4, gap: gap(id(5, 'e')) })
  t.strictSame(start(id(99, 'f')), { cursor: 9, place: 8, gap: gap(id(99, 'f')) })
  t.strictSame(start(id(11, 'g')), { cursor: 11, place: 10, gap: gap(id(11, 'g')) })
})

t.test('of what came after a life, what the ring has passed does not come back', async (t) => {
  const start = findStart(ringOf(4, events), lives, wantsOf(['a']), { lastEventId: id(5, 'e') })
  t.strictSame(start, { cursor: 7, place: 6, gap: { reason: 'epoch', after: id(5, 'e') } })
})

t.test('an id of an earlier life goes on into the later ones without a gap', async (t) => {
  const ring = ringOf(16, events)
  for (const [sequence, epoch] of [
    [2, 'e'],
    [4, 'e'],
    [4, 'f'],
    [8, 'f'],
    [8, 'g'],
    [10, 'g'],
  ] as const) {
    const start = findStart(ring, lives, wantsOf(['a']), { lastEventId: id(sequence, epoch) })
    t.strictSame(start, { cursor: sequence + 1, place: sequence })
  }
})

t.test(
  'the id of a place is of the life that it lies in, or that begins right after it',
  async (t) => {
    const ids = [0, 1, 3, 4, 5, 7, 8, 10].map((sequence) => idOfPlace(lives, sequence))
    t.strictSame(ids, ['e-0', 'e-1', 'e-3', 'f-4', 'f-5', 'f-7', 'g-8', 'g-a'])
    t.equal(idOfPlace([{ epoch: 'e', first: 6, last: 9 }], 2), 'e-2')
    t.equal(idOfPlace([{ epoch: '', first: 1, last: 3 }], 2), undefined)
  },
)

t.test('whatever place is named, to resume from its id finds the same place', async (t) => {
  const ring = ringOf(16, events)
  for (let sequence = 0; sequence <= 10; sequence++) {
    const lastEventId = idOfPlace(lives, sequence)!
    t.strictSame(findStart(ring, lives, wantsOf(['a']), { lastEventId }), {
      cursor: sequence + 1,
      place: sequence,
    })
  }
})
