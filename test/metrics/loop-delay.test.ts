import t from 'tap'
import { LoopDelay } from '../../dist/metrics/loop-delay.js'
import { until } from '../helpers/until.js'

t.test('a long turn of the event loop is told for a second, whenever it begins', async (t) => {
  const loop = new LoopDelay()
  t.equal(loop.longestMs, 0)
  loop.start()
  t.teardown(() => {
    loop.stop()
  })
  for (let turn = 0; turn < 2; turn++) {
    const end = performance.now() + 600
    while (performance.now() < end) {
      // The loop waits.
    }
    // At most a hundred milliseconds of it are before the next look is due.
    await until(() => loop.longestMs >= 490, 'a long turn')
    await until(() => loop.longestMs < 490, 'shorter turns', 60_000)
  }
})
