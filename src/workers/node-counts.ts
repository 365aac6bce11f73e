import { TicketMemory, type KeptTicket } from '../auth/tickets.js'
import { PushRate } from '../limits/push-rate.js'
import {
  StreamLimits,
  type StreamLimit,
  type StreamLimitSettings,
  type StreamOwner,
} from '../limits/stream-limits.js'
import type { PushCount } from './calls.js'

/** The settings that count for a node, its workers together. */
export interface NodeCountSettings extends StreamLimitSettings {
  readonly pushesPerSecond: number
}

/** What the workers of a node have in common, kept by the primary: tickets, and what is limited. */
export class NodeCounts {
  readonly #tickets = new TicketMemory(Date.now)
  readonly #limits: StreamLimits
  readonly #pushes: PushRate
  /** How many places each worker has, by whose streams these are. */
  readonly #places = new Map<number, Map<string, number>>()

  constructor(settings: NodeCountSettings) {
    this.#limits = new StreamLimits(settings)
    // Without a limit nobody asks.
    this.#pushes = new PushRate(Math.max(1, settings.pushesPerSecond))
  }

  putTicket(ticket: string, kept: KeptTicket): boolean {
    return this.#tickets.put(ticket, kept)
  }

  takeTicket(ticket: string): KeptTicket | undefined {
    return this.#tickets.take(ticket)
  }

  waitMs({ client, events }: PushCount): number {
    return this.#pushes.waitMs(client, events)
  }

  spend({ client, events }: PushCount): number {
    return this.#pushes.spend(client, events)
  }

  /** A place for a worker's stream, or the limit that forbids it. */
  takePlace(worker: number, owner: StreamOwner): StreamLimit | undefined {
    const exceeded = this.#limits.take(owner)
    if (exceeded === undefined) this.#count(worker, owner, 1)
    return exceeded
  }

  giveBackPlace(worker: number, owner: StreamOwner): void {
    // Of a worker that is gone they were all given back.
    if (!this.#places.has(worker)) return
    this.#limits.giveBack(owner)
    this.#count(worker, owner, -1)
  }

  /** A worker is gone, and its streams with it. */
  workerGone(worker: number): void {
    for (const [name, count] of this.#places.get(worker) ?? []) {
      const [address, user] = JSON.parse(name) as [string, string?]
      for (let left = count; left > 0; left--) this.#limits.giveBack({ user, address })
    }
    this.#places.delete(worker)
  }

  #count(worker: number, { user, address }: StreamOwner, change: 1 | -1): void {
    const places = this.#places.get(worker) ?? new Map<string, number>()
    this.#places.set(worker, places)
    const name = JSON.stringify(user === undefined ? [address] : [address, user])
    const count = (places.get(name) ?? 0) + change
    if (count > 0) places.set(name, count)
    else places.delete(name)
  }
}
