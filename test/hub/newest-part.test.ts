import t from 'tap'
import { EvictionHorizon } from '../../dist/hub/eviction-horizon.js'
import { ringBegins } from '../../dist/hub/newest-part.js'
import type { Retained } from '../../dist/hub/event-log.js'
import { accepted } from './fill-ring.js'

/** A log whose reads are what `read` says. */
function logOf(head: number, read: Retained['read']) {
  const retained: Retained = {
    first: 1,
    horizon: new EvictionHorizon(64),
    read,
    next: async () => undefined,
    newest: async () => [],
  }
  return { head, lives: [{ epoch: 'e', first: 1, last: head }], retained }
}

t.test('a log that becomes shorter while it is read is read again', async (t) => {
  const log = logOf(10, async (from) => {
    if (log.head === 10) {
      log.head = 8
      throw new Error('it has no such events')
    }
    return [from, 8].map((sequence) => accepted(sequence))
  })
  t.equal((await ringBegins(log, 64, 1e6)).at(-1)!.sequence, 8)
})

t.test('one that is as it was and cannot be read is not', async (t) => {
  let reads = 0
  const log = logOf(10, async () => {
    reads++
    throw new Error('damaged')
  })
  await t.rejects(ringBegins(log, 64, 1e6), { message: 'damaged' })
  t.equal(reads, 1)
})
