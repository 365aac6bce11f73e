import type { Hub } from '../hub/hub.js'
import type { HubStats, TransportStats } from '../hub/stats.js'
import type { Stream } from '../hub/stream.js'
import { addedUp } from './counts.js'
import { largest } from './largest.js'
import { byTime, hoursTogether, type HourCounts, type Mark } from './last-hour.js'
import type { Recent } from './recent.js'
import type { Quantiles } from './recent-times.js'
import { rowOf, type StreamRow } from './rows.js'
import { busiestTopics, type TopicRate } from './topic-rates.js'

/** What a process is called: its node, and its number where the node has several. */
export interface ProcessName {
  readonly node: string
  /** From 1; 0 where the process is its node alone. */
  readonly worker: number
}

/** The figures of a process, or of a node: what it holds now, and counts that grow from its start. */
export interface Figures {
  readonly node: string
  readonly version: string
  /** Whether credentials are configured. */
  readonly configured: boolean
  readonly uptimeSeconds: number
  readonly draining: boolean
  /** Whether the log can be written. */
  readonly logReachable: boolean
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
  readonly lastHour: HourCounts
  /** What charts mark of the last hour, oldest first. */
  readonly marks: readonly Mark[]
  /** The longest turn of the event loop in the last second, in milliseconds. */
  readonly loopDelayMs: number
  /** How old events were when they were written, of the last minute; null where none was. */
  readonly pushToWriteMs: Quantiles | null
  /** The streams that are furthest behind, if any is, at most 20. */
  readonly slowest: readonly StreamRow[]
  /** The topics that got most events in the last ten seconds. */
  readonly busiest: readonly TopicRate[]
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

/** What the figures of a process are told from. */
export interface FigureParts extends ProcessName {
  readonly version: string
  readonly configured: boolean
  readonly hub: Hub
  readonly system: Hub
  readonly recent: Recent
}

/** How many of the streams that are furthest behind are named. */
const mostSlowest = 20
/** How many marks a node has: each worker may have one each minute. */
const mostMarks = 100

/** The figures of this process. */
export function figures(parts: FigureParts): Figures {
  const { hub, system, recent, node, worker, version, configured } = parts
  const { ring, stats } = hub
  const ofTransports = (field: keyof TransportStats): number =>
    Object.values(stats.transports).reduce((sum, each) => sum + each[field], 0)
  const slowest = slowestOf(hub)
  const own: Figures = {
    node,
    version,
    configured,
    uptimeSeconds: Math.floor(process.uptime()),
    draining: hub.draining,
    logReachable: hub.problem === undefined,
    head: hub.head,
    streams: hub.streams.size,
    systemStreams: system.streams.size,
    slowestStreamLag: slowest.length === 0 ? 0 : hub.lagOf(slowest[0]!),
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
    lastHour: recent.hour.counts,
    marks: recent.hour.marks,
    loopDelayMs: recent.loop.longestMs,
    pushToWriteMs: recent.pushToWrite.quantiles,
    slowest: slowest.map((stream) => rowOf(hub, node, stream)),
    busiest: busiestTopics(ring, Date.now()),
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

/** The streams that are furthest behind, the furthest first. */
function slowestOf(hub: Hub): Stream[] {
  const behind = largest(hub.streams.values(), (stream) => hub.lagOf(stream), mostSlowest)
  return behind.filter((stream) => hub.lagOf(stream) > 0)
}

/** The figures of a node, of those of its processes: each has a ring, and all have the same log. */
export function together(all: readonly Figures[]): Figures {
  const [first] = all
  if (all.length === 1) return first!
  const sum = (of: (each: Figures) => number): number => all.reduce((n, each) => n + of(each), 0)
  const most = (of: (each: Figures) => number): number => Math.max(...all.map(of))
  return {
    node: first!.node,
    version: first!.version,
    configured: first!.configured,
    uptimeSeconds: most((each) => each.uptimeSeconds),
    draining: all.some((each) => each.draining),
    logReachable: all.every((each) => each.logReachable),
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
    closed: addedUp(all.map((each) => each.closed)),
    accepted: sum((each) => each.accepted),
    duplicates: sum((each) => each.duplicates),
    busy: sum((each) => each.busy),
    rateLimited: sum((each) => each.rateLimited),
    deliveries: sum((each) => each.deliveries),
    writes: sum((each) => each.writes),
    sentBytes: sum((each) => each.sentBytes),
    stalls: sum((each) => each.stalls),
    gaps: addedUp(all.map((each) => each.gaps)),
    lastHour: all.map((each) => each.lastHour).reduce(hoursTogether),
    marks: all
      .flatMap((each) => each.marks)
      .sort(byTime)
      .slice(-mostMarks),
    loopDelayMs: most((each) => each.loopDelayMs),
    pushToWriteMs: slowestTimes(all.map((each) => each.pushToWriteMs)),
    slowest: largest(
      all.flatMap((each) => each.slowest),
      ({ lag }) => lag,
      mostSlowest,
    ),
    // Each process has all of the log in its ring.
    busiest: first!.busiest,
    workers: all.flatMap((each) => each.workers ?? []).sort((a, b) => a.worker - b.worker),
  }
}

/** Those of the slowest process: quantiles do not add up. */
function slowestTimes(all: readonly (Quantiles | null)[]): Quantiles | null {
  const known = all.filter((each) => each !== null)
  if (known.length === 0) return null
  return {
    p50: Math.max(...known.map(({ p50 }) => p50)),
    p99: Math.max(...known.map(({ p99 }) => p99)),
  }
}
