import { RingcastError } from '../errors.js'
import { setImmediate as turnEnd } from 'node:timers/promises'
import { BlockCache } from './block-cache.js'
import { Dispatcher } from './dispatcher.js'
import { formatEventId, parseEventId } from './event-id.js'
import type { EventLog, Life, Receipt, Restart } from './event-log.js'
import type { AcceptedEvent, EventDraft } from './event.js'
import type { Wants } from './filter.js'
import { Gatherer } from './gatherer.js'
import { Notices } from './notices.js'
import { findStart, idOfPlace, type Start, type StartRequest } from './resume.js'
import { bytesOfAll, Ring, type RingEntry } from './ring.js'
import { newestWanted, selectForward } from './selection.js'
import { newHubStats } from './stats.js'
import { StreamMap } from './stream-map.js'
import { everyInterval, StreamTimes, type Every, type StreamLimits } from './stream-times.js'
import { Stream, type EndReason, type Farewell } from './stream.js'
import type { Transport } from './transport.js'
import type { GapReason } from './wire-format.js'

/** The most blocks of the log that a page of history reads: as many events as a ring usually holds. */
const blocksPerPage = 256

/** What a hub is made of. Durations are in milliseconds, sizes in bytes. */
export interface HubOptions extends StreamLimits {
  readonly log: EventLog
  /** The newest events of the log, which the ring begins with; none for a log that begins too. */
  readonly newest?: readonly AcceptedEvent[]
  readonly ringEvents: number
  readonly ringBytes: number
  /** The name of this node, the first part of its streams' ids. */
  readonly node: string
  /** Gives streams their numbers; hubs of one node share it. */
  readonly nextStreamNumber: () => number
  /** Told each stream that opened. */
  readonly onOpen?: (stream: Stream) => void
  /** Told each stream that is over, and why, once. */
  readonly onEnd?: (stream: Stream, reason: EndReason) => void
  /** Told how long the log took to accept a push, in milliseconds; of one push at a time. */
  readonly onAppended?: (ms: number) => void
  /** Told how old an event was when a stream that keeps up got it, in milliseconds; of a sample. */
  readonly onWritten?: (ms: number) => void
  /** Told of what the log has and could not give. */
  readonly onUnreadable?: (error: unknown) => void
  /** A clock in milliseconds that does not go back; by default `performance.now`. */
  readonly now?: () => number
  /** Runs a slice of work once the event loop has seen to what is ready; by default `setImmediate`. */
  readonly defer?: (slice: () => void) => void
  /** Runs what is timed, again and again; by default `setInterval`, unref'd. */
  readonly every?: Every
  /** Gives a number from 0 to 1; by default `Math.random`. */
  readonly random?: () => number
}

/** What a client asks for when it opens a stream or reads history. */
export interface SubscribeRequest extends StartRequest {
  readonly topics: readonly string[]
  readonly user: string | undefined
  /** When the client's credential expires: milliseconds since the Unix epoch; never, if undefined. */
  readonly expiresAt?: number | undefined
}

/** A page of history: the events, where to go on from, and the hole before them if there is one. */
export interface HistoryPage {
  readonly events: readonly AcceptedEvent[]
  /** The id to ask with for what comes after this page. */
  readonly last: string | undefined
  /** Whether there is more already. */
  readonly more: boolean
  readonly gap: { readonly reason: GapReason; readonly after: string } | undefined
}

/** Publishes to the log, and lets streams follow it. */
export class Hub {
  readonly #options: HubOptions
  readonly #log: EventLog
  readonly #dispatcher: Dispatcher
  readonly #times: StreamTimes
  readonly #notices: Notices
  readonly #now: () => number
  readonly #random: () => number
  readonly #blocks: BlockCache | undefined
  /** What is on its way into the log, and so into the ring. */
  readonly #onTheWay = { pushes: 0, events: 0, bytes: 0 }
  #whenNoneOnTheWay: (() => void)[] = []
  /** Whether it is measured how long an append takes. */
  #timing = false
  /** How often the log was found to have lost events. */
  #restarts = 0
  #draining = false

  /** The newest part of the log. */
  readonly ring: Ring
  /** Who is connected. */
  readonly streams = new StreamMap()
  /** What was done so far. */
  readonly stats = newHubStats()

  constructor(options: HubOptions) {
    this.#options = options
    this.#log = options.log
    this.#now = options.now ?? (() => performance.now())
    this.#random = options.random ?? Math.random
    const { newest = [], log } = options
    const first = newest[0]?.sequence ?? log.head + 1
    this.ring = new Ring(options.ringEvents, options.ringBytes, first)
    for (const event of newest) this.ring.append(event)
    if (log.retained !== undefined) this.#blocks = new BlockCache(log.retained, () => log.head)
    this.#notices = new Notices({
      ...options,
      ring: this.ring,
      lives: () => this.#log.lives,
      retained: log.retained,
      stats: this.stats,
      random: this.#random,
      now: this.#now,
    })
    this.#dispatcher = new Dispatcher(
      this.ring,
      new Gatherer(),
      this.#blocks,
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
          this.#sayFarewell(stream)
        },
      },
      this.#now,
      options.defer ?? setImmediate,
    )
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
        this.#fanOut(events)
      },
      {
        fits: (events) => this.#fits(events),
        restart: (restart) => {
          this.#restart(restart)
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

  /** The id that a stream's client would resume from. */
  placeOf(stream: Stream): string | undefined {
    return this.idOfSequence(stream.lastSent)
  }

  /** How many events, its own or not, a stream has still to pass. */
  lagOf(stream: Stream): number {
    return stream.state === 'idle' ? 0 : Math.max(0, this.ring.next - stream.cursor)
  }

  /** Whether the hub has begun to shut down. */
  get draining(): boolean {
    return this.#draining
  }

  /**
   * Accepts events, all or none. It resolves when the log has them; delivery goes on by itself.
   *
   * @throws RingcastError `RINGCAST_BUSY`, `RINGCAST_DRAINING`, `RINGCAST_BODY_TOO_LARGE`, or what
   * the log's `append` throws.
   */
  async publish(batch: readonly EventDraft[]): Promise<readonly Receipt[]> {
    if (this.#draining) {
      throw new RingcastError('RINGCAST_DRAINING', 'this node is shutting down: push to another', {
        retryAfterSeconds: 1,
      })
    }
    const receipts = await this.#append(batch)
    for (const { duplicate } of receipts) {
      if (duplicate) this.stats.duplicates++
      else this.stats.accepted++
    }
    return receipts
  }

  async #append(batch: readonly EventDraft[]): Promise<readonly Receipt[]> {
    const onTheWay = this.#onTheWay
    const bytes = bytesOfAll(batch)
    this.#checkRoom(batch.length, bytes)
    onTheWay.pushes++
    onTheWay.events += batch.length
    onTheWay.bytes += bytes
    const began = this.#timing ? undefined : this.#now()
    this.#timing = true
    try {
      const receipts = await this.#log.append(batch)
      if (began !== undefined) this.#options.onAppended?.(this.#now() - began)
      return receipts
    } finally {
      if (began !== undefined) this.#timing = false
      onTheWay.pushes--
      onTheWay.events -= batch.length
      onTheWay.bytes -= bytes
      if (onTheWay.pushes === 0) for (const done of this.#whenNoneOnTheWay.splice(0)) done()
    }
  }

  /** The id of an event that was accepted, or that the log knows by its key. */
  idOf({ epoch, sequence }: Pick<AcceptedEvent, 'epoch' | 'sequence'>): string {
    return formatEventId(epoch, sequence)
  }

  /** Why the log can't be appended to for now, in words; undefined while all is well. */
  get problem(): string | undefined {
    return this.#log.problem
  }

  /**
   * Looks up in the log where `last` begins, where that may lie before the ring; a request that needs
   * no look-up is answered with undefined. Of patterns there is no index: they look back over the ring.
   *
   * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE`.
   */
  startOfLast(request: SubscribeRequest): Promise<number> | undefined {
    const { retained } = this.#log
    const { lastEventId, last = 0, user } = request
    if (retained === undefined || lastEventId !== undefined || last === 0) return undefined
    if (retained.first >= this.ring.first) return undefined
    const filter = this.streams.filter(request.topics)
    if (filter.patterns.length > 0) return undefined
    if (newestWanted(this.ring, { filter, user }, last).length === last) return undefined
    const { next } = this.ring
    return retained
      .newest({ topics: filter.exact, user }, last)
      .then((sequences) => sequences.at(-1) ?? next)
  }

  /**
   * Waits for the place that a request resumes from, where another node may have told a client of it
   * sooner than this one learns of it; undefined where there is nothing to wait for.
   *
   * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE`.
   */
  reach({ lastEventId }: StartRequest): Promise<void> | undefined {
    const place = lastEventId === undefined ? undefined : parseEventId(lastEventId)
    return place === undefined ? undefined : this.#log.shared?.reach(place)
  }

  /**
   * Opens a stream: tells it where it begins, and lets it go on from there.
   *
   * @param control whether the client wants control events.
   */
  subscribe(request: SubscribeRequest, transport: Transport, control = true): Stream {
    const wants = { filter: this.streams.filter(request.topics), user: request.user }
    const start = this.#startOf(wants, request)
    const stream = this.#newStream(wants, control, transport, start)
    if (request.expiresAt !== undefined) {
      stream.expiresAt = this.#now() + request.expiresAt - Date.now()
    }
    this.streams.add(stream)
    this.stats.transports[transport.kind].opened++
    this.#times.opened(stream)
    this.#options.onOpen?.(stream)
    const open = this.#dispatcher.write(stream, this.#notices.opening(stream, start))
    // A connection that was closed already has told so, and the stream is over.
    if (stream.state === 'ended') return stream
    if (!open) this.#dispatcher.park(stream)
    else this.#dispatcher.goOn(stream)
    return stream
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
    transport.end()
    return stream
  }

  /** Lets a stream go on whose connection has drained. */
  drained(stream: Stream): void {
    this.#dispatcher.drained(stream)
  }

  /** Notes that a stream's peer took bytes, though its connection has not drained yet. */
  progressed(stream: Stream): void {
    if (stream.state === 'parked') stream.activeAt = this.#now()
  }

  /** Notes that a stream's connection is gone. Told once or more; the first counts. */
  closed(stream: Stream): void {
    // One that did not wait for its bye, or was cut off, was ended by the service all the same.
    this.#over(stream, stream.farewell?.reason ?? 'client')
    this.#times.closed(stream)
  }

  /** Ends a stream whose client can't be reached any more. */
  lost(stream: Stream, reason: 'dead-peer' | 'stalled'): void {
    this.#over(stream, reason)
    stream.transport.destroy()
  }

  /** Ends a stream of the service's own accord: a `bye`, then the end of the response. */
  end(
    stream: Stream,
    reason: Farewell['reason'],
    reconnect: boolean,
    retryMs = this.#notices.retryMs(),
  ): void {
    if (stream.state === 'ended' || stream.farewell !== undefined) return
    stream.farewell = { reason, reconnect, retryMs }
    // A shutdown has a time of its own, and lets a slow reader use it.
    if (reason !== 'shutdown') this.#times.farewell(stream)
    this.#dispatcher.attend(stream)
  }

  /**
   * Reads a page of what is retained, by the rules by which a stream resumes. Of what is behind the
   * ring it reads a bounded part: a page may have few events or none, and more after it.
   *
   * @param limit the most events on the page.
   * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE`.
   */
  async history(request: SubscribeRequest, limit: number): Promise<HistoryPage> {
    await this.reach(request)
    const wants = { filter: this.streams.filter(request.topics), user: request.user }
    const startAt = await this.startOfLast(request)
    const { cursor, gap } = this.#startOf(wants, { ...request, startAt })
    const events: AcceptedEvent[] = []
    const take = ({ event }: RingEntry): boolean => {
      if (events.length === limit) return false
      events.push(event)
      return true
    }
    let next = await this.#selectBehindRing(wants, cursor, take)
    if (next >= this.ring.first) next = selectForward(this.ring, wants, next, Infinity, take)
    const more = next < this.ring.next
    // A full page goes on from its last event: what comes next is not known to be of its own.
    const last = more && events.length === limit ? events.at(-1)!.sequence : next - 1
    return { events, last: this.idOfSequence(last), more, gap }
  }

  /** Hands over what is wanted of the log before the ring, and answers where to go on from. */
  async #selectBehindRing(
    wants: Wants,
    cursor: number,
    take: (entry: RingEntry) => boolean,
  ): Promise<number> {
    let next = cursor
    const restarts = this.#restarts
    for (let blocks = 0; next < this.ring.first && blocks < blocksPerPage; blocks++) {
      // A stream can wait for a log that is away; who asks for a page is told.
      if (this.#log.shared !== undefined && this.problem !== undefined) {
        throw new RingcastError('RINGCAST_LOG_UNAVAILABLE', this.problem, { retryAfterSeconds: 1 })
      }
      next = await this.#blocks!.seek(wants, next, this.ring.first)
      if (next >= this.ring.first) break
      const block = await this.#blocks!.load(next)
      if (restarts !== this.#restarts) {
        throw new RingcastError('RINGCAST_LOG_UNAVAILABLE', 'the log has lost events: ask again')
      }
      // Deleted meanwhile: what follows is for the next page, which begins with the gap.
      if (block.first > next) break
      next = selectForward(block, wants, next, Infinity, take)
      if (next < block.next) break
      await turnEnd()
    }
    return next
  }

  #startOf(wants: Wants, request: StartRequest): Start {
    return findStart(this.ring, this.#log.lives, wants, request, this.#log.retained)
  }

  /**
   * Fans out what was accepted, refuses what comes now, then says goodbye to every stream.
   *
   * @param drainMs how long all of it may take; who is not gone by then is cut off. The clients'
   * return is spread over the same time.
   */
  async drain(drainMs: number): Promise<void> {
    this.#draining = true
    const deadline = new Promise<void>((resolve) => setTimeout(resolve, drainMs).unref())
    await Promise.race([this.#noneOnTheWay(), deadline])
    await Promise.race([this.#dispatcher.empty(), deadline])
    for (const stream of this.streams.values()) {
      this.end(stream, 'shutdown', true, Math.round(500 + this.#random() * drainMs))
    }
    await Promise.race([this.#times.allClosed(), deadline])
    for (const stream of this.#times.values()) {
      this.#over(stream, 'shutdown')
      stream.transport.destroy()
    }
    this.#times.stop()
    await this.#log.close()
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

  #noneOnTheWay(): Promise<void> {
    if (this.#onTheWay.pushes === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenNoneOnTheWay.push(resolve))
  }

  /** Whether the ring will have room for a batch, behind all that is on its way into it. */
  #checkRoom(events: number, bytes: number): void {
    if (this.ring.firstAfter(events, bytes) === undefined) {
      throw new RingcastError(
        'RINGCAST_BODY_TOO_LARGE',
        'the batch is larger than the ring (RING_EVENTS, RING_BYTES): push it in parts',
      )
    }
    // Of a shared log, what this node has no room for yet waits there.
    if (this.#log.shared !== undefined) return
    const onTheWay = this.#onTheWay
    const first = this.ring.firstAfter(events + onTheWay.events, bytes + onTheWay.bytes)
    if (this.#mayBecomeFirst(first)) return
    this.stats.busy++
    throw new RingcastError(
      'RINGCAST_BUSY',
      'the ring holds only events that are not yet fanned out: push again in a moment, or raise RING_EVENTS or RING_BYTES',
      { retryAfterSeconds: 1 },
    )
  }

  /** Whether the ring may let go of what is before a sequence. */
  #mayBecomeFirst(first: number | undefined): boolean {
    // Most events displace nothing, and need not know what is still to be fanned out.
    if (first === this.ring.first) return true
    return first !== undefined && this.#dispatcher.floor(first) >= first
  }

  /** How many of these events displace nothing that is not fanned out yet; a half, a quarter, or so. */
  #fits(events: readonly AcceptedEvent[]): number {
    for (let count = events.length; count > 0; count = count >> 1) {
      const first = this.ring.firstAfter(count, bytesOfAll(events.slice(0, count)))
      if (this.#mayBecomeFirst(first)) return count
    }
    return 0
  }

  /** Goes on with a log that has lost events, or another one: every stream from where it still can. */
  #restart({ newest, common, former }: Restart): void {
    const { next } = this.ring
    this.#restarts++
    this.#dispatcher.forget()
    this.ring.restart(newest, newest[0]?.sequence ?? this.#log.head + 1)
    for (const stream of this.streams.values()) {
      // An idle one has passed everything that the ring had.
      if (stream.state === 'idle') stream.cursor = next
      this.#reseat(stream, common, former)
      if (stream.state === 'idle' || stream.state === 'reading') this.#dispatcher.goOn(stream)
    }
  }

  #reseat(stream: Stream, common: number, former: readonly Life[]): void {
    if (stream.lastSent <= common) {
      // What it passed after that was not for it, and was lost.
      stream.cursor = Math.min(stream.cursor, common + 1)
      return
    }
    const lastEventId = idOfPlace(former, stream.lastSent)
    const { cursor, place } = this.#startOf(stream, { lastEventId })
    stream.lostAfter ??= lastEventId
    stream.cursor = cursor
    stream.lastSent = place
  }

  #fanOut(events: readonly AcceptedEvent[]): void {
    for (const event of events) this.ring.append(event)
    // Of a batch, the first event of a topic wakes; its streams read the others when they get there,
    // since no turn comes before all are in the ring. The batches shape pays for it.
    const seen = events.length > 1 ? new Set<string>() : undefined
    for (const { topics, users, sequence } of events) {
      const wake = (stream: Stream): void => {
        this.#dispatcher.wake(stream, sequence)
      }
      for (const topic of topics) {
        if (isFirst(seen, `t${topic}`)) this.streams.visitTopic(topic, wake)
      }
      for (const user of users) if (isFirst(seen, `u${user}`)) this.streams.visitUser(user, wake)
    }
  }

  /** The id of a stream: `<node>.<number>`. */
  streamId(stream: Stream): string {
    return this.#notices.streamId(stream)
  }

  #sayFarewell(stream: Stream): void {
    const bye = this.#notices.bye(stream)
    if (bye !== undefined) this.#dispatcher.write(stream, bye)
    this.#over(stream, stream.farewell!.reason)
    stream.transport.end()
  }

  #over(stream: Stream, reason: EndReason): void {
    if (stream.state === 'ended') return
    stream.state = 'ended'
    this.streams.remove(stream)
    this.stats.closed[reason]++
    this.#options.onEnd?.(stream, reason)
  }
}

function isFirst(seen: Set<string> | undefined, name: string): boolean {
  if (seen === undefined) return true
  if (seen.has(name)) return false
  seen.add(name)
  return true
}
