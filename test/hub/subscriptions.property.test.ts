import fc from 'fast-check'
import t from 'tap'
import { scenario } from './subscriptions-scenario.js'
import { met, World } from './subscriptions-world.js'

/*
 * The promise for streams that change what they are subscribed to, held against a model: each event
 * comes live or as a replay, once and in order, and what was asked for and does not come is told of.
 */

t.test(
  'whenever a client subscribes, unsubscribes or asks for what it has passed, it gets that, once',
  async (t) => {
    await fc.assert(
      fc.asyncProperty(scenario, async (scenario) => {
        const world = new World(scenario)
        for (const step of scenario.steps) await world.take(step)
        await world.settle()
      }),
      { numRuns: Number(process.env['PROMISE_RUNS'] ?? 300) },
    )
    t.comment(JSON.stringify(met))
    for (const [what, times] of Object.entries(met)) t.ok(times > 0, `the runs met ${what}`)
  },
)
