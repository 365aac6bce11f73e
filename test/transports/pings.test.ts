import t from 'tap'
import { Pings } from '../../dist/transports/pings.js'
import type { WebSocketTransport } from '../../dist/transports/websocket-transport.js'

/** As much of a transport as is pinged, and a wheel that is turned by hand. */
function setUp(): {
  transport: WebSocketTransport & { open: boolean; full: boolean; heard: boolean }
  pings: Pings
  pass: (ms: number) => void
  pinged: () => number
  lost: () => number
} {
  let [now, pinged, lost] = [0, 0, 0]
  let turn = (): void => {}
  const transport = {
    wheelTick: -1,
    wheelPrevious: undefined,
    wheelNext: undefined,
    open: true,
    full: false,
    heard: true,
    unanswered: 0,
    ping() {
      this.unanswered++
      pinged++
    },
    lost: () => lost++,
  }
  const every = (_ms: number, work: () => void) => {
    turn = work
    return () => {}
  }
  return {
    transport: transport as unknown as WebSocketTransport & {
      open: boolean
      full: boolean
      heard: boolean
    },
    pings: new Pings(15_000, every, () => now),
    pass: (ms) => {
      for (const end = now + ms; now < end;) {
        now += 250
        turn()
      }
    },
    pinged: () => pinged,
    lost: () => lost,
  }
}

t.test('a peer that answers is pinged for ever', async (t) => {
  const { pings, transport, pass, pinged, lost } = setUp()
  pings.add(transport)
  for (let n = 1; n <= 10; n++) {
    pass(15_500)
    t.equal(pinged(), n)
    transport.unanswered = 0
  }
  t.equal(lost(), 0)
})

t.test('two unanswered pings end it', async (t) => {
  const { pings, transport, pass, pinged, lost } = setUp()
  pings.add(transport)
  pass(31_000)
  t.same([pinged(), lost()], [2, 0])
  pass(15_000)
  t.same([pinged(), lost()], [2, 1])
})

t.test('one that takes nothing, is not read, or is being closed, is not pinged', async (t) => {
  const { pings, transport, pass, pinged, lost } = setUp()
  pings.add(transport)
  transport.full = true
  pass(60_000)
  transport.full = false
  transport.heard = false
  pass(60_000)
  transport.heard = true
  transport.open = false
  pass(60_000)
  t.same([pinged(), lost()], [0, 0])
  transport.open = true
  pass(16_000)
  t.equal(pinged(), 1)
  pings.remove(transport)
  pass(60_000)
  t.equal(pinged(), 1, 'nor is one that is gone')
})
