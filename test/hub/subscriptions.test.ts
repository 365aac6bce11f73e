import t from 'tap'
import type { EventLog, Follower, Life } from '../../dist/hub/event-log.js'
import { Hub } from '../../dist/hub/hub.js'
import type { Stream } from '../../dist/hub/stream.js'
import type { Frame } from '../../dist/hub/wire-format.js'
import { MemoryLog } from '../../dist/logs/memory-log.js'
import { message, replayedEvent, websocket } from '../../dist/wire/websocket.js'
import { accepted } from './fill-ring.js'

/** A hub whose slices and time are in the hands of a test. */
function newHub(log: EventLog = new MemoryLog({ epoch: '' })) {
  const slices: (() => void)[] = []
  let now = 0
  let tick = (): void => {}
  let streams = 0
  const hub = new Hub({
    log,
    ringEvents: 64,
    ringBytes: 1e6,
    catchUpBytes: 1e6,
    node: 'n',
    nextStreamNumber: () => ++streams,
    heartbeatMs: 15_000,
    stalledStreamMs: 60_000,
    maxStreamAgeMs: 0,
    now: () => now,
    defer: (slice) => slices.push(slice),
    every: (_ms, work) => {
      tick = work
      return () => {}
    },
    random: () => 0,
  })
  const run = (): void => {
    while (slices.length > 0) slices.shift()!()
  }
  const pass = (ms: number): void => {
    now += ms
    tick()
  }
  return { hub, run, pass }
}

/** A connection that keeps what was written to it. */
class FakeTransport {
  readonly kind = 'websocket'
  readonly format = websocket
  readonly address = '127.0.0.1'
  readonly bytesWritten = 0
  text = ''
  full = false
  ended = ''

  write({ bytes }: Frame): boolean {
    this.text += bytes.toString('latin1')
    return !this.full
  }

  end(reason: string): void {
    this.ended = reason
  }

  destroy(): void {}

  /** The messages so far, in short. */
  get told(): string[] {
    const messages = this.text.match(/\{"type".*?\}(?=[^,\]}"]|$)/gs) ?? []
    return messages.map((json) => {
      const { type, reason, id = '', replay } = JSON.parse(json) as Record<string, string>
      return [replay ? 'replayed' : '', type, reason, id].filter(Boolean).join(' ')
    })
  }
}

const words = {
  event: replayedEvent,
  gap: (hole: object) => message({ type: 'gap', replay: true, ...hole }),
  done: () => message({ type: 'ok' }),
}

function failed(error: unknown): never {
  throw error as Error
}

/** Lets what was looked up come. */
async function lookedUp(stream: Stream): Promise<void> {
  for (let i = 0; stream.state === 'held' && i < 100; i++) await Promise.resolve()
}

/** A log that other nodes share, and that can lose events. */
class LosingLog implements EventLog {
  head = 0
  lives: Life[] = [{ epoch: 'e', first: 1, last: 0 }]
  follower: Follower | undefined
  readonly retained = undefined
  readonly revocations = undefined
  readonly problem = undefined
  readonly shared = { reach: () => undefined }
  #listener: Parameters<EventLog['follow']>[0] = () => {}

  append = () => Promise.resolve([])
  close = () => Promise.resolve()

  follow(listener: Parameters<EventLog['follow']>[0], follower?: Follower): void {
    this.#listener = listener
    this.follower = follower
  }

  tell(topics: readonly string[]): void {
    const events = topics.map((topic, i) => accepted(this.head + 1 + i, { topics: [topic] }))
    this.head += topics.length
    this.lives = [{ epoch: 'e', first: 1, last: this.head }]
    this.#listener(events)
  }

  /** Another log takes its place. */
  lose(epoch: string): void {
    const former = this.lives
    this.head = 2
    this.lives = [{ epoch, first: 1, last: 2 }]
    const newest = [1, 2].map((n) => accepted(n, { topics: ['b'], epoch }))
    this.follower!.restart({ newest, common: -1, former })
  }
}

t.test('a replay of a log that is lost meanwhile says so, and names no place in it', async (t) => {
  const log = new LosingLog()
  const { hub, run } = newHub(log)
  const transport = new FakeTransport()
  const stream = hub.admit({ user: undefined }, transport)
  hub.subscriptions.begin(stream, ['a'], {})
  log.tell(['b', 'b', 'b', 'b', 'b'])
  run()
  transport.text = ''
  hub.subscriptions.replay(
    stream,
    { more: ['b'], topics: ['a', 'b'], lastEventId: 'e-1' },
    words,
    failed,
  )
  run()
  await lookedUp(stream)
  log.lose('f')
  run()
  t.strictSame(transport.told, [
    'replayed gap epoch',
    'ok',
    'gap epoch f-0',
    'event f-1',
    'event f-2',
  ])
})

t.test('what was replayed once is not replayed again', async (t) => {
  const log = new LosingLog()
  const { hub, run } = newHub(log)
  const transport = new FakeTransport()
  const stream = hub.admit({ user: undefined }, transport)
  hub.subscriptions.begin(stream, ['a'], {})
  log.tell(['b', 'b', 'b'])
  run()
  for (const lastEventId of ['e-2', 'e-0']) {
    transport.text = ''
    hub.subscriptions.replay(
      stream,
      { more: ['b'], topics: ['a', 'b'], lastEventId },
      words,
      failed,
    )
    run()
    await lookedUp(stream)
    run()
  }
  t.strictSame(transport.told, ['replayed event e-1', 'replayed event e-2', 'ok'])
})

t.test('a client is told that its credential expires, in the middle of a replay too', async (t) => {
  const log = new LosingLog()
  const { hub, run, pass } = newHub(log)
  const transport = new FakeTransport()
  const stream = hub.admit({ user: undefined, expiresAt: Date.now() + 60_000 }, transport)
  hub.subscriptions.begin(stream, ['a'], {})
  run()
  hub.subscriptions.replay(stream, { more: ['b'], topics: ['a', 'b'], last: 1 }, words, failed)
  run()
  t.equal(stream.state, 'held')
  pass(31_000)
  await lookedUp(stream)
  run()
  t.match(transport.told.at(-1), 'expiring')
  t.equal(stream.state, 'idle')
})

t.test('a stream that changes hubs while it waits for a turn gets it in the other', async (t) => {
  const [one, other] = [newHub(), newHub()]
  const transports = [new FakeTransport(), new FakeTransport(), new FakeTransport()]
  const streams = transports.map((transport) => one.hub.admit({ user: undefined }, transport))
  for (const stream of streams) one.hub.end(stream, 'revoked', false)
  const stream = streams[1]!
  one.hub.handOver(stream, other.hub)
  other.hub.subscriptions.begin(stream, ['$sys/stats'], {})
  one.run()
  t.strictSame(
    transports.map(({ ended }) => ended),
    ['revoked', '', 'revoked'],
  )
  other.run()
  t.equal(transports[1]!.ended, 'revoked')
  t.equal(other.hub.streams.size, 0)
  t.equal(other.hub.stats.closed.revoked, 1)
})
