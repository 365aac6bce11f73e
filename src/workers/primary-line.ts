import type { KeptTicket, TicketStore } from '../auth/tickets.js'
import { RingcastError } from '../errors.js'
import type { PushAllowance } from '../limits/push-rate.js'
import type { StreamLimit, StreamOwner, StreamPlaces } from '../limits/stream-limits.js'
import type { Answers, PeerLink, Responder } from '../peers/peer-link.js'
import type { PrimaryCalls, WorkerCalls } from './calls.js'
import type { Channel } from './channel.js'

type Primary = Channel<PrimaryCalls, WorkerCalls>

/** A worker's line to the other workers: the primary passes questions and answers on. */
export class PrimaryLine implements PeerLink {
  readonly #primary: Primary
  #answer!: (responder: Responder) => void
  /** Who asks a worker that is still starting waits until it can answer. */
  readonly #responder = new Promise<Responder>((resolve) => (this.#answer = resolve))

  constructor(primary: Primary) {
    this.#primary = primary
  }

  async ask(message: string): Promise<Answers> {
    try {
      return await this.#primary.call('askPeers', message)
    } catch {
      // The primary is gone, and the others are going.
      return { answers: [], silent: 0 }
    }
  }

  answer(responder: Responder): void {
    this.#answer(responder)
  }

  close(): Promise<void> {
    return Promise.resolve()
  }

  /** Answers a question of another worker. */
  async answered(message: string): Promise<string> {
    return (await this.#responder)(message)
  }
}

/** The tickets of a node, kept by its primary. */
export class PrimaryTickets implements TicketStore {
  readonly #primary: Primary

  constructor(primary: Primary) {
    this.#primary = primary
  }

  put(ticket: string, kept: KeptTicket): Promise<boolean> {
    return this.#primary.call('putTicket', { ticket, kept }).catch(goingDown)
  }

  take(ticket: string): Promise<KeptTicket | undefined> {
    return this.#primary.call('takeTicket', ticket).then((kept) => kept ?? undefined, goingDown)
  }
}

/** The places for streams that a node has, counted by its primary. */
export class PrimaryPlaces implements StreamPlaces {
  readonly #primary: Primary

  constructor(primary: Primary) {
    this.#primary = primary
  }

  take(owner: StreamOwner): Promise<StreamLimit | undefined> {
    return this.#primary.call('takePlace', owner).then((limit) => limit ?? undefined)
  }

  giveBack(owner: StreamOwner): void {
    this.#primary.tell('giveBackPlace', owner)
  }
}

/** What may be pushed to a node, counted by its primary. */
export class PrimaryPushes implements PushAllowance {
  readonly #primary: Primary

  constructor(primary: Primary) {
    this.#primary = primary
  }

  waitMs(client: string, events: number): Promise<number> {
    return this.#primary.call('waitMs', { client, events }).catch(goingDown)
  }

  spend(client: string, events: number): Promise<number> {
    return this.#primary.call('spend', { client, events }).catch(goingDown)
  }
}

/** A worker without its primary drains. */
function goingDown(): never {
  throw new RingcastError('RINGCAST_DRAINING', 'this node is shutting down: ask another', {
    retryAfterSeconds: 1,
  })
}
