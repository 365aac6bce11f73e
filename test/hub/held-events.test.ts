import { setImmediate as turnEnd } from 'node:timers/promises'
import t from 'tap'
import type { AcceptedEvent } from '../../dist/hub/event.js'
import { Hub } from '../../dist/hub/hub.js'
import { MemoryLog } from '../../dist/logs/memory-log.js'
import { heapAfterGc } from '../helpers/heap.js'
import { draft } from '../logs/event-log-suite.js'

const ringEvents = 8
const batch = Array.from({ length: ringEvents }, (_, i) => draft(`event ${i}`))

const options = {
  ...{ heartbeatMs: 15_000, stalledStreamMs: 60_000, maxStreamAgeMs: 0 },
  ...{ ringEvents, ringBytes: 1e6, catchUpBytes: 1e6, node: 'n', nextStreamNumber: () => 1 },
}

/** A log that has events, and these. */
async function begunLog(): Promise<{ log: MemoryLog; newest: AcceptedEvent[] }> {
  const log = new MemoryLog()
  const newest: AcceptedEvent[] = []
  log.follow((events) => newest.push(...events))
  await log.append(batch)
  return { log, newest }
}

/** A hub that goes on with such a log, and the log's events, as they can be asked after and not held. */
async function begun(): Promise<{ hub: Hub; first: WeakRef<AcceptedEvent>[] }> {
  const { log, newest } = await begunLog()
  const hub = new Hub({ ...options, log }, newest)
  return { hub, first: newest.map((event) => new WeakRef(event)) }
}

t.test('what a ring began with is held by nobody once the ring has let it go', async (t) => {
  const { hub, first } = await begun()
  await turnEnd()
  heapAfterGc()
  t.ok(
    first.every((event) => event.deref() !== undefined),
    'the ring has it',
  )
  await hub.publish(batch)
  await turnEnd()
  heapAfterGc()
  t.equal(first.filter((event) => event.deref() !== undefined).length, 0)
  t.equal(hub.ring.size, ringEvents)
  await hub.drain(0)
})
