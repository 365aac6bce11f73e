import fc from 'fast-check'
import t from 'tap'
import type { Stream } from '../../dist/hub/stream.js'
import { passageOf, traced, type Outcome, type Passage } from '../../dist/hub/trace.js'
import { scenario } from './subscriptions-scenario.js'
import { World } from './subscriptions-world.js'

/*
 * What is told of an event at a stream, held against what its connection was handed.
 */

const met: Partial<Record<Outcome | 'unknown' | 'gone' | 'ended', number>> = {}

/** Holds what is told of every event at a stream against what its connection was handed. */
function check(world: World, passage: Passage, handed: Stream['transport'], isEnded: boolean) {
  const { live, replayed } = (handed as unknown as { handed: Record<string, Set<number>> }).handed
  for (const [index, { topics, users }] of world.log.entries()) {
    const place = { epoch: 'e', sequence: index + 1 }
    const isGone = place.sequence < world.oldest
    const event = isGone ? place : { ...place, topics, users, time: '' }
    const { outcome, by } = traced(passage, event)
    met[outcome ?? 'unknown'] = (met[outcome ?? 'unknown'] ?? 0) + 1
    if (isGone) met.gone = (met.gone ?? 0) + 1
    if (isEnded) met.ended = (met.ended ?? 0) + 1
    const fail = (why: string): never => {
      throw new Error(`${place.sequence} is ${outcome ?? 'unknown'} (${passage.state}): ${why}`)
    }
    const wasLive = live!.has(place.sequence)
    const wasHanded = wasLive || replayed!.has(place.sequence)
    if (outcome === 'written' && !wasHanded) fail('it was not handed over')
    // What was replayed counts once the replay is over.
    if (wasLive && outcome !== 'written' && outcome !== undefined) fail('it was handed over')
    if (!isGone && outcome !== undefined && (by === null) !== (outcome === 'not-matched')) {
      fail(`by ${by}`)
    }
    if (outcome === 'lagging' && passage.state === 'idle')
      fail('an idle stream has it still to get')
    if (outcome === 'parked' && isEnded) fail('it is over')
  }
}

t.test('an event is told as written where it was handed over, and nowhere else', async (t) => {
  await fc.assert(
    fc.asyncProperty(scenario, async (scenario) => {
      const world = new World(scenario)
      const streams = new Map<string, Stream>()
      for (const [n, step] of scenario.steps.entries()) {
        await world.take(step)
        for (const { stream } of world.clients) {
          if (stream !== undefined) streams.set(world.hub.streamId(stream), stream)
          if (stream === undefined || stream.state === 'ended' || n % 8 !== 0) continue
          check(world, passageOf(world.hub.ring, stream), stream.transport, false)
        }
      }
      for (const { id, passage } of world.ended.values()) {
        check(world, passage, streams.get(id)!.transport, true)
      }
    }),
    { numRuns: Number(process.env['PROMISE_RUNS'] ?? 200) },
  )
  t.comment(JSON.stringify(met))
  for (const outcome of [
    'written',
    'lagging',
    'parked',
    'gapped',
    'before',
    'after-end',
    'not-matched',
    'unknown',
    'gone',
    'ended',
  ] as const) {
    t.ok((met[outcome] ?? 0) > 0, `the runs met ${outcome}`)
  }
})
