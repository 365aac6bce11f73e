import { newHubStats } from '../hub/stats.js'
import { ids, node, time } from './examples.js'

const { closed, gaps } = newHubStats()

/** The figures of a node that has served the story of the examples. */
export const figuresExample = {
  node,
  version: '0.1.0',
  configured: false,
  uptimeSeconds: 61,
  draining: false,
  logReachable: true,
  head: ids.text,
  streams: 1,
  systemStreams: 0,
  slowestStreamLag: 0,
  ring: { events: 7, bytes: 2_870, fill: 0.0001 },
  memory: 86_507_520,
  opened: 2,
  closed: { ...closed, client: 1 },
  accepted: 7,
  duplicates: 0,
  busy: 0,
  rateLimited: 0,
  deliveries: 4,
  writes: 4,
  sentBytes: 911,
  stalls: 0,
  gaps,
  lastHour: { gaps, busy: 0, rateLimited: 0, limit: 0, stalled: 0, deadPeers: 0 },
  marks: [{ at: time, kind: 'start' }],
  loopDelayMs: 2.1,
  pushToWriteMs: { p50: 0.3, p99: 0.9 },
  slowest: [],
  busiest: [{ topic: 'log/app', perSecond: 0.2 }],
}
