import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import { RingcastError } from '../errors.js'
import type { HubStats } from '../hub/stats.js'
import type { PushRate } from '../limits/push-rate.js'
import { seldom } from '../limits/seldom.js'
import { clientOf } from './client.js'

/**
 * Holds each client to `PUSHES_PER_SECOND`. Events are counted, not requests: else an array of a
 * thousand would pass as one.
 */
export class PushQuota {
  readonly #rate: PushRate
  readonly #stats: HubStats
  readonly #tell: (client: string) => void

  constructor(rate: PushRate, stats: HubStats, log: FastifyBaseLogger) {
    this.#rate = rate
    this.#stats = stats
    this.#tell = seldom((client, refused) => {
      log.warn({ client, refused, setting: 'PUSHES_PER_SECOND' }, 'pushes refused: over the rate')
    })
  }

  /** Why a push of so many events may not pass now: `RINGCAST_RATE_LIMITED`; undefined if it may. */
  refusal(request: FastifyRequest, events: number): RingcastError | undefined {
    return this.#refusalOf(clientOf(request), events)
  }

  /** Counts a push, or throws its refusal. */
  count(request: FastifyRequest, events: number): void {
    const client = clientOf(request)
    const refusal = this.#refusalOf(client, events)
    if (refusal !== undefined) throw refusal
    this.#rate.take(client, events)
  }

  #refusalOf(client: string, events: number): RingcastError | undefined {
    const waitMs = this.#rate.waitMs(client, events)
    if (waitMs === 0) return undefined
    this.#stats.rateLimited++
    this.#tell(client)
    return new RingcastError(
      'RINGCAST_RATE_LIMITED',
      'this client pushed more events than PUSHES_PER_SECOND allows: push again after Retry-After',
      { retryAfterSeconds: Math.ceil(waitMs / 1000) },
    )
  }
}
