import { BlockCache } from './block-cache.js'
import { Dispatcher } from './dispatcher.js'
import { formatEventId, type Place } from './event-id.js'
import { Endings } from './endings.js'
import type { EventLog, Receipt } from './event-log.js'
import type { AcceptedEvent, EventDraft } from './event.js'
import type { Wants } from './filter.js'
import type { FoundEvent } from './find-event.js'
import { Gatherer } from './gatherer.js'
import { History, type HistoryPage } from './history.js'
import type { HubOptions } from './hub-options.js'
import { Notices } from './notices.js'
import { Publisher } from './publisher.js'
import { goOnWith } from './restarted-log.js'
import type { StartRequest } from './resume.js'
import { Ring } from './ring.js'
import { newHubStats } from './stats.js'
import { StreamMap } from './stream-map.js'
import { everyInterval, StreamTimes } from './stream-times.js'
import { Stream } from './stream.js'
import { Subscriptions } from './subscriptions.js'
import type { Transport } from './transport.js'
import type { ByeReason, Frame } from './wire-format.js'

/** What a client asks for when it opens a stream or reads history. */
export interface SubscribeRequest extends StartRequest {
  readonly topics: readonly string[]
  readonly user: string | undefined
  /** When the client's credential expires: milliseconds since the Unix epoch; never, if undefined. */
  readonly expiresAt?: number | undefined
  /** What the log calls the request by; for who is told that the stream opened, and kept nowhere. */
  readonly requestId?: string | undefined
}

/** Whose a stream is, and until when. */
export type Holder = Pick<SubscribeRequest, 'user' | 'expiresAt' | 'requestId'>

/** Publishes to the log, and lets streams follow it. */
export class Hub {
  readonly #options: HubOptions
  readonly #log: EventLog
  readonly #dispatcher: Dispatcher
  readonly #times: StreamTimes
  readonly #notices: Notices
  readonly #now: () => number
  readonly #random: () => number
  readonly #history: History
  readonly #publisher: Publisher
  readonly #endings: Endings
  /** The newest part of the log. */
  readonly ring: Ring
  /** Who is connected. */
  readonly streams = new StreamMap()
  /** What was done so far. */
  readonly stats = newHubStats()
  /** What streams are subscribed to whose clients may change that. */
  readonly subscriptions: Subscriptions

  /**
   * @param newest the newest events of the log, which the ring begins with; none for a log that begins
   * too. No option, for options are kept: what the ring lets go of is to be held by nobody.
   */
  constructor(options: HubOptions, newest: readonly AcceptedEvent[] = []) {
    this.#options = options
    this.#log = options.log
    this.#now = options.now ?? (() => performance.now())
    this.#random = options.random ?? Math.random
    const { log } = options
    const first = newest[0]?.sequence ?? log.head + 1
    this.ring = new Ring(options.ringEvents, options.ringBytes, first)
    for (const event of newest) this.ring.append(event)
    const { retained } = log
    const blocks =
      retained === undefined
        ? undefined
        : new BlockCache(retained, () => log.head, options.catchUpBytes)
    this.#history = new History(this.ring, log, blocks)
    this.#notices = new Notices({
      ...options,
      ring: this.ring,
      lives: () => this.#log.lives,
      retained,
      stats: this.stats,
      random: this.#random,
      now: this.#now,
    })
    this.#dispatcher = new Dispatcher(
      this.ring,
      new Gatherer(),
      blocks,
      this.stats,
      {
        behindRing: (stream) => this.#notices.behindRing(stream),
        unreadable: (stream, error) => {
          options.onUnreadable?.(error)
          return this.#notices.unreadable(stream)
        },
        lost: (stream) => this.#notices.lost(stream),
        heartbeat: (stream) => this.#notices.heartbeat(stream),
        expiring: (stream) => this.#notices.expiring(stream),
        written: ({ time }) => options.onWritten?.(Date.now() - Date.parse(time)),
        farewell: (stream) => {
          this.#endings.sayFarewell(stream)
        },
      },
      this.#now,
      options.defer ?? setImmediate,
    )
    const { ring, streams, stats } = this
    const dispatcher = this.#dispatcher
    const common = { ring, streams, stats, dispatcher }
    this.#publisher = new Publisher({
      ...common,
      log,
      now: this.#now,
      onAppended: options.onAppended,
    })
    this.subscriptions = new Subscriptions({
      ...common,
      retained,
      blocks,
      history: this.#history,
      notices: this.#notices,
      idOf: (sequence) => this.idOfSequence(sequence),
      onSubscribed: options.onSubscribed,
    })
    this.#endings = new Endings({
      ...common,
      notices: this.#notices,
      times: () => this.#times,
      random: this.#random,
      onEnd: options.onEnd,
    })
    this.#times = new StreamTimes(
      options,
      this.#now,
      this.#random,
      options.every ?? everyInterval,
      {
        heartbeat: (stream) => {
          if (stream.state === 'reading') this.#dispatcher.signOfLife(stream)
          else {
            stream.heartbeatDue = true
            this.#dispatcher.wake(stream, this.ring.next)
          }
        },
        rebalance: (stream) => {
          this.end(stream, 'rebalance', true)
        },
        expiring: (stream) => {
          stream.expiring = 'due'
          this.#dispatcher.attend(stream)
        },
        expired: (stream) => {
          this.end(stream, 'expired', true)
        },
        stalled: (stream) => {
          this.lost(stream, 'stalled')
        },
      },
    )
    this.#log.follow(
      (events) => {
        this.#publisher.fanOut(events)
      },
      {
        fits: (events) => this.#publisher.room.fits(events),
        restart: (restart) => {
          goOnWith(restart, { ...common, log, history: this.#history })
        },
      },
    )
  }

  /** The id of the newest place in the log; undefined for a log whose events have none. */
  get head(): string | undefined {
    return this.idOfSequence(this.ring.next - 1)
  }

  /** The id of a place in the log; undefined for a log whose events have none. */
  idOfSequence(sequence: number): string | undefined {
    return this.#notices.idOf(sequence)
  }

  /** The id of a stream: `<node>.<number>`. */
  streamId(stream: Stream): string {
    return this.#notices.streamId(stream)
  }

  /** The id that a stream's client would resume from; undefined before it has subscribed. */
  placeOf(stream: Stream): string | undefined {
    return stream.begun ? this.idOfSequence(stream.lastSent) : undefined
  }

  /** How many events, its own or not, a stream has still to pass. */
  lagOf(stream: Stream): number {
    return stream.state === 'idle' ? 0 : Math.max(0, this.ring.next - stream.cursor)
  }

  /** Whether the hub has begun to shut down. */
  get draining(): boolean {
    return this.#publisher.stopped
  }

  /** As `Publisher.publish`. */
  publish(batch: readonly EventDraft[]): Promise<readonly Receipt[]> {
    return this.#publisher.publish(batch)
  }

  /** The id of an event that was accepted, or that the log knows by its key. */
  idOf({ epoch, sequence }: Pick<AcceptedEvent, 'epoch' | 'sequence'>): string {
    return formatEventId(epoch, sequence)
  }

  /** Why the log can't be appended to for now, in words; undefined while all is well. */
  get problem(): string | undefined {
    return this.#log.problem
  }

  /** As `History.startOfLast`, for what a client asks for. */
  startOfLast(request: SubscribeRequest): Promise<number> | undefined {
    return this.#history.startOfLast(request, () => this.#wantsOf(request))
  }

  /** As `History.reach`. */
  reach(request: StartRequest): Promise<void> | undefined {
    return this.#history.reach(request)
  }

  /** As `History.find`. */
  find(place: Place): Promise<FoundEvent> {
    return this.#history.find(place)
  }

  /** As `History.page`, for what a client asks for. */
  history(request: SubscribeRequest, limit: number): Promise<HistoryPage> {
    return this.#history.page(this.#wantsOf(request), request, limit)
  }

  /**
   * Opens a stream: tells it where it begins, and lets it go on from there.
   *
   * @param control whether the client wants control events.
   */
  subscribe(request: SubscribeRequest, transport: Transport, control = true): Stream {
    const wants = this.#wantsOf(request)
    const start = this.#history.startOf(wants, request)
    const stream = this.#newStream(wants, control, transport, start)
    this.#expires(stream, request.expiresAt)
    this.#opened(stream, request.requestId)
    const open = this.#dispatcher.write(stream, this.#notices.opening(stream, start))
    // A connection that was closed already has told so, and the stream is over.
    if (stream.state === 'ended') return stream
    if (!open) this.#dispatcher.park(stream)
    else this.#dispatcher.goOn(stream)
    return stream
  }

  /**
   * Takes in a client that will say later what it subscribes to, with `begin`. Until then it is sent
   * nothing but what concerns the connection itself.
   */
  admit({ user, expiresAt, requestId }: Holder, transport: Transport): Stream {
    const wants = { filter: this.streams.filter([]), user }
    const stream = this.#newStream(wants, true, transport, { cursor: Infinity, place: 0 })
    stream.state = 'waiting'
    this.#expires(stream, expiresAt)
    this.#opened(stream, requestId)
    return stream
  }

  /** Hands a stream that waits over to another hub, whose topics its client subscribes to. */
  handOver(stream: Stream, other: Hub): void {
    this.#dispatcher.release(stream)
    this.streams.remove(stream)
    this.#times.closed(stream)
    stream.filter = other.streams.filter([])
    other.#takeIn(stream)
  }

  /** Goes on with a stream by another credential of its client. */
  renew(stream: Stream, expiresAt: number | undefined): void {
    stream.expiring = undefined
    this.#expires(stream, expiresAt)
    this.#times.changed(stream)
  }

  /** Answers a client on its stream. */
  tell(stream: Stream, frame: Frame): void {
    this.#dispatcher.tell(stream, frame)
  }

  /**
   * Turns a client away whose stream would be one too many: a `bye` with a longer `retry`, and the
   * end of the response. It is in none of the books but the counts, and cut off like any other whose
   * client does not close its side.
   */
  turnAway(transport: Transport, control = true): Stream {
    const wants = { filter: this.streams.filter([]), user: undefined }
    const head = this.ring.next - 1
    const stream = this.#newStream(wants, control, transport, { cursor: head + 1, place: head })
    stream.state = 'ended'
    stream.farewell = this.#notices.overLimit()
    this.stats.transports[transport.kind].opened++
    this.stats.closed.limit++
    this.#times.opened(stream)
    this.#times.farewell(stream)
    this.#dispatcher.write(stream, this.#notices.turnedAway(stream))
    transport.end('limit')
    return stream
  }

  /** As `Endings.closed`. */
  closed(stream: Stream): void {
    this.#endings.closed(stream)
  }

  /** As `Endings.lost`. */
  lost(stream: Stream, reason: 'dead-peer' | 'stalled'): void {
    this.#endings.lost(stream, reason)
  }

  /** As `Endings.refused`. */
  refused(stream: Stream): void {
    this.#endings.refused(stream)
  }

  /** As `Endings.end`. */
  end(stream: Stream, reason: ByeReason, reconnect: boolean, retryMs?: number): void {
    this.#endings.end(stream, reason, reconnect, retryMs)
  }

  /** Lets a stream go on whose connection has drained. */
  drained(stream: Stream): void {
    this.#dispatcher.drained(stream)
  }

  /** Notes that a stream's peer took bytes, though its connection has not drained yet. */
  progressed(stream: Stream): void {
    if (stream.state === 'parked') stream.activeAt = this.#now()
  }

  /**
   * Fans out what was accepted, refuses what comes now, then says goodbye to every stream.
   *
   * @param drainMs how long all of it may take; who is not gone by then is cut off. The clients'
   * return is spread over the same time.
   */
  async drain(drainMs: number): Promise<void> {
    this.#publisher.stop()
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, drainMs).unref())
    await Promise.race([this.#publisher.room.none(), deadline])
    await Promise.race([this.#dispatcher.empty(), deadline])
    await this.#endings.endAll(drainMs, deadline)
    await this.#log.close()
  }

  #opened(stream: Stream, requestId?: string): void {
    this.stats.transports[stream.transport.kind].opened++
    this.#takeIn(stream)
    this.#options.onOpen?.(stream, requestId)
  }

  #takeIn(stream: Stream): void {
    this.streams.add(stream)
    this.#times.opened(stream)
  }

  #expires(stream: Stream, at: number | undefined): void {
    stream.expiresAt = at === undefined ? Infinity : this.#now() + at - Date.now()
  }

  #newStream(
    { filter, user }: Wants,
    control: boolean,
    transport: Transport,
    { cursor, place }: { cursor: number; place: number },
  ): Stream {
    const number = this.#options.nextStreamNumber()
    const start = { cursor, place, now: this.#now() }
    return new Stream(number, filter, user, control, transport, Date.now(), start)
  }

  #wantsOf({ topics, user }: SubscribeRequest): Wants {
    return { filter: this.streams.filter(topics), user }
  }
}
