import t from 'tap'
import { Hub } from '../../dist/hub/hub.js'
import type { EventLog } from '../../dist/hub/event-log.js'
import { EvictionHorizon } from '../../dist/hub/eviction-horizon.js'
import type { Stream } from '../../dist/hub/stream.js'
import type { Transport } from '../../dist/hub/transport.js'
import { MemoryLog } from '../../dist/logs/memory-log.js'
import { sse } from '../../dist/wire/sse.js'
import { draft } from '../logs/event-log-suite.js'

const heartbeatMs = 15_000
const stalledStreamMs = 60_000

/** A hub whose clock stands still until it is told, and which has no other life of its own. */
function hubOf(maxStreamAgeMs = 0, log: EventLog = new MemoryLog({ epoch: 'e' })) {
  let [time, random, tick] = [0, 0.5, () => {}]
  const slices: (() => void)[] = []
  const ended: string[] = []
  const hub = new Hub({
    log,
    ringEvents: 16,
    ringBytes: 1e6,
    catchUpBytes: 1e6,
    node: 'n',
    nextStreamNumber: () => 1,
    heartbeatMs,
    stalledStreamMs,
    maxStreamAgeMs,
    onEnd: (_stream, reason) => ended.push(reason),
    now: () => time,
    defer: (slice) => slices.push(slice),
    random: () => random,
    every: (_ms, work) => {
      tick = work
      return () => {}
    },
  })
  const run = (): void => {
    while (slices.length > 0) slices.shift()!()
  }
  return {
    hub,
    ended,
    run,
    setRandom: (to: number) => (random = to),
    /** Lets time pass, a second at a time. */
    pass: (ms: number) => {
      for (const end = time + ms; time < end;) {
        time += Math.min(1000, end - time)
        tick()
        run()
      }
    },
    push: async (topic: string, times = 1) => {
      for (let i = 0; i < times; i++) {
        await hub.publish([draft('x', { topics: [topic] })])
        run()
      }
    },
  }
}

/** Opens a stream of `a`; `sent` gives what was written since it was asked last. */
function open(hub: Hub, control = true, expiresInMs?: number, lastEventId?: string) {
  let text = ''
  const peer = { takes: true, end: '' }
  const transport: Transport = {
    kind: 'sse',
    format: sse,
    address: '127.0.0.1',
    bytesWritten: 0,
    write: ({ bytes, start, end }) => {
      text += bytes.toString('utf8', start, end)
      return peer.takes
    },
    end: () => (peer.end += 'end'),
    destroy: () => (peer.end += 'destroy'),
  }
  const expiresAt = expiresInMs === undefined ? undefined : Date.now() + expiresInMs
  const request = { topics: ['a'], user: undefined, expiresAt, lastEventId }
  const stream: Stream = hub.subscribe(request, transport, control)
  text = ''
  const sent = (): string => {
    const since = text
    text = ''
    return since
  }
  return { stream, peer, sent }
}

t.test('a heartbeat comes after each 15 s without a write, a second late at most', async (t) => {
  const { hub, pass } = hubOf()
  const { sent } = open(hub)
  pass(14_999)
  t.equal(sent(), '')
  pass(1_001)
  t.equal(sent(), ':\n')
  pass(160_000)
  t.ok([9, 10].includes(sent().length / 2))
})

t.test('an event puts the heartbeat off', async (t) => {
  const { hub, pass, push } = hubOf()
  const { sent } = open(hub)
  pass(10_000)
  await push('a')
  t.match(sent(), 'data: x')
  pass(14_000)
  t.equal(sent(), '')
  pass(2_000)
  t.equal(sent(), ':\n')
})

t.test('once the head has moved on by a quarter of the ring, a cursor comes instead', async (t) => {
  const { hub, pass, push } = hubOf()
  const { sent, stream } = open(hub)
  await push('other', 16)
  pass(16_000)
  t.equal(sent(), 'id: e-g\nevent: ringcast\ndata: {"type":"cursor"}\n\n')
  t.equal(hub.placeOf(stream), 'e-g')
  await push('other', 4)
  pass(16_000)
  t.equal(sent(), ':\n', 'a quarter is not more than a quarter')
  await push('other')
  pass(16_000)
  t.match(sent(), 'id: e-l\n')
})

t.test('who wants no control events gets heartbeats only', async (t) => {
  const { hub, pass, push } = hubOf()
  const { sent } = open(hub, false)
  await push('other', 16)
  pass(16_000)
  t.equal(sent(), ':\n')
})

t.test('a parked stream gets no heartbeat, and is ended when it takes nothing', async (t) => {
  const { hub, pass, push, ended } = hubOf()
  const { peer, sent, stream } = open(hub)
  peer.takes = false
  await push('a')
  sent()
  pass(59_000)
  t.strictSame([sent(), peer.end, ended], ['', '', []])
  hub.progressed(stream)
  pass(59_000)
  t.equal(peer.end, '', 'a byte taken is enough')
  pass(2_000)
  t.strictSame([peer.end, ended], ['destroy', ['stalled']])
})

t.test('a stream that drains is not stalled, and has its heartbeats again', async (t) => {
  const { hub, pass, push, run, ended } = hubOf()
  const { peer, sent, stream } = open(hub)
  peer.takes = false
  await push('a')
  pass(50_000)
  peer.takes = true
  hub.drained(stream)
  run()
  sent()
  pass(16_000)
  t.equal(sent(), ':\n')
  pass(100_000)
  t.strictSame(ended, [])
})

t.test('after a drain the next heartbeat is not late, whenever that was', async (t) => {
  for (const parkedMs of [1_000, 14_000, 16_000, 31_000, 58_000]) {
    const { hub, pass, push, run } = hubOf()
    const { peer, sent, stream } = open(hub)
    peer.takes = false
    await push('a')
    pass(parkedMs)
    peer.takes = true
    hub.drained(stream)
    run()
    sent()
    pass(16_000)
    t.equal(sent(), ':\n', `parked for ${parkedMs} ms`)
  }
})

t.test('a stream of some age is asked to come back, and cut off if it stays', async (t) => {
  const { hub, pass, ended } = hubOf(100_000)
  const { peer, sent } = open(hub)
  pass(99_000)
  sent()
  pass(2_000)
  t.match(sent(), /^retry: 3000\nevent: ringcast\ndata: \{"type":"bye","reason":"rebalance"/)
  t.strictSame([peer.end, ended], ['end', ['rebalance']])
  pass(6_000)
  t.equal(peer.end, 'enddestroy')
})

t.test('a credential that ends is told 30 s before, and ends its stream', async (t) => {
  const { hub, pass, ended } = hubOf()
  const { peer, sent } = open(hub, true, 100_000)
  pass(69_000)
  t.notMatch(sent(), 'expiring')
  pass(1_500)
  t.match(sent(), /^event: ringcast\ndata: \{"type":"expiring","inSeconds":(29|30)\}\n\n$/)
  pass(29_000)
  t.notMatch(sent(), 'ringcast')
  pass(1_000)
  t.match(
    sent(),
    /^retry: 3000\nevent: ringcast\ndata: \{"type":"bye","reason":"expired","reconnect":true,"retryMs":3000\}/,
  )
  t.strictSame([peer.end, ended], ['end', ['expired']])
})

t.test('a credential that has less than 30 s left says how much', async (t) => {
  const { hub, pass } = hubOf()
  const { sent } = open(hub, true, 10_000)
  pass(1_000)
  t.match(sent(), /"expiring","inSeconds":9/)
})

t.test('the end of a credential is not told where no control events are wanted', async (t) => {
  const { hub, pass, ended } = hubOf()
  const { sent } = open(hub, false, 100_000)
  pass(101_000)
  t.notMatch(sent(), 'ringcast')
  t.strictSame(ended, ['expired'])
})

t.test(
  'a parked stream is ended with its credential, whether it takes its bye or not',
  async (t) => {
    const { hub, pass, push, ended } = hubOf()
    const { peer } = open(hub, true, 20_000)
    peer.takes = false
    await push('a')
    pass(27_000)
    t.strictSame([peer.end, ended], ['destroy', []])
  },
)

t.test('a credential may end in a year, or in a hundred', async (t) => {
  const { hub, pass, ended } = hubOf()
  const { sent } = open(hub, true, 365 * 86_400_000)
  open(hub, true, Number.MAX_VALUE)
  pass(100_000)
  t.notMatch(sent(), 'ringcast')
  t.strictSame(ended, [])
})

t.test('ages differ by a fifth at most, so that not all leave together', async (t) => {
  for (const [random, age] of [
    [0, 80_000],
    [1, 120_000],
  ] as const) {
    const { hub, pass, ended, setRandom } = hubOf(100_000)
    setRandom(random)
    open(hub)
    pass(age - 1000)
    t.strictSame(ended, [])
    pass(2000)
    t.strictSame(ended, ['rebalance'])
  }
})

t.test('a closed stream is not timed any more', async (t) => {
  const { hub, pass, ended } = hubOf(100_000)
  const { stream, sent, peer } = open(hub)
  hub.closed(stream)
  hub.closed(stream)
  pass(200_000)
  t.strictSame([sent(), peer.end, ended], ['', '', ['client']])
})

/** A log that has more than the ring holds, and does not answer. */
class SilentLog extends MemoryLog implements EventLog {
  override readonly retained = {
    first: 1,
    horizon: new EvictionHorizon(64),
    read: () => new Promise<never>(() => {}),
    next: () => new Promise<never>(() => {}),
    newest: () => new Promise<never>(() => {}),
  }
}

t.test('a stream that waits for the log gets heartbeats, and can be ended', async (t) => {
  const { hub, pass, push, ended } = hubOf(0, new SilentLog({ epoch: 'e' }))
  await push('a', 40)
  const { stream, sent, peer } = open(hub, true, undefined, 'e-0')
  pass(1000)
  t.equal(stream.state, 'reading')
  pass(31_000)
  t.equal(sent(), ':\n:\n')
  peer.takes = false
  pass(15_000)
  t.equal(stream.state, 'parked', 'its connection is full')
  peer.takes = true
  hub.drained(stream)
  pass(1000)
  t.equal(stream.state, 'reading')
  sent()
  hub.end(stream, 'rebalance', true)
  pass(1000)
  t.match(sent(), '"type":"bye"')
  t.strictSame(ended, ['rebalance'])
})

t.test('a credential that expires while the stream waits for the log is told of it', async (t) => {
  const { hub, pass, push, ended } = hubOf(0, new SilentLog({ epoch: 'e' }))
  await push('a', 40)
  const { sent } = open(hub, true, 40_000, 'e-0')
  pass(11_000)
  t.match(sent(), '{"type":"expiring","inSeconds":')
  pass(32_000)
  t.match(sent(), '"reason":"expired"')
  t.strictSame(ended, ['expired'])
})
