import t from 'tap'
import type { EventLog, Follower, Life } from '../../dist/hub/event-log.js'
import type { AcceptedEvent } from '../../dist/hub/event.js'
import { Hub } from '../../dist/hub/hub.js'
import type { Frame } from '../../dist/hub/wire-format.js'
import { sse } from '../../dist/wire/sse.js'
import { accepted } from './fill-ring.js'

/** A log that several nodes would share, and that a test can make lose events. */
class LosingLog implements EventLog {
  head = 0
  lives: Life[] = [{ epoch: 'e', first: 1, last: 0 }]
  #listener: (events: readonly AcceptedEvent[]) => void = () => {}
  follower: Follower | undefined
  readonly retained = undefined
  readonly revocations = undefined
  readonly problem = undefined
  readonly shared = { reach: () => undefined }

  append = () => Promise.resolve([])
  close = () => Promise.resolve()

  follow(listener: (events: readonly AcceptedEvent[]) => void, follower?: Follower): void {
    this.#listener = listener
    this.follower = follower
  }

  tell(count: number, topic: string, data = 'old'): void {
    const { epoch } = this.lives.at(-1)!
    const events = Array.from({ length: count }, (_, i) =>
      accepted(this.head + 1 + i, { topics: [topic], epoch, data }),
    )
    this.head += count
    this.lives = [...this.lives.slice(0, -1), { ...this.lives.at(-1)!, last: this.head }]
    this.#listener(events)
  }

  /** The log is found to have these lives and events, of which those up to `common` are the same. */
  lose(common: number, lives: Life[], newest: readonly AcceptedEvent[]): void {
    const former = this.lives
    this.lives = lives
    this.head = lives.at(-1)!.last
    this.follower!.restart({ newest, common, former })
  }
}

/** A hub on such a log, whose slices are run by hand. */
function newHub() {
  const log = new LosingLog()
  const slices: (() => void)[] = []
  const hub = new Hub({
    log,
    ringEvents: 64,
    ringBytes: 1e6,
    catchUpBytes: 1e6,
    node: 'n',
    nextStreamNumber: () => 1,
    heartbeatMs: 15_000,
    stalledStreamMs: 60_000,
    maxStreamAgeMs: 0,
    defer: (slice) => slices.push(slice),
    every: () => () => {},
    random: () => 0,
  })
  const run = (): void => {
    while (slices.length > 0) slices.shift()!()
  }
  const open = (
    topics: string[],
    { lastEventId, control }: { lastEventId?: string; control?: boolean } = {},
  ) => {
    const transport = {
      kind: 'sse' as const,
      format: sse,
      address: '127.0.0.1',
      bytesWritten: 0,
      full: false,
      text: '',
      write({ bytes, start, end }: Frame): boolean {
        this.text += bytes.toString('utf8', start, end)
        return !this.full
      },
      end() {},
      destroy() {},
    }
    const stream = hub.subscribe({ topics, user: undefined, lastEventId }, transport, control)
    return { transport, stream }
  }
  return { log, hub, run, open }
}

/** The ids and gaps that were written, in order. */
const written = ({ text }: { text: string }): string[] =>
  text.split('\n\n').flatMap((block) => {
    const id = /^id: (.*)$/m.exec(block)?.[1] ?? ''
    if (block.includes('"type":"gap"')) {
      return [
        `gap ${/"reason":"(\w+)"/.exec(block)![1]!} ${/"after":"([^"]*)"/.exec(block)![1]!} ${id}`,
      ]
    }
    return block.includes('event: ringcast') || id === '' ? [] : [id]
  })

const newLives: Life[] = [
  { epoch: 'e', first: 1, last: 12, sure: 8 },
  { epoch: 'f', first: 13, last: 14 },
]
const newest = Array.from({ length: 14 }, (_, i) =>
  accepted(i + 1, { topics: [i + 1 === 10 ? 'b' : 'a'], epoch: i < 12 ? 'e' : 'f', data: 'new' }),
)

t.test(
  'a stream that was sent what is lost is told so, in its place, and goes on behind it',
  async (t) => {
    const { log, run, open, hub } = newHub()
    const { transport } = open(['a'])
    log.tell(10, 'a')
    run()
    log.lose(8, newLives, newest)
    run()
    const old = Array.from({ length: 10 }, (_, i) => `e-${(i + 1).toString(36)}`)
    t.strictSame(written(transport), [...old, 'gap epoch e-a f-c', 'f-d', 'f-e'])
    t.equal(hub.stats.gaps.epoch, 1)
    t.notMatch(transport.text.slice(transport.text.indexOf('gap')), 'old', 'nothing stale')
  },
)

t.test('one that was sent nothing of it goes on from what is sure, without a word', async (t) => {
  const { log, run, open } = newHub()
  const { transport } = open(['b'])
  log.tell(10, 'a')
  run()
  log.lose(8, newLives, newest)
  run()
  t.strictSame(written(transport), ['e-a'])
  log.tell(1, 'b')
  run()
  t.strictSame(written(transport), ['e-a', 'f-f'])
})

t.test('one that is parked is told once it drains, and of two losses the first', async (t) => {
  const { log, run, open, hub } = newHub()
  const { transport, stream } = open(['a'])
  log.tell(9, 'a')
  transport.full = true
  run()
  t.equal(stream.state, 'parked')
  log.lose(8, newLives, newest)
  const other: Life[] = [{ epoch: 'g', first: 1, last: 1 }]
  log.lose(-1, other, [accepted(1, { epoch: 'g', data: 'newer' })])
  run()
  t.equal(stream.state, 'parked')
  transport.full = false
  hub.drained(stream)
  run()
  t.strictSame(written(transport).slice(9), ['gap epoch e-9 g-0', 'g-1'])
})

t.test('one that waits for its turn gets nothing that is lost', async (t) => {
  const { log, run, open } = newHub()
  const { transport, stream } = open(['a'])
  log.tell(10, 'a')
  t.equal(stream.state, 'queued')
  log.lose(8, newLives, newest)
  run()
  t.notMatch(transport.text, 'old')
  t.strictSame(
    written(transport),
    Array.from({ length: 8 }, (_, i) => `e-${i + 1}`).concat(['e-9', 'e-b', 'e-c', 'f-d', 'f-e']),
  )
})

t.test('without control events the right events come all the same', async (t) => {
  const { log, run, open } = newHub()
  const { transport } = open(['a'], { control: false })
  log.tell(10, 'a')
  run()
  log.lose(
    -1,
    [{ epoch: 'g', first: 1, last: 2 }],
    [accepted(1, { epoch: 'g', data: 'new' }), accepted(2, { epoch: 'g', data: 'new' })],
  )
  run()
  t.strictSame(written(transport).slice(10), ['g-1', 'g-2'])
  t.notMatch(transport.text, 'gap')
})

t.test(
  'ids beyond what is sure are answered with a gap, and go on behind their life',
  async (t) => {
    const { log, run, open } = newHub()
    log.lose(-1, newLives, newest)
    const unsure = open(['a'], { lastEventId: 'e-9' })
    const sure = open(['a'], { lastEventId: 'e-8' })
    run()
    t.strictSame(written(unsure.transport), ['gap epoch e-9 f-c', 'f-d', 'f-e'])
    t.strictSame(written(sure.transport), ['e-9', 'e-b', 'e-c', 'f-d', 'f-e'])
  },
)

t.test('a shared log is asked to wait while the ring holds what is not fanned out', async (t) => {
  const { log, run, open } = newHub()
  const { transport, stream } = open(['a'])
  run()
  const events = (count: number) => Array.from({ length: count }, (_, i) => accepted(i + 1))
  t.equal(log.follower!.fits(events(16)), 16)
  t.equal(log.follower!.fits(events(200)), 50, 'a half of a half of more than it holds')
  t.equal(stream.keepsUp, true)
  log.tell(60, 'a')
  t.equal(log.follower!.fits(events(16)), 4)
  log.tell(4, 'a')
  t.equal(log.follower!.fits(events(16)), 0)
  run()
  t.equal(log.follower!.fits(events(16)), 16)
  t.equal(written(transport).length, 64)
})

t.test('an event that is larger than the ring waits until all is fanned out', async (t) => {
  const { log, run, open } = newHub()
  open(['a'])
  run()
  const large = accepted(1, { data: 'x'.repeat(2e6) })
  t.equal(log.follower!.fits([large, accepted(2)]), 1)
  log.tell(1, 'a')
  t.equal(log.follower!.fits([large]), 0)
  run()
  t.equal(log.follower!.fits([large]), 1)
})
