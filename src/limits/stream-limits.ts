import { networkOf } from './client-network.js'

/** How many streams there may be; 0 is no limit. */
export interface StreamLimitSettings {
  readonly maxStreams: number
  readonly maxStreamsPerUser: number
  readonly maxStreamsPerAddress: number
}

/** The setting that a stream would be one too many for. */
export type StreamLimit = 'MAX_STREAMS' | 'MAX_STREAMS_PER_USER' | 'MAX_STREAMS_PER_ADDRESS'

/** Whom a stream is counted to. */
export interface StreamOwner {
  readonly user: string | undefined
  /** A numeric address. */
  readonly address: string
}

/** Where streams get their places. */
export interface StreamPlaces {
  /**
   * Takes a place for a stream; answers the limit that forbids it, if one does. It is known at once
   * where this process alone counts.
   */
  take(owner: StreamOwner): StreamLimit | undefined | Promise<StreamLimit | undefined>
  /** Gives back the place of a stream that is over; once. */
  giveBack(owner: StreamOwner): void
}

/** Counts the streams of a node, as far as there are limits: without any it keeps nothing. */
export class StreamLimits implements StreamPlaces {
  readonly #settings: StreamLimitSettings
  readonly #byUser = new Map<string, number>()
  readonly #byNetwork = new Map<string, number>()
  #open = 0

  constructor(settings: StreamLimitSettings) {
    this.#settings = settings
  }

  take({ user, address }: StreamOwner): StreamLimit | undefined {
    const { maxStreams, maxStreamsPerUser, maxStreamsPerAddress } = this.#settings
    const network = maxStreamsPerAddress > 0 ? networkOf(address) : ''
    if (maxStreams > 0 && this.#open >= maxStreams) return 'MAX_STREAMS'
    if (maxStreamsPerUser > 0 && user !== undefined) {
      if (countOf(this.#byUser, user) >= maxStreamsPerUser) return 'MAX_STREAMS_PER_USER'
    }
    if (maxStreamsPerAddress > 0 && countOf(this.#byNetwork, network) >= maxStreamsPerAddress) {
      return 'MAX_STREAMS_PER_ADDRESS'
    }
    this.#count(user, network, 1)
    return undefined
  }

  giveBack({ user, address }: StreamOwner): void {
    this.#count(user, this.#settings.maxStreamsPerAddress > 0 ? networkOf(address) : '', -1)
  }

  /** How many users and networks have open streams that are counted. */
  get counted(): { readonly open: number; readonly users: number; readonly networks: number } {
    return { open: this.#open, users: this.#byUser.size, networks: this.#byNetwork.size }
  }

  #count(user: string | undefined, network: string, change: 1 | -1): void {
    const { maxStreamsPerUser, maxStreamsPerAddress } = this.#settings
    this.#open += change
    if (maxStreamsPerUser > 0 && user !== undefined) add(this.#byUser, user, change)
    if (maxStreamsPerAddress > 0) add(this.#byNetwork, network, change)
  }
}

/** Whether there is a limit at all. */
export function limitsStreams(settings: StreamLimitSettings): boolean {
  const { maxStreams, maxStreamsPerUser, maxStreamsPerAddress } = settings
  return maxStreams + maxStreamsPerUser + maxStreamsPerAddress > 0
}

function countOf(counts: ReadonlyMap<string, number>, name: string): number {
  return counts.get(name) ?? 0
}

function add(counts: Map<string, number>, name: string, change: number): void {
  const count = countOf(counts, name) + change
  if (count > 0) counts.set(name, count)
  else counts.delete(name)
}
