import { blockOf, type BlockCache } from './block-cache.js'
import type { Dispatcher } from './dispatcher.js'
import { formatEventId } from './event-id.js'
import { blockEvents, type Retained } from './event-log.js'
import type { AcceptedEvent } from './event.js'
import { gatherBytes } from './gatherer.js'
import { reachOf, type Hole } from './resume.js'
import type { Ring } from './ring.js'
import type { HubStats } from './stats.js'
import type { Stream } from './stream.js'
import { wasSent } from './stretches.js'
import { noteGap } from './told-gaps.js'

/** What a client is told of a replay, as bytes of its stream's format. */
export interface ReplayWords {
  event(event: AcceptedEvent): Buffer
  gap(hole: Hole): Buffer
  /** That it is over: live events follow. */
  done(): Buffer
}

/** What replays are made with. */
export interface ReplayParts {
  readonly ring: Ring
  readonly retained: Retained | undefined
  /** The log behind the ring, if it keeps more. */
  readonly blocks: BlockCache | undefined
  readonly dispatcher: Dispatcher
  readonly stats: HubStats
  /** The id of a place in the log. */
  readonly idOf: (sequence: number) => string | undefined
}

/**
 * Sends a stream events that it passed before its client subscribed to them. It has the turns of the
 * stream for as long as it takes: a write in each, and none before the connection has taken the last,
 * so that a replay holds numbers in memory, and no events.
 */
export class Replay {
  readonly #parts: ReplayParts
  readonly #stream: Stream
  readonly #sequences: readonly number[]
  readonly #words: ReplayWords
  readonly #isVoid: () => boolean
  #at = 0
  /** The block that was read last. */
  #block: Ring | undefined
  /** What comes before it cannot be read. */
  #unreadableUpTo = 0
  #toldHole = false
  /** The id after which it goes on. */
  #after: string

  /**
   * @param sequences what is to be sent, ascending.
   * @param after the id that was asked for, if one was.
   * @param isVoid whether the log is another one by now: its numbers name other events.
   */
  constructor(
    parts: ReplayParts,
    stream: Stream,
    sequences: readonly number[],
    after: string,
    words: ReplayWords,
    isVoid: () => boolean,
  ) {
    this.#parts = parts
    this.#stream = stream
    this.#sequences = sequences
    this.#after = after
    this.#words = words
    this.#isVoid = isVoid
  }

  /** Does what can be done in one turn of the stream, and has itself called at the next. */
  readonly step = (): void => {
    const parts = this.#isVoid() ? this.#lost() : this.#gather()
    const isOver = this.#at >= this.#sequences.length || this.#isVoid()
    if (!isOver && parts.length === 0) {
      void this.#load(this.#sequences[this.#at]!)
      return
    }
    if (isOver) parts.push(this.#words.done())
    else this.#stream.errand = this.step
    this.#parts.dispatcher.send(this.#stream, this.#stream.transport.format.frame(parts))
  }

  /** What comes next, as far as it is in memory. */
  #gather(): Buffer[] {
    const parts: Buffer[] = []
    for (let bytes = 0; this.#at < this.#sequences.length && bytes < gatherBytes; this.#at++) {
      const sequence = this.#sequences[this.#at]!
      const event = this.#eventAt(sequence)
      if (event === undefined && !this.#isGone(sequence)) break
      const part = event === undefined ? this.#hole() : this.#encoded(event)
      if (part === undefined) continue
      parts.push(part)
      bytes += part.length
    }
    return parts
  }

  /** That what was still to come is lost with the log that it was of. */
  #lost(): Buffer[] {
    const isWhole = this.#at >= this.#sequences.length
    return isWhole ? [] : [this.#gap({ reason: 'epoch', after: this.#after })]
  }

  #encoded(event: AcceptedEvent): Buffer | undefined {
    this.#toldHole = false
    this.#after = formatEventId(event.epoch, event.sequence)
    if (wasSent(this.#stream.stretches, event)) return undefined
    this.#parts.stats.transports[this.#stream.transport.kind].deliveries++
    return this.#words.event(event)
  }

  /** That events are gone which were still there when the replay began; once for all that follow. */
  #hole(): Buffer | undefined {
    if (this.#toldHole) return undefined
    this.#toldHole = true
    const before = this.#sequences[this.#at - 1] ?? this.#sequences[this.#at]! - 1
    return this.#gap({ reason: 'evicted', after: this.#parts.idOf(before) ?? '' })
  }

  #gap(hole: Hole): Buffer {
    noteGap(this.#parts.stats, this.#stream, hole)
    return this.#words.gap(hole)
  }

  #eventAt(sequence: number): AcceptedEvent | undefined {
    const { ring, blocks } = this.#parts
    if (sequence >= ring.first) return ring.entry(sequence).event
    const block = this.#block
    const isHere = block !== undefined && sequence >= block.first && sequence < block.next
    return (isHere ? block : blocks?.cached(sequence))?.entry(sequence).event
  }

  #isGone(sequence: number): boolean {
    const { ring, retained } = this.#parts
    return sequence < Math.max(reachOf(ring, retained).first, this.#unreadableUpTo)
  }

  async #load(sequence: number): Promise<void> {
    try {
      this.#block = await this.#parts.blocks!.load(sequence)
      if (this.#eventAt(sequence) === undefined) this.#unreadableUpTo = sequence + 1
    } catch {
      // The client is told of it, as of what is gone. Streams that read the log tell the operator.
      this.#unreadableUpTo = (blockOf(sequence) + 1) * blockEvents
    }
    if (this.#stream.state !== 'held') return
    this.#stream.errand = this.step
    this.#parts.dispatcher.enqueue(this.#stream)
  }
}
