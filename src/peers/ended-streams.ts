import { parseEventId } from '../hub/event-id.js'
import type { Filter } from '../hub/filter.js'
import type { Hub } from '../hub/hub.js'
import type { EndReason, Stream } from '../hub/stream.js'
import { passageOf, type Passage } from '../hub/trace.js'

/** A stream that is over. */
export interface EndedStream {
  readonly id: string
  readonly transport: string
  readonly address: string
  /** When it was opened, and when it was over: milliseconds since the Unix epoch. */
  readonly openedAt: number
  readonly endedAt: number
  readonly reason: EndReason
  /** The id that its client would resume from. */
  readonly cursor: string | undefined
  readonly passage: Passage
}

/** How many are remembered at most, and how many characters of topics they may have together. */
const mostEnded = 1_000
const mostText = 4 * 1024 * 1024

/** The streams of this process that ended last: of those that are gone, too, it is asked what they got. */
export class EndedStreams {
  readonly #ended: { readonly stream: EndedStream; readonly text: number }[] = []
  #text = 0

  /** Remembers a stream of the hub that is over, and forgets the oldest where that is too much. */
  add(hub: Hub, stream: Stream, reason: EndReason): void {
    const { transport, openedAt, stretches, filter } = stream
    const endedAt = Date.now()
    const head = parseEventId(hub.head ?? '') ?? { epoch: '', sequence: 0 }
    const end = { epoch: head.epoch, head: head.sequence, at: new Date(endedAt).toISOString() }
    const text = [filter, ...stretches.passed.map((each) => each.filter)].reduce(
      (sum, each) => sum + textOf(each),
      0,
    )
    this.#text += text
    this.#ended.push({
      stream: {
        id: hub.streamId(stream),
        transport: transport.kind,
        address: transport.address,
        openedAt,
        endedAt,
        reason,
        cursor: hub.placeOf(stream),
        passage: endedPassage(passageOf(hub.ring, stream), end),
      },
      text,
    })
    while (this.#ended.length > mostEnded || this.#text > mostText) {
      this.#text -= this.#ended.shift()!.text
    }
  }

  /** The oldest first. */
  *values(): IterableIterator<EndedStream> {
    for (const { stream } of this.#ended) yield stream
  }
}

/**
 * Field by field: what is spread and added to gets a shape of its own from V8, which would be a
 * fifth of all that is kept of a stream.
 */
function endedPassage(passage: Passage, end: Passage['end'] & object): Passage {
  const { state, filter, user, beganFrom, next, stretches, gaps } = passage
  return { state, filter, user, beganFrom, next, stretches, gaps, end }
}

function textOf({ topics }: Filter): number {
  return topics.reduce((sum, topic) => sum + topic.length, 0)
}
