import t from 'tap'
import type { Figures } from '../../../src/web/dashboard/figures.js'
import { mostSamples, Samples } from '../../../src/web/dashboard/samples.js'

const figures = (accepted: number): Figures =>
  ({
    streams: 1,
    accepted,
    deliveries: accepted * 2,
    pushToWriteMs: null,
    loopDelayMs: 1,
    ring: { events: 0, bytes: 0, fill: 0.5 },
  }) as Figures

t.test('rates are what counts grow by in a second', async (t) => {
  const samples = new Samples()
  samples.add(figures(10), 100)
  samples.add(figures(30), 102)
  t.same(samples.column('pushes'), [null, 10])
  t.same(samples.column('deliveries'), [null, 20])
  t.same(samples.column('ringFill'), [50, 50])
})

t.test('where a count begins anew there is no rate', async (t) => {
  const samples = new Samples()
  for (const [at, accepted] of [10, 0, 5].entries()) samples.add(figures(accepted), at)
  t.same(samples.column('pushes'), [null, null, 5])
})

t.test('an hour is kept', async (t) => {
  const samples = new Samples()
  for (let at = 0; at < mostSamples + 10; at++) samples.add(figures(at), at)
  t.equal(samples.column('at').length, mostSamples)
  t.equal(samples.column('at')[0], 10)
})
