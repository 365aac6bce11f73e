import { randomBytes } from 'node:crypto'
import { RingcastError } from '../errors.js'
import type { Caller } from './caller.js'

/** How long a ticket waits to be used, in seconds. */
export const ticketSeconds = 30

/** The most tickets that wait at once: all clients of a node that went, several times over. */
const maxTickets = 100_000

interface Ticket {
  readonly caller: Caller
  readonly expiresAt: number
}

/**
 * Tickets: credentials for one use within half a minute, which may stand in a URL because whoever
 * finds it there finds it used. They carry what their buyer's credential grants, and end with it.
 */
export class Tickets {
  readonly #now: () => number
  /** By the ticket itself, oldest first. */
  readonly #tickets = new Map<string, Ticket>()

  /** @param now milliseconds since the Unix epoch. */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * Makes a ticket for a caller.
   *
   * @throws RingcastError `RINGCAST_TOO_MANY_TICKETS`.
   */
  issue(caller: Caller): string {
    this.#forgetExpired()
    if (this.#tickets.size >= maxTickets) {
      throw new RingcastError(
        'RINGCAST_TOO_MANY_TICKETS',
        'too many tickets wait to be used: ask again in a moment',
        { retryAfterSeconds: ticketSeconds },
      )
    }
    const ticket = randomBytes(24).toString('base64url')
    this.#tickets.set(ticket, { caller, expiresAt: this.#now() + ticketSeconds * 1000 })
    return ticket
  }

  /** Uses a ticket up: of two that come with it at once, one gets the caller. */
  take(ticket: string): Caller | undefined {
    const found = this.#tickets.get(ticket)
    this.#tickets.delete(ticket)
    return found !== undefined && this.#now() < found.expiresAt ? found.caller : undefined
  }

  #forgetExpired(): void {
    const now = this.#now()
    for (const [ticket, { expiresAt }] of this.#tickets) {
      if (now < expiresAt) return
      this.#tickets.delete(ticket)
    }
  }
}
