import t from 'tap'
import type { Hub } from '../../dist/hub/hub.js'
import { newHubStats } from '../../dist/hub/stats.js'
import { hoursTogether, LastHour } from '../../dist/metrics/last-hour.js'

/** What is looked at of a hub, and a clock that goes on by hand. */
function world() {
  const hub = { stats: newHubStats(), draining: false }
  let now = Date.UTC(2026, 0, 1, 12)
  const hour = new LastHour(hub as unknown as Hub, () => now)
  const pass = (minutes: number): void => {
    for (let minute = 0; minute < minutes; minute++) {
      now += 60_000
      hour.look()
    }
  }
  return { hub, hour, pass }
}

t.test('what was counted less than an hour ago counts, and older does not', (t) => {
  const { hub, hour, pass } = world()
  hub.stats.busy = 2
  hub.stats.gaps.lagged = 3
  hub.stats.closed['dead-peer'] = 1
  t.match(hour.counts, { busy: 2, deadPeers: 1, gaps: { lagged: 3 }, stalled: 0, limit: 0 })
  pass(30)
  hub.stats.busy += 5
  t.equal(hour.counts.busy, 7)
  pass(31)
  t.match(hour.counts, { busy: 5, deadPeers: 0, gaps: { lagged: 0 } })
  pass(31)
  t.match(hour.counts, { busy: 0, gaps: { lagged: 0, evicted: 0, epoch: 0, unknown: 0 } })
  t.end()
})

t.test(
  'marks tell the start, the minutes with gaps and the drain, oldest first, for an hour',
  (t) => {
    const { hub, hour, pass } = world()
    t.same(hour.marks, [{ at: '2026-01-01T12:00:00.000Z', kind: 'start' }])
    pass(2)
    hub.stats.gaps.evicted += 2
    hub.stats.gaps.lagged += 1
    t.match(hour.marks[1], { at: '2026-01-01T12:02:00.000Z', kind: 'gaps', count: 3 })
    pass(1)
    hub.draining = true
    t.match(hour.marks.slice(1), [
      { at: '2026-01-01T12:03:00.000Z', kind: 'gaps', count: 3 },
      { at: '2026-01-01T12:03:00.000Z', kind: 'drain' },
    ])
    pass(1)
    hub.stats.gaps.epoch += 1
    t.same(
      hour.marks.map(({ kind }) => kind),
      ['start', 'gaps', 'drain', 'gaps'],
    )
    pass(58)
    t.same(
      hour.marks.map(({ kind }) => kind),
      ['gaps', 'drain', 'gaps'],
      'the start is more than an hour ago',
    )
    t.end()
  },
)

t.test('the hours of several processes add up', (t) => {
  const [one, other] = [world(), world()]
  one.hub.stats.gaps.lagged = 2
  other.hub.stats.gaps.lagged = 3
  other.hub.stats.closed.stalled = 1
  t.match(hoursTogether(one.hour.counts, other.hour.counts), { gaps: { lagged: 5 }, stalled: 1 })
  t.end()
})
