import type { FastifyBaseLogger } from 'fastify'
import { RingcastError } from '../errors.js'
import type { HubStats } from '../hub/stats.js'
import type { PushAllowance } from '../limits/push-rate.js'
import { seldom } from '../limits/seldom.js'

/**
 * Holds each client to `PUSHES_PER_SECOND`. Events are counted, not requests: else an array of a
 * thousand would pass as one.
 */
export class PushQuota {
  readonly #allowance: PushAllowance
  readonly #stats: HubStats
  readonly #tell: (client: string) => void

  constructor(allowance: PushAllowance, stats: HubStats, log: FastifyBaseLogger) {
    this.#allowance = allowance
    this.#stats = stats
    this.#tell = seldom((client, refused) => {
      log.warn({ client, refused, setting: 'PUSHES_PER_SECOND' }, 'pushes refused: over the rate')
    })
  }

  /** Why a push of so many events may not pass now: `RINGCAST_RATE_LIMITED`; undefined if it may. */
  refusal(
    client: string,
    events: number,
  ): RingcastError | undefined | Promise<RingcastError | undefined> {
    const waitMs = this.#allowance.waitMs(client, events)
    if (waitMs instanceof Promise) return waitMs.then((ms) => this.#refusalOf(client, ms))
    return this.#refusalOf(client, waitMs)
  }

  /** Counts a push, or throws its refusal; a promise rejects with it. */
  count(client: string, events: number): void | Promise<void> {
    const waitMs = this.#allowance.spend(client, events)
    if (waitMs instanceof Promise) return waitMs.then((ms) => this.#passOrThrow(client, ms))
    this.#passOrThrow(client, waitMs)
  }

  #passOrThrow(client: string, waitMs: number): void {
    const refusal = this.#refusalOf(client, waitMs)
    if (refusal !== undefined) throw refusal
  }

  #refusalOf(client: string, waitMs: number): RingcastError | undefined {
    if (waitMs === 0) return undefined
    this.#stats.rateLimited++
    this.#tell(client)
    return new RingcastError(
      'RINGCAST_RATE_LIMITED',
      'this client pushed more events than PUSHES_PER_SECOND allows: push again after that time',
      { retryAfterSeconds: Math.ceil(waitMs / 1000) },
    )
  }
}
