import t from 'tap'
import { RecentTimes } from '../../dist/metrics/recent-times.js'

t.test('quantiles are of the samples of the last minute', (t) => {
  let now = 0
  const times = new RecentTimes(() => now)
  t.equal(times.quantiles, null)
  for (let ms = 1; ms <= 200; ms++) times.add(ms)
  t.same(times.quantiles, { p50: 100, p99: 198 })
  now = 60_000
  t.same(times.quantiles, { p50: 100, p99: 198 })
  times.add(7)
  now = 60_001
  t.same(times.quantiles, { p50: 7, p99: 7 })
  now = 120_001
  t.equal(times.quantiles, null)
  t.end()
})

t.test('of more samples than are kept the newest count', (t) => {
  const times = new RecentTimes(() => 0)
  for (let i = 0; i < 10_000; i++) times.add(i < 7_000 ? 1_000 : 5)
  t.same(times.quantiles, { p50: 5, p99: 5 })
  t.end()
})
