import t from 'tap'
import { LoopDelay } from '../../src/metrics/loop-delay.js'
import { until } from '../helpers/until.js'

t.test('a long turn of the event loop is seen for a second', async (t) => {
  const loop = new LoopDelay()
  t.equal(loop.longestMs, 0)
  loop.start()
  t.teardown(() => {
    loop.stop()
  })
  await until(() => loop.longestMs > 0, 'the first looks')
  const blocked = performance.now() + 600
  while (performance.now() < blocked) {
    // The loop waits.
  }
  // A look is at most a hundred milliseconds before the turn begins.
  await until(() => loop.longestMs >= 490, 'a long turn')
  await until(() => loop.longestMs < 400, 'shorter turns')
})
