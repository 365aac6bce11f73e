import {
  AggregatorRegistry,
  collectDefaultMetrics,
  Counter,
  Gauge,
  Histogram,
  Registry,
  type MetricObjectWithValues,
  type MetricValue,
} from 'prom-client'
import { errorCodes } from '../errors.js'
import type { Hub } from '../hub/hub.js'
import type { TransportStats } from '../hub/stats.js'
import { addedUp } from './counts.js'
import { slowestLag } from './figures.js'
import { metricsTable, type MetricKind, type MetricName } from './metrics-table.js'

/** The metrics of one process, as they go to the one that was asked. */
export type MetricValues = MetricObjectWithValues<MetricValue<string>>

/** What a scrape is answered. */
export interface MetricsPage {
  readonly contentType: string
  readonly text: string
}

/** A value for each label; without a label under the name `''`. */
type Values = Readonly<Record<string, number>>

/**
 * How often the length of the event loop's turns is looked at, in milliseconds. The idle shape pays
 * for it: ten times as often it wakes a process that has nothing to do a hundred times a second.
 */
const loopLookMs = 100

/**
 * Refusals that are the service's own affair, or its limits', have a series from the start: of one
 * that begins at 1, Prometheus sees no increase.
 */
const countedFromStart = Object.entries(errorCodes)
  .filter(([, [status]]) => status === 429 || status >= 500)
  .map(([code]) => [code, 0] as const)

/**
 * The metrics of this process. Nearly all of them are read, when they are asked for, from what the
 * hubs count anyway; of times there are samples.
 */
export class Metrics {
  readonly #registry = new Registry()
  readonly #refused: Record<string, number> = Object.fromEntries(countedFromStart)
  readonly #appendSeconds: Histogram
  readonly #pushToWriteSeconds: Histogram

  constructor(hub: Hub, system: Hub, version: string) {
    const hubs = [hub, system]
    const sent = (field: keyof TransportStats): Values =>
      addedUp(hubs.map(({ stats }) => mapped(stats.transports, (each) => each[field])))
    this.#read('ringcast_streams', () => openByTransport(hubs))
    this.#read('ringcast_streams_opened_total', () => sent('opened'))
    this.#read('ringcast_streams_closed_total', () =>
      addedUp(hubs.map(({ stats }) => stats.closed)),
    )
    this.#read('ringcast_events_accepted_total', () => ({ '': hub.stats.accepted }))
    this.#read('ringcast_pushes_refused_total', () => this.#refused)
    this.#read('ringcast_deliveries_total', () => sent('deliveries'))
    this.#read('ringcast_sent_bytes_total', () => sent('bytes'))
    this.#read('ringcast_write_stalls_total', () => ({
      '': hub.stats.stalls + system.stats.stalls,
    }))
    this.#read('ringcast_gaps_total', () => addedUp(hubs.map(({ stats }) => stats.gaps)))
    this.#read('ringcast_dead_peers_total', () => ({
      '': hub.stats.closed['dead-peer'] + system.stats.closed['dead-peer'],
    }))
    this.#read('ringcast_slowest_stream_lag_events', () => ({ '': slowestLag(hub) }))
    this.#read('ringcast_ring_fill_ratio', () => ({ '': hub.ring.fill }))
    this.#appendSeconds = this.#histogram('ringcast_append_seconds')
    this.#pushToWriteSeconds = this.#histogram('ringcast_push_to_write_seconds')
    this.#read('ringcast_log_reachable', () => ({ '': hub.problem === undefined ? 1 : 0 }))
    this.#read('ringcast_build_info', () => ({ [version]: 1 }))
    collectDefaultMetrics({
      register: this.#registry,
      eventLoopMonitoringPrecision: loopLookMs,
    })
  }

  /** Notes how long the log took to accept a push, in milliseconds. */
  appended(ms: number): void {
    this.#appendSeconds.observe(ms / 1000)
  }

  /** Notes how old an event was when it was written to a stream, in milliseconds. */
  written(ms: number): void {
    this.#pushToWriteSeconds.observe(Math.max(0, ms) / 1000)
  }

  /** Notes a push that was refused. */
  pushRefused(code: string): void {
    this.#refused[code] = (this.#refused[code] ?? 0) + 1
  }

  /** All metrics as they are now. */
  values(): Promise<readonly MetricValues[]> {
    return this.#registry.getMetricsAsJSON()
  }

  #read(name: MetricName, values: () => Values): void {
    const { type, help, label, together }: MetricKind = metricsTable[name]
    const configuration = {
      name,
      help,
      aggregator: together ?? ('sum' as const),
      labelNames: label === undefined ? [] : [label],
      registers: [this.#registry],
    }
    const labelled = (value: string) => (label === undefined ? {} : { [label]: value })
    if (type === 'gauge') {
      new Gauge({
        ...configuration,
        collect() {
          for (const [key, value] of Object.entries(values())) this.set(labelled(key), value)
        },
      })
      return
    }
    new Counter({
      ...configuration,
      collect() {
        this.reset()
        for (const [key, value] of Object.entries(values())) this.inc(labelled(key), value)
      },
    })
  }

  #histogram(name: MetricName): Histogram {
    const { help, buckets = [] }: MetricKind = metricsTable[name]
    return new Histogram({ name, help, buckets: [...buckets], registers: [this.#registry] })
  }
}

/** The metrics of the processes of a node, added up, as Prometheus reads them. */
export async function metricsPage(all: readonly (readonly MetricValues[])[]): Promise<MetricsPage> {
  const registry = AggregatorRegistry.aggregate(
    // What has no sum, such as the time at which a process began, is that of the oldest.
    all.map((values) => values.map((each) => withAggregator(each))),
  )
  return { contentType: registry.contentType, text: await registry.metrics() }
}

function withAggregator(values: MetricValues): MetricValues {
  return values.aggregator === 'omit' ? { ...values, aggregator: 'min' } : values
}

function openByTransport(hubs: readonly Hub[]): Values {
  const open: Record<string, number> = mapped(hubs[0]!.stats.transports, () => 0)
  for (const hub of hubs) {
    for (const { transport } of hub.streams.values()) open[transport.kind]!++
  }
  return open
}

function mapped<T>(
  record: Readonly<Record<string, T>>,
  of: (each: T) => number,
): Record<string, number> {
  return Object.fromEntries(Object.entries(record).map(([key, each]) => [key, of(each)]))
}
