import t from 'tap'
import type { Figures } from '../../../src/web/dashboard/figures.js'
import { healthOf } from '../../../src/web/dashboard/health.js'

const well: Figures = {
  node: 'a',
  version: '1',
  configured: false,
  draining: false,
  logReachable: true,
  streams: 2_000,
  systemStreams: 0,
  slowestStreamLag: 0,
  ring: { events: 0, bytes: 0, fill: 0 },
  accepted: 0,
  deliveries: 0,
  loopDelayMs: 3,
  pushToWriteMs: { p50: 0.2, p99: 1.25 },
  lastHour: { gaps: {}, busy: 0, rateLimited: 0, limit: 0, stalled: 0, deadPeers: 0 },
  slowest: [],
  busiest: [],
  marks: [],
}

t.test('one sentence says how the service is', async (t) => {
  t.same(healthOf(well), {
    sentence:
      '2,000 streams are open, and there were no gaps in the last hour; 99 of 100 events were written within 1.3 ms.',
    causes: [],
  })
  t.equal(
    healthOf({ ...well, streams: 1, pushToWriteMs: null }).sentence,
    '1 stream is open, and there were no gaps in the last hour; nothing was delivered in the last minute.',
  )
  t.match(healthOf({ ...well, streams: 0 }).sentence, /^No streams are open/)
})

t.test('what is wrong is told with the setting that mends it', async (t) => {
  const { lastHour } = well
  const gaps = (reason: string): Partial<Figures> => ({
    lastHour: { ...lastHour, gaps: { [reason]: 2 } },
  })
  const cases: readonly [Partial<Figures>, RegExp, RegExp][] = [
    [{ logReachable: false }, /log cannot be reached/, /STORE/],
    [{ draining: true }, /shutting down/, /DRAIN/],
    [gaps('lagged'), /^2 gaps because a stream was slower/, /RING_EVENTS/],
    [gaps('evicted'), /^2 gaps because a client came back/, /RETAIN_EVENTS/],
    [gaps('epoch'), /begun anew/, /STORE/],
    [{ lastHour: { ...lastHour, busy: 1 } }, /1 push was refused/, /RING_BYTES/],
    [{ lastHour: { ...lastHour, rateLimited: 3 } }, /3 pushes were/, /PUSHES_PER_SECOND/],
    [{ lastHour: { ...lastHour, limit: 1 } }, /^1 stream turned away/, /MAX_STREAMS_PER_USER/],
    [{ lastHour: { ...lastHour, stalled: 1 } }, /reading nothing/, /STALLED_STREAM/],
    [{ loopDelayMs: 250 }, /held up for 250 ms/, /--workers/],
    [{ pushToWriteMs: { p50: 1, p99: 1_500 } }, /1.5 s or longer/, /--workers/],
  ]
  for (const [figures, text, remedy] of cases) {
    const { causes } = healthOf({ ...well, ...figures })
    t.equal(causes.length, 1)
    t.match(causes[0], { text, remedy })
  }
})

t.test('what is nobody’s fault is no cause', async (t) => {
  const lastHour = { ...well.lastHour, deadPeers: 9, gaps: { unknown: 2 } }
  t.same(healthOf({ ...well, lastHour }).causes, [])
})
