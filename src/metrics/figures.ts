import type { Hub } from '../hub/hub.js'

/** The figures of a node: what it holds now, and counts that grow from its start. */
export function figures(hub: Hub, system: Hub, node: string): Record<string, unknown> {
  const { ring, stats } = hub
  let slowest = 0
  for (const stream of hub.streams.values()) slowest = Math.max(slowest, hub.lagOf(stream))
  return {
    node,
    uptimeSeconds: Math.floor(process.uptime()),
    draining: hub.draining,
    head: hub.head,
    streams: hub.streams.size,
    systemStreams: system.streams.size,
    slowestStreamLag: slowest,
    ring: { events: ring.size, bytes: ring.bytes, fill: ring.fill },
    memory: process.memoryUsage.rss(),
    opened: stats.opened,
    closed: stats.closed,
    accepted: stats.accepted,
    duplicates: stats.duplicates,
    busy: stats.busy,
    rateLimited: stats.rateLimited,
    deliveries: stats.deliveries,
    writes: stats.writes,
    sentBytes: stats.bytes,
    stalls: stats.stalls,
    gaps: stats.gaps,
  }
}
