import type { Dispatcher } from './dispatcher.js'
import { Filter } from './filter.js'
import type { History, Replayable } from './history.js'
import type { Notices } from './notices.js'
import { Replay, type ReplayParts, type ReplayWords } from './replay.js'
import { reachOf, type Hole, type StartRequest } from './resume.js'
import type { StreamMap } from './stream-map.js'
import type { Stream } from './stream.js'
import { replayed, stretchesFrom, turned } from './stretches.js'
import { noteGap } from './told-gaps.js'

/** What subscriptions are made with. */
export interface SubscriptionParts extends ReplayParts {
  readonly streams: StreamMap
  readonly history: History
  readonly notices: Notices
  /** Told each stream that is subscribed to something else than before. */
  readonly onSubscribed: ((stream: Stream) => void) | undefined
}

/** What is asked for beside what a stream is subscribed to already. */
export interface MoreRequest extends StartRequest {
  /** What is new. */
  readonly more: readonly string[]
  /** All that the stream is subscribed to then. */
  readonly topics: readonly string[]
}

/**
 * Changes what streams are subscribed to while they are open. A stream keeps its one cursor: what it
 * has not passed yet it gets by its new subscription, and what it has passed is sent again only where
 * that is asked for.
 */
export class Subscriptions {
  readonly #parts: SubscriptionParts
  readonly #dispatcher: Dispatcher

  constructor(parts: SubscriptionParts) {
    this.#parts = parts
    this.#dispatcher = parts.dispatcher
  }

  /** Begins a stream that waited for its client to subscribe: its first subscription sets its cursor. */
  begin(stream: Stream, topics: readonly string[], request: StartRequest): void {
    const { history, notices } = this.#parts
    this.#subscribe(stream, topics)
    const start = history.startOf(stream, request)
    stream.cursor = start.cursor
    stream.beganFrom = start.cursor
    stream.lastSent = start.place
    stream.stretches = stretchesFrom(start.cursor)
    const open = this.#dispatcher.write(stream, notices.opening(stream, start))
    if (stream.state !== 'waiting') return
    if (open) this.#dispatcher.goOn(stream)
    else this.#dispatcher.park(stream)
  }

  /** Subscribes a stream to more, from its place on, which becomes the one to resume from. */
  add(stream: Stream, topics: readonly string[]): void {
    this.change(stream, topics)
    const cursor = this.#parts.notices.place(stream, this.#placeOf(stream) - 1)
    if (cursor !== undefined) this.#dispatcher.write(stream, cursor)
  }

  /** Changes what a stream is subscribed to, from its place on. */
  change(stream: Stream, topics: readonly string[]): void {
    const { ring, retained } = this.#parts
    if (stream.begun) {
      const { first } = reachOf(ring, retained)
      stream.stretches = turned(stream.stretches, stream, this.#placeOf(stream), first)
    }
    this.#subscribe(stream, topics)
    // What is being looked up for it is what it wanted before.
    if (stream.state === 'reading') this.#dispatcher.attend(stream)
  }

  /**
   * The same at the stream's next turn, and sends what it has passed of what is new: the newest
   * `last`, or what came after an id. Live events wait till then.
   *
   * @param failed told what the log could not give; the stream goes on with what it had subscribed to.
   */
  replay(
    stream: Stream,
    { more, topics, ...request }: MoreRequest,
    words: ReplayWords,
    failed: (error: unknown) => void,
  ): void {
    this.#dispatcher.run(stream, () => {
      const place = this.#placeOf(stream)
      const { topics: former } = stream.filter
      this.change(stream, topics)
      const restarts = this.#parts.history.restarts
      const isVoid = (): boolean => restarts !== this.#parts.history.restarts
      const wants = { filter: new Filter(more), user: undefined }
      const goOn = (errand?: () => void): void => {
        if (stream.state !== 'held') return
        stream.errand = errand
        this.#dispatcher.goOn(stream)
      }
      this.#parts.history.before(place, wants, request).then(
        (found) => {
          const known = this.#known(stream, found, request)
          const part = { from: known.sequences[0] ?? place, to: place, ...wants }
          const done = (): Buffer => {
            // Only when all of it was sent: a client that is cut off before asks for it again.
            if (!isVoid()) stream.stretches = replayed(stream.stretches, part)
            return this.#done(stream, words)
          }
          const after = request.lastEventId ?? ''
          goOn(this.#begun(stream, known, after, { ...words, done }, isVoid))
        },
        (error: unknown) => {
          if (stream.state === 'held') this.change(stream, former)
          failed(error)
          goOn()
        },
      )
    })
  }

  #subscribe(stream: Stream, topics: readonly string[]): void {
    const { streams, onSubscribed } = this.#parts
    streams.change(stream, streams.filter(topics))
    onSubscribed?.(stream)
  }

  #done(stream: Stream, words: ReplayWords): Buffer {
    const cursor = this.#parts.notices.place(stream, this.#placeOf(stream) - 1)
    const done = words.done()
    return cursor === undefined ? done : Buffer.concat([cursor.bytes, done])
  }

  /** Tells the hole before a replay, if there is one, and then goes on with it. */
  #begun(
    stream: Stream,
    { sequences, gap }: Replayable,
    after: string,
    words: ReplayWords,
    isVoid: () => boolean,
  ): () => void {
    const { step } = new Replay(this.#parts, stream, sequences, after, words, isVoid)
    if (gap === undefined) return step
    return () => {
      noteGap(this.#parts.stats, stream, gap)
      stream.errand = step
      this.#dispatcher.send(stream, stream.transport.format.frame([words.gap(gap)]))
    }
  }

  /** Leaves out what it is not known of whether the stream was sent it. */
  #known(
    { stretches: { knownFrom } }: Stream,
    { sequences, gap }: Replayable,
    { lastEventId }: StartRequest,
  ): Replayable {
    const known = sequences.filter((sequence) => sequence >= knownFrom)
    const isCut = known.length < sequences.length && lastEventId !== undefined
    const hole: Hole = { reason: 'evicted', after: lastEventId ?? '' }
    return { sequences: known, gap: gap ?? (isCut ? hole : undefined) }
  }

  /** The first sequence that a stream has not passed. */
  #placeOf(stream: Stream): number {
    return stream.state === 'idle' ? this.#parts.ring.next : stream.cursor
  }
}
