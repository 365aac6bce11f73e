import { networkOf } from './client-network.js'

/** How many streams there may be, and who knows how many there are. 0 is no limit. */
export interface StreamLimitsOptions {
  readonly maxStreams: number
  readonly maxStreamsPerUser: number
  readonly maxStreamsPerAddress: number
  /** How many streams are open. */
  readonly open: () => number
  /** How many of them are a user's. */
  readonly openOf: (user: string) => number
}

/** The setting that a stream would be one too many for. */
export type StreamLimit = 'MAX_STREAMS' | 'MAX_STREAMS_PER_USER' | 'MAX_STREAMS_PER_ADDRESS'

/**
 * Tells which stream is one too many. In all and by user the hubs' own books count; by address it
 * keeps a count itself, and only while there is a limit.
 */
export class StreamLimits {
  readonly #options: StreamLimitsOptions
  readonly #byNetwork = new Map<string, number>()

  constructor(options: StreamLimitsOptions) {
    this.#options = options
  }

  /** The limit that one more stream of this user and address would exceed. */
  exceeded(user: string | undefined, address: string): StreamLimit | undefined {
    const { maxStreams, maxStreamsPerUser, maxStreamsPerAddress, open, openOf } = this.#options
    if (maxStreams > 0 && open() >= maxStreams) return 'MAX_STREAMS'
    if (maxStreamsPerUser > 0 && user !== undefined && openOf(user) >= maxStreamsPerUser) {
      return 'MAX_STREAMS_PER_USER'
    }
    if (maxStreamsPerAddress > 0 && this.openOf(address) >= maxStreamsPerAddress) {
      return 'MAX_STREAMS_PER_ADDRESS'
    }
    return undefined
  }

  /** Counts a stream in; once, with the address that `ended` is told. */
  opened(address: string): void {
    if (this.#options.maxStreamsPerAddress === 0) return
    this.#byNetwork.set(networkOf(address), this.openOf(address) + 1)
  }

  /** Counts a stream out; once. */
  ended(address: string): void {
    if (this.#options.maxStreamsPerAddress === 0) return
    const left = this.openOf(address) - 1
    if (left > 0) this.#byNetwork.set(networkOf(address), left)
    else this.#byNetwork.delete(networkOf(address))
  }

  /** How many streams are open of those that count as this address; 0 while there is no limit. */
  openOf(address: string): number {
    return this.#byNetwork.get(networkOf(address)) ?? 0
  }

  /** How many networks have open streams. */
  get networks(): number {
    return this.#byNetwork.size
  }
}
