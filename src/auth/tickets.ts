import { randomBytes } from 'node:crypto'
import { RingcastError } from '../errors.js'
import type { Caller } from './caller.js'

/** How long a ticket waits to be used, in seconds. */
export const ticketSeconds = 30

/** The most tickets that wait at once: all clients of a node that went, several times over. */
const maxTickets = 100_000
/** The most of them for one user, so that no user can take those of all others. */
const maxTicketsOfUser = 1000

/** What somebody has a ticket for, and until when. */
export interface KeptTicket {
  readonly caller: Caller
  /** Milliseconds since the Unix epoch. */
  readonly expiresAt: number
}

/**
 * Where tickets wait to be used: with the process, or where all that may be asked for one find it.
 * The answers are known at once where it is the process alone.
 */
export interface TicketStore {
  /** Keeps a ticket; false if there is no room. */
  put(ticket: string, kept: KeptTicket): boolean | Promise<boolean>
  /** Takes a ticket out: of two that ask at once, one gets it. It may have expired. */
  take(ticket: string): KeptTicket | undefined | Promise<KeptTicket | undefined>
}

/**
 * Tickets: credentials for one use within half a minute, which may stand in a URL because whoever
 * finds it there finds it used. They carry what their buyer's credential grants, and end with it.
 */
export class Tickets {
  readonly #now: () => number
  readonly #store: TicketStore

  /** @param now milliseconds since the Unix epoch. */
  constructor(now: () => number, store: TicketStore = new TicketMemory(now)) {
    this.#now = now
    this.#store = store
  }

  /**
   * Makes a ticket for a caller.
   *
   * @throws RingcastError `RINGCAST_TOO_MANY_TICKETS`.
   */
  async issue(caller: Caller): Promise<string> {
    const ticket = randomBytes(24).toString('base64url')
    const expiresAt = this.#now() + ticketSeconds * 1000
    if (await this.#store.put(ticket, { caller, expiresAt })) return ticket
    throw new RingcastError(
      'RINGCAST_TOO_MANY_TICKETS',
      'too many tickets wait to be used: ask again in a moment',
      { retryAfterSeconds: ticketSeconds },
    )
  }

  /** Uses a ticket up: of two that come with it at once, one gets the caller. */
  take(ticket: string): Caller | undefined | Promise<Caller | undefined> {
    const kept = this.#store.take(ticket)
    return kept instanceof Promise ? kept.then((kept) => this.#good(kept)) : this.#good(kept)
  }

  #good(kept: KeptTicket | undefined): Caller | undefined {
    return kept !== undefined && this.#now() < kept.expiresAt ? kept.caller : undefined
  }
}

/** Keeps tickets in memory. */
export class TicketMemory implements TicketStore {
  readonly #now: () => number
  /** By the ticket itself, oldest first. */
  readonly #tickets = new Map<string, KeptTicket>()
  /** How many there are for each user. */
  readonly #users = new Map<string, number>()

  /** @param now milliseconds since the Unix epoch. */
  constructor(now: () => number) {
    this.#now = now
  }

  put(ticket: string, kept: KeptTicket): boolean {
    this.#forgetExpired()
    const { user } = kept.caller
    const ofUser = user === undefined ? 0 : (this.#users.get(user) ?? 0)
    if (this.#tickets.size >= maxTickets || ofUser >= maxTicketsOfUser) return false
    this.#tickets.set(ticket, kept)
    this.#count(kept, 1)
    return true
  }

  take(ticket: string): KeptTicket | undefined {
    const found = this.#tickets.get(ticket)
    if (found !== undefined) this.#forget(ticket, found)
    return found
  }

  #forgetExpired(): void {
    const now = this.#now()
    for (const [ticket, kept] of this.#tickets) {
      if (now < kept.expiresAt) return
      this.#forget(ticket, kept)
    }
  }

  #forget(ticket: string, kept: KeptTicket): void {
    this.#tickets.delete(ticket)
    this.#count(kept, -1)
  }

  #count({ caller: { user } }: KeptTicket, change: 1 | -1): void {
    if (user === undefined) return
    const count = (this.#users.get(user) ?? 0) + change
    if (count > 0) this.#users.set(user, count)
    else this.#users.delete(user)
  }
}
