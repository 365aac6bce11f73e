import type { Credentials } from '../auth/credentials.js'
import type { OriginPolicy } from '../auth/origins.js'
import type { Hub } from '../hub/hub.js'
import { isReserved } from '../hub/topic.js'
import type { ByteBudget } from '../limits/byte-budget.js'
import type { StreamPlaces } from '../limits/stream-limits.js'
import type { Figures } from '../metrics/figures.js'
import type { MetricsPage } from '../metrics/metrics.js'
import type { Peers } from '../peers/peers.js'
import type { PushQuota } from './push-quota.js'
import type { Pushes } from './pushes.js'

/** What the routes work with. */
export interface Service {
  /** The hub of all that is pushed. */
  readonly hub: Hub
  /** The hub of the `$sys` topics. */
  readonly system: Hub
  /** Who may do what. */
  readonly credentials: Credentials
  /** Which web pages may use the service. */
  readonly origins: OriginPolicy
  /** The largest data of an event, in bytes. */
  readonly maxEventBytes: number
  /** Where streams get their places, and which is one too many. */
  readonly streamPlaces: StreamPlaces
  /** Where pushes go. */
  readonly pushes: Pushes
  /** How much each client may push in a second; undefined for no limit. */
  readonly quota: PushQuota | undefined
  /** Told the code of a push that was refused. */
  readonly pushRefused: (code: string) => void
  /** What requests that are on their way may hold together. */
  readonly bodies: ByteBudget
  /** The other processes that serve the same log. */
  readonly peers: Peers
  /** The figures of this node, as `/api/stats` and `$sys/stats` give them. */
  readonly figures: () => Promise<Figures>
  /** The metrics of this node, as Prometheus reads them. */
  readonly metrics: () => Promise<MetricsPage>
}

/** The hub that has these topics; a subscription never mixes the service's own with others. */
export function hubOf({ hub, system }: Service, topics: readonly string[]): Hub {
  return isReserved(topics[0]!) ? system : hub
}
