import fc from 'fast-check'
import t from 'tap'
import { scenario } from './promise-scenario.js'
import { met, World } from './promise-world.js'

/*
 * The promise of the README, held against a model: within one stream, and across
 * reconnects that carry the last id, events come in order, none twice, none missing, unless a `gap`
 * says so, in its place in the stream.
 */

t.test(
  'events come in order, none twice, none missing, unless a gap says so in its place',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(scenario, async (scenario) => {
        const world = new World(scenario)
        for (const step of scenario.steps) await world.take(step)
        await world.settle()
        for (const step of scenario.lastSteps) await world.take(step)
        await world.shutDown()
      }),
      { numRuns: Number(process.env['PROMISE_RUNS'] ?? 400) },
    )
    t.comment(JSON.stringify(met))
    for (const [what, times] of Object.entries(met)) t.ok(times > 0, `the runs met ${what}`)
  },
)
