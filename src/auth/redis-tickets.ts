import { logUnavailable } from '../errors.js'
import type { Command, Reply } from '../redis/connection.js'
import { ticketSeconds, type KeptTicket, type TicketStore } from './tickets.js'

/** The tickets of all nodes that have one log, in its Redis; each for as long as it is good. */
export class RedisTickets implements TicketStore {
  readonly #send: (command: Command) => Promise<Reply>
  readonly #prefix: string

  /**
   * @param send sends a command to Redis; rejects while it cannot be reached.
   * @param prefix with what the names of keys begin.
   */
  constructor(send: (command: Command) => Promise<Reply>, prefix: string) {
    this.#send = send
    this.#prefix = prefix
  }

  async put(ticket: string, kept: KeptTicket): Promise<boolean> {
    const key = this.#keyOf(ticket)
    await this.#ask(['SET', key, JSON.stringify(kept), 'PX', String(ticketSeconds * 1000)])
    return true
  }

  async take(ticket: string): Promise<KeptTicket | undefined> {
    const kept = await this.#ask(['GETDEL', this.#keyOf(ticket)])
    return typeof kept === 'string' ? (JSON.parse(kept) as KeptTicket) : undefined
  }

  #keyOf(ticket: string): string {
    // What is no ticket of ours need not be looked for under a name of any length.
    return `${this.#prefix}ticket:${ticket.slice(0, 64)}`
  }

  async #ask(command: Command): Promise<Reply> {
    try {
      return await this.#send(command)
    } catch {
      throw logUnavailable('tickets are in Redis, which cannot be reached: ask again in a moment')
    }
  }
}
