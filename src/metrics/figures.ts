import type { Hub } from '../hub/hub.js'
import type { HubStats, TransportStats } from '../hub/stats.js'

/** What a process is called: its node, and its number where the node has several. */
export interface ProcessName {
  readonly node: string
  /** From 1; 0 where the process is its node alone. */
  readonly worker: number
}

/** The figures of a process, or of a node: what it holds now, and counts that grow from its start. */
export interface Figures {
  readonly node: string
  readonly uptimeSeconds: number
  readonly draining: boolean
  readonly head: string | undefined
  readonly streams: number
  readonly systemStreams: number
  readonly slowestStreamLag: number
  readonly ring: { readonly events: number; readonly bytes: number; readonly fill: number }
  readonly memory: number
  readonly opened: number
  readonly closed: HubStats['closed']
  readonly accepted: number
  readonly duplicates: number
  readonly busy: number
  readonly rateLimited: number
  readonly deliveries: number
  readonly writes: number
  readonly sentBytes: number
  readonly stalls: number
  readonly gaps: HubStats['gaps']
  /** What each worker has of it; only where there are several. */
  readonly workers?: readonly WorkerFigures[]
}

/** One worker among those of its node. */
export interface WorkerFigures extends Pick<
  Figures,
  'streams' | 'systemStreams' | 'slowestStreamLag' | 'memory' | 'uptimeSeconds'
> {
  readonly worker: number
  readonly pid: number
}

/** The figures of this process. */
export function figures(hub: Hub, system: Hub, { node, worker }: ProcessName): Figures {
  const { ring, stats } = hub
  const ofTransports = (field: keyof TransportStats): number =>
    Object.values(stats.transports).reduce((sum, each) => sum + each[field], 0)
  const own: Figures = {
    node,
    uptimeSeconds: Math.floor(process.uptime()),
    draining: hub.draining,
    head: hub.head,
    streams: hub.streams.size,
    systemStreams: system.streams.size,
    slowestStreamLag: slowestLag(hub),
    ring: { events: ring.size, bytes: ring.bytes, fill: ring.fill },
    memory: process.memoryUsage.rss(),
    opened: ofTransports('opened'),
    closed: stats.closed,
    accepted: stats.accepted,
    duplicates: stats.duplicates,
    busy: stats.busy,
    rateLimited: stats.rateLimited,
    deliveries: ofTransports('deliveries'),
    writes: stats.writes,
    sentBytes: ofTransports('bytes'),
    stalls: stats.stalls,
    gaps: stats.gaps,
  }
  if (worker === 0) return own
  const { streams, systemStreams, slowestStreamLag, memory, uptimeSeconds } = own
  const { pid } = process
  return {
    ...own,
    workers: [{ worker, pid, streams, systemStreams, slowestStreamLag, memory, uptimeSeconds }],
  }
}

/** How far the stream that is furthest behind is behind, in events of the log. */
export function slowestLag(hub: Hub): number {
  let slowest = 0
  for (const stream of hub.streams.values()) slowest = Math.max(slowest, hub.lagOf(stream))
  return slowest
}

/** The figures of a node, of those of its processes: each has a ring, and all have the same log. */
export function together(all: readonly Figures[]): Figures {
  const [first] = all
  if (all.length === 1) return first!
  const sum = (of: (each: Figures) => number): number => all.reduce((n, each) => n + of(each), 0)
  const most = (of: (each: Figures) => number): number => Math.max(...all.map(of))
  return {
    node: first!.node,
    uptimeSeconds: most((each) => each.uptimeSeconds),
    draining: all.some((each) => each.draining),
    head: first!.head,
    streams: sum((each) => each.streams),
    systemStreams: sum((each) => each.systemStreams),
    slowestStreamLag: most((each) => each.slowestStreamLag),
    ring: {
      events: most((each) => each.ring.events),
      bytes: most((each) => each.ring.bytes),
      fill: most((each) => each.ring.fill),
    },
    memory: sum((each) => each.memory),
    opened: sum((each) => each.opened),
    closed: sumOfEach(all.map((each) => each.closed)),
    accepted: sum((each) => each.accepted),
    duplicates: sum((each) => each.duplicates),
    busy: sum((each) => each.busy),
    rateLimited: sum((each) => each.rateLimited),
    deliveries: sum((each) => each.deliveries),
    writes: sum((each) => each.writes),
    sentBytes: sum((each) => each.sentBytes),
    stalls: sum((each) => each.stalls),
    gaps: sumOfEach(all.map((each) => each.gaps)),
    workers: all.flatMap((each) => each.workers ?? []).sort((a, b) => a.worker - b.worker),
  }
}

function sumOfEach<K extends string>(counts: readonly Record<K, number>[]): Record<K, number> {
  const sums = { ...counts[0]! }
  for (const each of counts.slice(1)) {
    for (const name of Object.keys(sums) as K[]) sums[name] += each[name]
  }
  return sums
}
