/** An open stream, as `/api/streams` and `$sys/streams` show it. */
export interface StreamRow {
  readonly id: string
  readonly node: string
  readonly transport: string
  readonly user: string | null
  readonly address: string
  readonly topics: readonly string[]
  readonly since: string
  readonly cursor: string | null
  readonly lag: number
  readonly bytes: number
  readonly state: string
}

/** What `$sys/streams` tells, at most once a second. The counts are more where too many changed. */
export interface StreamChanges {
  readonly opened: readonly StreamRow[]
  readonly openedCount: number
  readonly closed: readonly (StreamRow & { readonly reason: string })[]
  readonly closedCount: number
  readonly changed: readonly StreamRow[]
}

/** Something that happened, to be marked in the charts. */
export interface Mark {
  readonly at: string
  readonly kind: 'start' | 'drain' | 'gaps'
  readonly count?: number
}

/** What of `$sys/stats` the page shows. Counts grow from the start of the service. */
export interface Figures {
  readonly node: string
  readonly version: string
  readonly configured: boolean
  readonly draining: boolean
  readonly logReachable: boolean
  readonly streams: number
  /** Of the service's own topics, as this page has them. */
  readonly systemStreams: number
  readonly slowestStreamLag: number
  readonly ring: { readonly events: number; readonly bytes: number; readonly fill: number }
  readonly accepted: number
  readonly deliveries: number
  readonly loopDelayMs: number
  readonly pushToWriteMs: { readonly p50: number; readonly p99: number } | null
  readonly lastHour: {
    readonly gaps: Readonly<Record<string, number>>
    readonly busy: number
    readonly rateLimited: number
    readonly limit: number
    readonly stalled: number
    readonly deadPeers: number
  }
  readonly slowest: readonly StreamRow[]
  readonly busiest: readonly { readonly topic: string; readonly perSecond: number }[]
  readonly marks: readonly Mark[]
}
