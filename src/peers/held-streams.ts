import type { Revocations } from '../auth/revocations.js'
import type { Hub } from '../hub/hub.js'
import type { Stream } from '../hub/stream.js'
import { page, type Page, type PageRequest } from './page.js'
import { rowOf, type StreamRow, type TopicCount } from '../metrics/rows.js'

/** Which streams are asked for. */
export interface StreamsRequest extends PageRequest {
  /** Those of this user alone. */
  readonly user: string | undefined
  /** Those that asked for this topic or pattern. */
  readonly topic: string | undefined
  /** Those of the node of this name. */
  readonly node: string | undefined
}

/** Whose streams are to end. */
export interface EndRequest {
  readonly user: string
  /** Up to which second tokens are refused, those issued in it too; undefined to refuse none. */
  readonly revokedUntil: number | undefined
}

/** What this process can tell of the streams that it holds, and do to them. */
export class HeldStreams {
  readonly #hubs: readonly Hub[]
  readonly #node: string
  readonly #revocations: Revocations

  /** @param node the name that rows give to this node. */
  constructor(hubs: readonly Hub[], node: string, revocations: Revocations) {
    this.#hubs = hubs
    this.#node = node
    this.#revocations = revocations
  }

  /** @throws RingcastError `RINGCAST_INVALID_QUERY` for an `after` that is none. */
  list({ user, topic, node, ...request }: StreamsRequest): Page<StreamRow> {
    if (node !== undefined && node !== this.#node)
      return page([], ({ id }: StreamRow) => id, request)
    const rows = this.#hubs.flatMap((hub) =>
      [...hub.streams.values()]
        .filter((stream) => user === undefined || stream.user === user)
        .filter((stream) => topic === undefined || stream.filter.topics.includes(topic))
        .map((stream) => rowOf(hub, this.#node, stream)),
    )
    return page(rows, ({ id }) => id, request)
  }

  /** The topics and patterns that streams asked for; of one alone if it is named. */
  topics(wanted: string | undefined): readonly TopicCount[] {
    return this.#hubs.flatMap((hub) =>
      [...hub.streams.topics()]
        .filter(([topic]) => wanted === undefined || topic === wanted)
        .map(([topic, streams]) => ({ topic, streams })),
    )
  }

  /** Ends a stream for good; whether it was here. */
  end(id: string): boolean {
    for (const hub of this.#hubs) {
      const stream = streamOf(hub, id)
      if (stream === undefined) continue
      hub.end(stream, 'revoked', false)
      return true
    }
    return false
  }

  /** Ends a user's streams, and refuses the user's tokens where that is asked; how many there were. */
  endOf({ user, revokedUntil }: EndRequest): number {
    // First of all: what was ended comes back at once.
    if (revokedUntil !== undefined) this.#revocations.refuse(user, revokedUntil)
    return this.#endOf(user, revokedUntil !== undefined)
  }

  /** Ends the streams of a user whose tokens were revoked by another process. */
  revoked(user: string): void {
    this.#endOf(user, true)
  }

  #endOf(user: string, revoke: boolean): number {
    let ended = 0
    for (const hub of this.#hubs) {
      for (const stream of [...hub.streams.ofUser(user)]) {
        hub.end(stream, revoke ? 'revoked' : 'rebalance', !revoke)
        ended++
      }
    }
    return ended
  }
}

function streamOf(hub: Hub, id: string): Stream | undefined {
  const number = /\.(\d{1,15})$/.exec(id)?.[1]
  const stream = number === undefined ? undefined : hub.streams.get(Number(number))
  return stream !== undefined && hub.streamId(stream) === id ? stream : undefined
}
