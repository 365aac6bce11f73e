import t from 'tap'
import { BlockCache } from '../../dist/hub/block-cache.js'
import { blockEvents, type Retained } from '../../dist/hub/event-log.js'
import { EvictionHorizon } from '../../dist/hub/eviction-horizon.js'
import type { Ring } from '../../dist/hub/ring.js'
import { sse } from '../../dist/wire/sse.js'
import { accepted } from './fill-ring.js'

const blocks = 20
const data = 'x'.repeat(1000)
const starts = Array.from({ length: blocks }, (_, n) => (n + 1) * blockEvents)

const retained: Retained = {
  first: blockEvents,
  horizon: new EvictionHorizon(64),
  read: async (from) => Array.from({ length: blockEvents }, (_, i) => accepted(from + i, { data })),
  next: async (_names, from) => from,
  newest: async () => [],
}

const cacheOf = (maxBytes: number): BlockCache => new BlockCache(retained, () => Infinity, maxBytes)

function encode(block: Ring): void {
  for (let at = block.first; at < block.next; at++) block.encoded(block.entry(at), sse)
}

/** What the blocks hold that are there, and how many those are. */
function held(cache: BlockCache): { bytes: number; count: number } {
  const there = starts.flatMap((start) => cache.cached(start) ?? [])
  return { bytes: there.reduce((sum, { bytes }) => sum + bytes, 0), count: there.length }
}

t.test('blocks that are read stay within the bound, the newest ones', async (t) => {
  const cache = cacheOf(3_000_000)
  for (const start of starts) await cache.load(start)
  const { bytes, count } = held(cache)
  t.ok(bytes <= 3_000_000 && count > 5, `${count} blocks hold ${bytes}`)
  t.equal(cache.bytes, bytes)
  t.ok(cache.cached(starts.at(-1)!))
  t.notOk(cache.cached(starts[0]!))
})

t.test('and with what is encoded of them later, though nothing more is read', async (t) => {
  const cache = cacheOf(3_000_000)
  for (const start of starts) await cache.load(start)
  for (const start of starts) {
    const block = cache.cached(start)
    if (block !== undefined) encode(block)
    // As the next turn of a stream does.
    cache.cached(start)
  }
  const { bytes, count } = held(cache)
  t.ok(bytes <= 3_000_000 && count > 2, `${count} blocks hold ${bytes}`)
  t.equal(cache.bytes, bytes)
})

t.test('a block larger than the bound is kept while it is the only one', async (t) => {
  const cache = cacheOf(1000)
  for (const start of starts.slice(0, 3)) encode(await cache.load(start))
  t.ok(cache.cached(starts[2]!))
  t.equal(held(cache).count, 1)
  cache.forget()
  t.equal(cache.bytes, 0)
})
