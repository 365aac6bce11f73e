import t from 'tap'
import { MemoryLog } from '../../dist/logs/memory-log.js'
import { draft, eventLogSuite } from './event-log-suite.js'

eventLogSuite('a memory log', async () => new MemoryLog())

t.test('two memory logs have two lives, so that an id of one is none of the other', async (t) => {
  const [one, other] = [new MemoryLog(), new MemoryLog()]
  t.not(one.lives[0]!.epoch, other.lives[0]!.epoch)
})

t.test('the time of an event is that of the clock', async (t) => {
  const log = new MemoryLog({ epoch: 'e', now: () => Date.UTC(2026, 0, 2, 3, 4, 5, 6) })
  const times: string[] = []
  log.follow((events) => times.push(...events.map(({ time }) => time)))
  await log.append([draft('')])
  t.strictSame(times, ['2026-01-02T03:04:05.006Z'])
})

t.test('a life may be given its name, and an empty one names no places', async (t) => {
  t.strictSame(new MemoryLog({ epoch: 'e' }).lives, [{ epoch: 'e', first: 1, last: 0 }])
  const [receipt] = await new MemoryLog({ epoch: '' }).append([draft('')])
  t.strictSame(receipt, { epoch: '', sequence: 1, duplicate: false })
})
