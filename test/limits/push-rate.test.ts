import fc from 'fast-check'
import t from 'tap'
import { PushRate } from '../../dist/limits/push-rate.js'

/** A rate whose clock stands until it is moved. */
function world(perSecond: number) {
  let nowMs = 123_456.789
  const rate = new PushRate(perSecond, () => nowMs)
  return {
    rate,
    pass: (ms: number) => (nowMs += ms),
    push: (events = 1, client = 'a'): number => {
      const waitMs = rate.waitMs(client, events)
      if (waitMs === 0) rate.take(client, events)
      return waitMs
    },
  }
}

t.test("a second's worth may come at once, then one at a time", async (t) => {
  for (const perSecond of [1, 3, 7, 10, 999]) {
    const { push, pass } = world(perSecond)
    for (let n = 0; n < perSecond; n++) t.equal(push(), 0, `${n + 1} of ${perSecond}`)
    const waitMs = push()
    t.ok(Math.abs(waitMs - 1000 / perSecond) < 0.1, `then after ${waitMs} ms`)
    pass(waitMs)
    t.equal(push(), 0)
    t.ok(push() > 0)
  }
})

t.test('an array counts as what it holds', async (t) => {
  const { push } = world(100)
  t.equal(push(60), 0)
  t.ok(push(41) > 0, 'one too many')
  t.equal(push(40), 0, 'what was refused took nothing')
})

t.test("a push larger than a second's worth passes, and is paid for by what follows", async (t) => {
  const { push, pass } = world(100)
  t.equal(push(1), 0)
  t.ok(push(1000) > 0, 'not while the bucket is not full')
  pass(10)
  t.equal(push(1000), 0)
  t.ok(Math.abs(push(1) - 9010) < 0.1, 'after 10 s, less the second that may come at once')
})

t.test('clients do not count for each other', async (t) => {
  const { push } = world(1)
  t.equal(push(1, 'a'), 0)
  t.equal(push(1, 'b'), 0)
  t.ok(push(1, 'a') > 0)
})

t.test('over any time no client gets more than the rate and a second, and no less', async () => {
  const step = fc.record({ ms: fc.nat(400), events: fc.integer({ min: 1, max: 30 }) })
  fc.assert(
    fc.property(fc.integer({ min: 1, max: 50 }), fc.array(step), (perSecond, steps) => {
      const { push, pass } = world(perSecond)
      let tokens = perSecond
      for (const { ms: passed, events } of steps) {
        pass(passed)
        tokens = Math.min(tokens + (passed / 1000) * perSecond, perSecond)
        const needed = Math.min(events, perSecond)
        const passes = push(events) === 0
        // A plain bucket of tokens says the same, but for what rounding leaves open.
        if (Math.abs(tokens - needed) > 1e-4 && passes !== tokens > needed) return false
        if (passes) tokens -= events
      }
      return true
    }),
  )
})

t.test('a flood of clients is forgotten as soon as it has no more to tell', async (t) => {
  const { rate, push, pass } = world(10)
  for (let n = 0; n < 10_000; n++) push(1, `client ${n}`)
  t.equal(rate.size, 10_000)
  pass(1001)
  push(1, 'another')
  t.equal(rate.size, 1)
})

t.test('of more clients than are remembered the oldest is forgotten', async (t) => {
  const { rate, push } = world(1)
  for (let n = 0; n < 65_536 + 100; n++) push(1, `client ${n}`)
  t.equal(rate.size, 65_536)
  t.ok(push(1, 'client 65635') > 0)
  t.equal(push(1, 'client 0'), 0)
})
