/** What a metric is. Its name is a contract; the README's table is held equal to this one by a test. */
export interface MetricKind {
  readonly type: 'counter' | 'gauge' | 'histogram'
  readonly help: string
  /** No label takes a topic or a user: there may be millions. */
  readonly label?: 'transport' | 'reason' | 'code' | 'version'
  /** What the workers of a node come to together; by default their sum. */
  readonly together?: 'max' | 'min' | 'first'
  /** The upper ends of a histogram's buckets, in seconds. */
  readonly buckets?: readonly number[]
}

/** Every metric of the service's own. */
export const metricsTable = {
  ringcast_streams: { type: 'gauge', label: 'transport', help: 'Streams that are open.' },
  ringcast_streams_opened_total: {
    type: 'counter',
    label: 'transport',
    help: 'Streams that were opened, those counted that were over a limit.',
  },
  ringcast_streams_closed_total: {
    type: 'counter',
    label: 'reason',
    help: 'Streams that ended, by why.',
  },
  ringcast_events_accepted_total: {
    type: 'counter',
    help: 'Events that were pushed to this node and accepted.',
  },
  ringcast_pushes_refused_total: {
    type: 'counter',
    label: 'code',
    help: 'Pushes that were refused, by the code of the error.',
  },
  ringcast_deliveries_total: {
    type: 'counter',
    label: 'transport',
    help: 'Events that were written to streams.',
  },
  ringcast_sent_bytes_total: {
    type: 'counter',
    label: 'transport',
    help: 'Bytes that were written to streams.',
  },
  ringcast_write_stalls_total: {
    type: 'counter',
    help: 'How often a stream had to wait for its connection to drain.',
  },
  ringcast_gaps_total: {
    type: 'counter',
    label: 'reason',
    help: 'Holes that streams were told of, by why.',
  },
  ringcast_dead_peers_total: {
    type: 'counter',
    help: 'Streams that were ended since their peer acknowledged nothing.',
  },
  ringcast_slowest_stream_lag_events: {
    type: 'gauge',
    together: 'max',
    help: 'How many events of the log the slowest stream has still to pass.',
  },
  ringcast_ring_fill_ratio: {
    type: 'gauge',
    together: 'max',
    help: 'How full the ring is, by events or bytes; once warm it stays near 1.',
  },
  ringcast_append_seconds: {
    type: 'histogram',
    buckets: [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 5],
    help: 'How long the log takes to accept a push; a sample, 100 a second at most.',
  },
  ringcast_push_to_write_seconds: {
    type: 'histogram',
    buckets: [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 5],
    help: 'How old an event is when a stream that keeps up gets it; a sample, 100 a second at most.',
  },
  ringcast_log_reachable: {
    type: 'gauge',
    together: 'min',
    help: '1 while the log can be appended to, else 0.',
  },
  ringcast_build_info: {
    type: 'gauge',
    label: 'version',
    together: 'first',
    help: '1; its label has the version.',
  },
} as const satisfies Record<string, MetricKind>

/** The name of a metric. */
export type MetricName = keyof typeof metricsTable
