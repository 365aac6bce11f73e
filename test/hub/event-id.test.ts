import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import { formatEventId, newEpoch, parseEventId } from '../../dist/hub/event-id.js'

const epoch = fc.string({
  unit: fc.integer({ min: 0, max: 35 }).map((digit) => digit.toString(36)),
  minLength: 1,
  maxLength: 32,
})

t.test('an id is the epoch and the sequence in base 36', async (t) => {
  t.equal(formatEventId('e1', 0), 'e1-0')
  t.equal(formatEventId('e1', 35), 'e1-z')
  t.equal(formatEventId('e1', 36), 'e1-10')
})

t.test('every place comes back from its id', async () => {
  fc.assert(
    fc.property(epoch, fc.maxSafeNat(), (epoch, sequence) => {
      assert.deepEqual(parseEventId(formatEventId(epoch, sequence)), { epoch, sequence })
    }),
  )
})

t.test('what is no id of ours is none', async (t) => {
  const none = [
    '',
    '-',
    'e',
    'e-',
    '-1',
    'e-01',
    'e-00',
    'E-1',
    'e-A',
    'e-1 ',
    ' e-1',
    'e-1\n',
    'e--1',
    'e-1-1',
    'e_1',
    'ü-1',
    'earliest',
    `${'e'.repeat(33)}-1`,
    'e-zzzzzzzzzzz',
    'e-100000000000',
    `e-${(Number.MAX_SAFE_INTEGER + 1).toString(36)}`,
  ]
  for (const text of none) t.equal(parseEventId(text), undefined, JSON.stringify(text))
  t.ok(parseEventId(`e-${Number.MAX_SAFE_INTEGER.toString(36)}`))
})

t.test('two texts never name one place', async () => {
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom('0', '1', 'z', '-'), maxLength: 6 }), (text) => {
      const place = parseEventId(text)
      return place === undefined || formatEventId(place.epoch, place.sequence) === text
    }),
  )
})

t.test('epochs sort by age, and two of one second differ', async (t) => {
  const now = Date.UTC(2026, 0, 1)
  const epochs = Array.from({ length: 50 }, () => newEpoch(now))
  t.ok(new Set(epochs).size > 45)
  t.ok(epochs.every((epoch) => epoch < newEpoch(now + 1000)))
  t.ok(epochs.every((epoch) => parseEventId(formatEventId(epoch, 1))?.epoch === epoch))
})
