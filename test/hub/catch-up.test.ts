import { setImmediate as turnEnd } from 'node:timers/promises'
import t from 'tap'
import { BlockCache, blockOf } from '../../dist/hub/block-cache.js'
import { CatchUp } from '../../dist/hub/catch-up.js'
import { blockEvents, type Retained } from '../../dist/hub/event-log.js'
import { EvictionHorizon } from '../../dist/hub/eviction-horizon.js'
import { Stream } from '../../dist/hub/stream.js'
import type { Transport } from '../../dist/hub/transport.js'
import { until } from '../helpers/until.js'
import { accepted, ringOf, wantsOf } from './fill-ring.js'

const blocks = 100
const head = blocks * blockEvents
/** A read of the log ends after so many events, where a test wants that. */
interface World {
  readonly readEvents?: number
  /** From which sequence on the log cannot be read. */
  readonly damagedFrom?: number
  /** The last sequence that was told; the log may have more. */
  readonly told?: number
  /** Told of each stream that has caught up. */
  readonly onDone?: (stream: Stream) => void
}

/** A log of events of topic `a`, one in the last block but one also of `rare`, and who reads it. */
function world({
  readEvents = blockEvents,
  damagedFrom = Infinity,
  told = head,
  onDone,
}: World = {}) {
  const rare = head - blockEvents - 9
  const reads: number[] = []
  const lookUps: number[] = []
  const retained: Retained = {
    first: 1,
    horizon: new EvictionHorizon(64),
    async read(from) {
      await turnEnd()
      reads.push(from)
      if (from >= damagedFrom) throw new Error('damaged')
      const start = readEvents < blockEvents ? from : Math.max(1, blockOf(from) * blockEvents)
      const end = Math.min(start + readEvents, (blockOf(from) + 1) * blockEvents)
      return Array.from({ length: end - start }, (_, i) => accepted(start + i))
    },
    next: async ({ topics }, from) => {
      lookUps.push(from)
      if (from >= damagedFrom) throw new Error('damaged')
      return new Set(topics).has('a') ? from : from <= rare ? rare : undefined
    },
    newest: async () => [],
  }
  const cache = new BlockCache(retained, () => told, 16 * 1024 * 1024)
  const ring = ringOf(8, [])
  for (let sequence = 1; sequence <= head; sequence++) ring.append(accepted(sequence))
  const unreadable: Stream[] = []
  const done: Stream[] = []
  /** As the dispatcher does: passes what is there, and waits for what comes next. */
  const ready = (stream: Stream): void => {
    stream.state = 'queued'
    setImmediate(() => {
      if (stream.state === 'ended') return
      const block = cache.cached(stream.cursor)
      if (block !== undefined) {
        if (!stream.filter.exact.has('rare')) stream.lastSent = block.next - 1
        stream.cursor = block.next
      }
      go(stream)
    })
  }
  const catchUp: CatchUp = new CatchUp(
    cache,
    ring,
    { ready, unreadable: (stream) => unreadable.push(stream) },
    () => performance.now(),
    turnEnd,
  )
  const go = (stream: Stream): void => {
    if (stream.cursor < ring.first) catchUp.wait(stream)
    else {
      stream.state = 'idle'
      done.push(stream)
      onDone?.(stream)
    }
  }
  const open = (cursor: number, topic = 'a'): Stream => {
    const { filter } = wantsOf([topic])
    const start = { cursor, place: cursor - 1, now: 0 }
    const stream = new Stream(1, filter, undefined, true, {} as Transport, 0, start)
    go(stream)
    return stream
  }
  const forget = (): void => {
    catchUp.forget()
  }
  return { open, done, unreadable, reads, lookUps, cache, rare, forget }
}

t.test('streams that came at different times and places share what is read', async (t) => {
  const { open, done, reads } = world()
  for (let i = 0; i < 50; i++) open(1 + i * 7)
  await until(() => reads.length > 20, 'some blocks')
  for (let i = 0; i < 50; i++) open(1 + i * 450)
  await until(() => done.length === 100, 'all of them')
  t.ok(reads.length <= 3 * blocks, `${reads.length} reads for ${blocks} blocks`)
  t.ok(done.every(({ cursor }) => cursor > head - 8))
})

t.test('who has caught up and is served live holds up none that comes behind', async (t) => {
  let opened: Stream | undefined
  const { open, done } = world({
    onDone: (stream) => {
      // There is always something for it, and somebody who begins.
      if (opened === undefined) {
        stream.state = 'queued'
        opened = open(1)
      }
    },
  })
  open(1)
  await until(() => done.length === 2, 'both')
  t.equal(done[1], opened)
})

t.test('a stream that is sent nothing for long asks the index where to go on', async (t) => {
  const { open, done, reads, lookUps, rare } = world()
  open(1, 'rare')
  await until(() => done.length === 1, 'the end')
  t.ok(reads.length <= 20, `${reads.length} reads`)
  t.ok(reads.includes(rare), 'what it has is read')
  t.ok(lookUps.length <= 4, `${lookUps.length} look-ups`)
})

t.test('nobody is asked while streams get what they want', async (t) => {
  const { open, done, lookUps } = world()
  for (let i = 0; i < 3; i++) open(1)
  await until(() => done.length === 3, 'the end')
  t.equal(lookUps.length, 0)
})

t.test('a block that comes in pieces is read piece by piece', async (t) => {
  const { open, done, reads } = world({ readEvents: 100 })
  open(head - 3 * blockEvents + 1)
  open(head - 3 * blockEvents + 120)
  await until(() => done.length === 2, 'the end')
  t.ok(reads.length <= 12, `${reads.length} reads`)
})

t.test('what cannot be read is told to those that want it, and holds up no others', async (t) => {
  const { open, done, unreadable } = world({ damagedFrom: 50 * blockEvents })
  const early = open(1)
  const rare = open(head - 2 * blockEvents, 'rare')
  await until(() => unreadable.length === 2, 'both')
  t.same(new Set(unreadable), new Set([early, rare]))
  t.equal(blockOf(early.cursor), 50)
  t.equal(done.length, 0)
})

t.test('a stream that ended while it waited is left alone', async (t) => {
  const { open, done, unreadable } = world({ damagedFrom: 3 * blockEvents })
  const [gone, other] = [open(1), open(1)]
  gone.state = 'ended'
  await until(() => unreadable.length === 1, 'the other')
  t.same(unreadable, [other])
  t.equal(gone.cursor, 1)
  t.equal(done.length, 0)
})

t.test(
  'who waited for a log that was lost is forgotten, and who comes then is served',
  async (t) => {
    const { open, done, forget } = world()
    const lost = open(1)
    forget()
    await turnEnd()
    await turnEnd()
    const later = open(head - blockEvents)
    await until(() => done.length === 1, 'the later one')
    t.same(done, [later])
    t.equal(lost.cursor, 1)
  },
)

t.test('what the log has and has not told yet is not read', async (t) => {
  const { cache } = world({ told: 300 })
  const block = await cache.load(290)
  t.equal(block.next, 301)
  t.equal(cache.cached(301), undefined)
})
