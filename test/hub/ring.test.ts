import assert from 'node:assert/strict'
import fc from 'fast-check'
import t from 'tap'
import type { AcceptedEvent } from '../../dist/hub/event.js'
import { bytesOfAll, Ring } from '../../dist/hub/ring.js'
import { sse, sseEnvelope } from '../../dist/wire/sse.js'
import { accepted, addressees, ringOf } from './fill-ring.js'

t.test('a new ring is empty, wherever its log has got to', async (t) => {
  const ring = new Ring(8, 1e6, 100)
  t.strictSame([ring.first, ring.next, ring.size, ring.bytes, ring.fill], [100, 100, 0, 0, 0])
  t.equal(ring.firstAfter(0, 0), 100)
})

t.test('it holds the newest events, however many came', async (t) => {
  for (const maxEvents of [1, 3, 8, 10]) {
    const ring = ringOf(
      maxEvents,
      Array.from({ length: 25 }, (_, i) => ({ data: `${i + 1}` })),
    )
    t.strictSame([ring.first, ring.next, ring.size], [26 - maxEvents, 26, maxEvents])
    t.equal(ring.fill, 1)
    for (let sequence = ring.first; sequence < ring.next; sequence++) {
      t.equal(ring.entry(sequence).event.data, `${sequence}`)
    }
  }
})

t.test('it indexes what it holds by topic and by user, and nothing else', async (t) => {
  const ring = ringOf(3, [
    { topics: ['a', 'b'] },
    { topics: ['a'] },
    { topics: [], users: ['ann', 'bob'] },
    { topics: ['c'] },
  ])
  t.equal(ring.ofTopic('b'), undefined)
  t.strictSame([ring.ofTopic('a')?.length, ring.ofTopic('a')?.last], [1, 2])
  t.equal(ring.ofTopic('c')?.at(0), 4)
  t.equal(ring.ofUser('bob')?.at(0), 3)
  t.equal(ring.ofUser('a'), undefined)
  t.equal(ring.ofTopic('ann'), undefined)
  t.equal(ring.horizon.ofTopic('b'), 1)
})

t.test('old events make way for the bytes of new ones', async (t) => {
  const ring = new Ring(100, 5000, 1)
  for (let i = 1; i <= 4; i++) ring.append(accepted(i, { data: 'x'.repeat(600) }))
  t.equal(ring.first, 1)
  ring.append(accepted(5, { data: 'x'.repeat(3000) }))
  t.ok(ring.bytes <= 5000)
  t.equal(ring.first, 4)
  t.ok(ring.fill > 0.8 && ring.fill <= 1)
})

t.test('the newest event stays whatever its size', async (t) => {
  const ring = new Ring(100, 5000, 1)
  ring.append(accepted(1))
  ring.append(accepted(2, { data: 'x'.repeat(9000) }))
  t.strictSame([ring.first, ring.size], [2, 1])
  ring.encoded(ring.entry(2), sse)
  t.notOk(ring.overfull)
  ring.trim(ring.next)
  t.equal(ring.size, 1)
})

t.test('data counts in bytes of UTF-8, and names count too', async (t) => {
  const bytes = (more: object): number => ringOf(8, [more]).bytes
  t.equal(bytes({ data: 'ü€😀' }) - bytes({ data: '' }), 9)
  t.equal(bytes({ topics: ['a', 'bc'] }) - bytes({ topics: ['a'] }), 302)
  t.equal(bytes({ topics: [], users: ['ann'] }) - bytes({ topics: [] }), 303)
  t.equal(bytes({ key: 'key' }) - bytes({}), 3)
})

t.test('an event is encoded once for each format, and its encodings count', async (t) => {
  const ring = ringOf(8, [{ data: 'hello' }])
  const entry = ring.entry(1)
  const before = ring.bytes
  const encoded = ring.encoded(entry, sse)
  t.strictSame(encoded, sse.event(entry.event))
  t.equal(ring.encoded(entry, sse), encoded)
  t.ok(ring.bytes >= before + encoded.length)
  t.equal(ring.bytes, entry.bytes)
  const one = ring.bytes
  const enveloped = ring.encoded(entry, sseEnvelope)
  t.strictSame(enveloped, sseEnvelope.event(entry.event))
  t.ok(ring.bytes >= one + enveloped.length)
  ring.encoded(entry, sseEnvelope)
  t.equal(ring.bytes, entry.bytes)
})

t.test(
  'encodings over the bound are let go of with their events, but not from the floor on',
  async (t) => {
    const ring = new Ring(100, 10_000, 1)
    for (let i = 1; i <= 5; i++) ring.append(accepted(i, { data: 'x'.repeat(1000) }))
    ring.trim(ring.next)
    t.equal(ring.first, 1, 'nothing to trim')
    for (let i = 1; i <= 5; i++) ring.encoded(ring.entry(i), sse)
    t.ok(ring.overfull)
    ring.trim(1)
    t.equal(ring.first, 1)
    ring.trim(2)
    t.equal(ring.first, 2)
    ring.trim(ring.next)
    t.ok(ring.bytes <= 10_000)
    t.notOk(ring.overfull)
    t.ok(ring.first <= 3)
  },
)

t.test('blocks grow with the bytes that went by', async (t) => {
  const ring = ringOf(
    64,
    Array.from({ length: 64 }, () => ({ data: 'x'.repeat(960) })),
  )
  const blocks = Array.from({ length: 64 }, (_, i) => ring.entry(i + 1).block)
  t.strictSame(
    blocks,
    [...blocks].sort((a, b) => a - b),
  )
  t.equal(new Set(blocks).size, 5)
})

t.test('a batch larger than the ring can never be held', async (t) => {
  const ring = new Ring(4, 10_000, 1)
  const batch = Array.from({ length: 5 }, (_, i) => accepted(i))
  const firstAfter = (events: AcceptedEvent[]) => ring.firstAfter(events.length, bytesOfAll(events))
  t.equal(firstAfter(batch.slice(1)), 1)
  t.equal(firstAfter(batch), undefined)
  t.equal(firstAfter([accepted(1, { data: 'x'.repeat(10_000) })]), undefined)
})

const step = fc.record({
  batch: fc.array(fc.tuple(addressees, fc.nat(3000)), { maxLength: 6, size: 'max' }),
  /** Which of the events held are encoded before. */
  encode: fc.array(fc.nat(99), { maxLength: 8 }),
})

t.test('what a batch displaces is foretold exactly, whatever was encoded', async () => {
  const scenario = fc.record({
    maxEvents: fc.integer({ min: 1, max: 20 }),
    maxBytes: fc.integer({ min: 1000, max: 40_000 }),
    steps: fc.array(step, { maxLength: 40, size: 'max' }),
  })
  fc.assert(
    fc.property(scenario, ({ maxEvents, maxBytes, steps }) => {
      const ring = new Ring(maxEvents, maxBytes, 1)
      for (const { batch, encode } of steps) {
        for (const n of encode) {
          if (ring.size > 0) ring.encoded(ring.entry(ring.first + (n % ring.size)), sse)
        }
        const events = batch.map(([to, length], index) =>
          accepted(ring.next + index, { ...to, data: 'x'.repeat(length) }),
        )
        const foretold = ring.firstAfter(events.length, bytesOfAll(events))
        if (foretold === undefined) continue
        for (const event of events) ring.append(event)
        // Encodings alone make no room: they wait for `trim`.
        if (events.length > 0) {
          assert.equal(ring.first, foretold)
          assert.ok(ring.size <= maxEvents && ring.bytes <= maxBytes)
        }
        let bytes = 0
        for (let s = ring.first; s < ring.next; s++) {
          bytes += ring.entry(s).bytes
          if (ring.entry(s).event.sequence !== s) assert.fail('another event')
        }
        assert.equal(ring.bytes, bytes)
      }
    }),
  )
})
