import type { Credentials } from '../auth/credentials.js'
import type { OriginPolicy } from '../auth/origins.js'
import type { Hub } from '../hub/hub.js'
import { isReserved } from '../hub/topic.js'
import type { PushRate } from '../limits/push-rate.js'
import type { StreamLimits } from '../limits/stream-limits.js'

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
  /** Which stream is one too many. */
  readonly streamLimits: StreamLimits
  /** How much each client may push in a second; undefined for no limit. */
  readonly pushRate: PushRate | undefined
  /** The figures of this node, as `/api/stats` and `$sys/stats` give them. */
  readonly figures: () => Record<string, unknown>
}

/** The hub that has these topics; a subscription never mixes the service's own with others. */
export function hubOf({ hub, system }: Service, topics: readonly string[]): Hub {
  return isReserved(topics[0]!) ? system : hub
}
