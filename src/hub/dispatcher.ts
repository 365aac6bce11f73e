import type { BlockCache } from './block-cache.js'
import { CatchUp } from './catch-up.js'
import type { AcceptedEvent } from './event.js'
import type { Gather, Gatherer } from './gatherer.js'
import type { Ring } from './ring.js'
import type { HubStats } from './stats.js'
import type { Stream } from './stream.js'
import type { Frame } from './wire-format.js'

/** How long the dispatcher serves streams before the event loop gets its turn, in milliseconds. */
const sliceMs = 4
/** How long between two looks at how old an event is when it is written, in milliseconds. */
const ageLookMs = 10
/** How many turns go by between two looks at the clock. */
const turnsPerLook = 8

/** What the dispatcher asks of the hub, for the turns in which no event is written. */
export interface TurnEvents {
  /**
   * The stream's cursor fell out of the ring: moves it on to what can still be read; what to tell it,
   * if it has to be told.
   */
  behindRing(stream: Stream): Frame | undefined
  /** What the log has at the stream's cursor cannot be read: moves it on; what to tell it. */
  unreadable(stream: Stream, error: unknown): Frame | undefined
  /** The log has lost what the stream was sent last: what to tell it, if it wants to be told. */
  lost(stream: Stream): Frame | undefined
  /** A heartbeat is due: what to send, if its connection does not see to that by itself. */
  heartbeat(stream: Stream): Frame | undefined
  /** Its credential expires soon: what to tell it, if it wants to be told. */
  expiring(stream: Stream): Frame | undefined
  /** An event was written to a stream that keeps up; told of a sample. */
  written(event: AcceptedEvent): void
  /** The service wants the stream ended, and its turn has come. */
  farewell(stream: Stream): void
}

/**
 * Serves the streams that have something to read, in turns, in slices of a few milliseconds. A
 * stream that keeps up gets what is new; one that fell behind gets more with each write, so the
 * cost of a delivery falls as the load rises; one whose connection is full is parked and costs
 * nothing until it drains. One that the ring has passed reads the log, a block a turn, until it is
 * back in the ring.
 */
export class Dispatcher {
  readonly #ring: Ring
  readonly #gatherer: Gatherer
  readonly #blocks: BlockCache | undefined
  readonly #catchUp: CatchUp | undefined
  readonly #stats: HubStats
  readonly #events: TurnEvents
  readonly #now: () => number
  readonly #defer: (slice: () => void) => void
  #first: Stream | undefined
  #last: Stream | undefined
  #queued = 0
  #scheduled = false
  #floor = 0
  /** The time at the last look at the clock: a look for each write is one the paced shape can save. */
  #time = 0
  #ageLookAt = 0
  #whenEmpty: (() => void)[] = []

  /**
   * @param blocks the log behind the ring, if it keeps more.
   * @param now the hub's clock, in milliseconds; it must not go back.
   * @param defer runs the next slice once the event loop has seen to what is ready
   * (`setImmediate`).
   */
  constructor(
    ring: Ring,
    gatherer: Gatherer,
    blocks: BlockCache | undefined,
    stats: HubStats,
    events: TurnEvents,
    now: () => number,
    defer: (slice: () => void) => void,
  ) {
    this.#ring = ring
    this.#gatherer = gatherer
    this.#blocks = blocks
    this.#stats = stats
    this.#events = events
    this.#now = now
    this.#defer = defer
    if (blocks === undefined) return
    const turnEnd = (): Promise<void> => new Promise((resolve) => defer(resolve))
    const ready = (stream: Stream): void => {
      this.enqueue(stream)
    }
    const told = { ready, unreadable: this.#unreadable }
    this.#catchUp = new CatchUp(blocks, ring, told, now, turnEnd)
  }

  /**
   * Lets a stream know of an event that concerns it. An idle one has, by definition, passed all
   * that came before, so it starts at this event and never reads what was not for it: the targeted
   * shape pays for that.
   */
  wake(stream: Stream, sequence: number): void {
    if (stream.state !== 'idle') return
    stream.cursor = sequence
    this.enqueue(stream)
  }

  /** Gives a stream a turn that rests, or waits for the log: it has to be told something. */
  attend(stream: Stream): void {
    if (stream.state === 'reading' || stream.state === 'waiting') this.enqueue(stream)
    else this.wake(stream, this.#ring.next)
  }

  /** Has something done at a stream's next turn, before it goes on. */
  run(stream: Stream, errand: () => void): void {
    stream.errand = errand
    this.attend(stream)
  }

  /** Sends a heartbeat to a stream that waits for the log, as it may have to for long; it waits on. */
  signOfLife(stream: Stream): void {
    stream.activeAt = this.#now()
    const { heartbeat } = stream.transport.format
    if (heartbeat === undefined || this.write(stream, heartbeat)) return
    if (stream.state !== 'ended') this.park(stream)
  }

  /** Puts a stream on the run queue, to go on from its cursor. */
  enqueue(stream: Stream): void {
    stream.state = 'queued'
    stream.nextQueued = undefined
    if (this.#last === undefined) this.#first = stream
    else this.#last.nextQueued = stream
    this.#last = stream
    this.#queued++
    if (!this.#scheduled) {
      this.#scheduled = true
      this.#defer(this.#slice)
    }
  }

  /** Lets go of a stream that waits for its client to subscribe: another hub serves it from now on. */
  release(stream: Stream): void {
    if (stream.state !== 'queued') return
    stream.state = 'waiting'
    let before: Stream | undefined
    for (let other = this.#first; other !== stream; other = other!.nextQueued) before = other
    if (before === undefined) this.#first = stream.nextQueued
    else before.nextQueued = stream.nextQueued
    if (this.#last === stream) this.#last = before
    stream.nextQueued = undefined
    this.#queued--
  }

  /** Goes on with a stream whose connection has drained. */
  drained(stream: Stream): void {
    if (stream.state !== 'parked') return
    stream.activeAt = this.#now()
    this.enqueue(stream)
  }

  /**
   * The oldest sequence that is not yet fanned out: some stream that keeps up has still to get it,
   * and only the service's own pace is to blame. What is older may be evicted.
   *
   * @param enough a sequence at which the answer may stop: cursors only move on, so the floor found
   * last is a safe answer as long as it reaches that far.
   */
  floor(enough: number): number {
    if (this.#floor >= enough) return this.#floor
    let floor = this.#ring.next
    for (let stream = this.#first; stream !== undefined; stream = stream.nextQueued) {
      if (stream.keepsUp && stream.state === 'queued') floor = Math.min(floor, stream.cursor)
    }
    return (this.#floor = floor)
  }

  /** Forgets all that was read and gathered, since the log is another one. */
  forget(): void {
    this.#floor = 0
    this.#gatherer.forget()
    this.#blocks?.forget()
    this.#catchUp?.forget()
  }

  /** Resolves when no stream waits for a turn. */
  empty(): Promise<void> {
    if (this.#queued === 0) return Promise.resolve()
    return new Promise((resolve) => this.#whenEmpty.push(resolve))
  }

  readonly #slice = (): void => {
    this.#time = this.#now()
    const end = this.#time + sliceMs
    for (let turns = 1; this.#first !== undefined; turns++) {
      this.#turn(this.#dequeue())
      if (turns % turnsPerLook !== 0) continue
      this.#time = this.#now()
      if (this.#time >= end) break
    }
    if (this.#ring.overfull) this.#ring.trim(this.floor(this.#ring.next))
    this.#scheduled = this.#first !== undefined
    if (this.#scheduled) this.#defer(this.#slice)
    else for (const resolve of this.#whenEmpty.splice(0)) resolve()
  }

  #dequeue(): Stream {
    const stream = this.#first!
    this.#first = stream.nextQueued
    if (this.#first === undefined) this.#last = undefined
    stream.nextQueued = undefined
    this.#queued--
    return stream
  }

  #turn(stream: Stream): void {
    if (stream.state === 'ended') return
    if (stream.farewell !== undefined && this.#mayLeave(stream)) {
      this.#events.farewell(stream)
      return
    }
    if (stream.errand !== undefined) {
      this.#do(stream, stream.errand)
      return
    }
    if (stream.lostAfter !== undefined) {
      const gap = this.#events.lost(stream)
      stream.lostAfter = undefined
      if (gap !== undefined) {
        this.send(stream, gap)
        return
      }
    }
    if (stream.expiring === 'due') {
      stream.expiring = 'told'
      const notice = this.#events.expiring(stream)
      if (notice !== undefined) {
        this.send(stream, notice)
        return
      }
    }
    if (!stream.begun) {
      this.goOn(stream)
      return
    }
    if (stream.cursor < this.#ring.first) {
      const gap = this.#events.behindRing(stream)
      if (gap !== undefined) {
        this.send(stream, gap)
        return
      }
    }
    let from = this.#ring
    if (stream.cursor < from.first) {
      // It is not the service's pace that such a stream waits for: it holds up no push.
      stream.keepsUp = false
      const block = this.#blocks!.cached(stream.cursor)
      if (block === undefined) {
        this.#catchUp!.wait(stream)
        return
      }
      from = block
    }
    this.#deliver(
      stream,
      this.#gatherer.gather(from, stream, stream.cursor, stream.transport.format),
    )
  }

  #do(stream: Stream, errand: () => void): void {
    stream.errand = undefined
    stream.state = 'held'
    stream.keepsUp = false
    errand()
  }

  #deliver(stream: Stream, gather: Gather | undefined): void {
    stream.cursor = this.#gatherer.next
    if (gather !== undefined) {
      stream.lastSent = gather.sequences.at(-1)!
      stream.heartbeatDue = false
      this.#stats.transports[stream.transport.kind].deliveries += gather.sequences.length
      this.#stats.writes++
      const isSample = stream.keepsUp && this.#time >= this.#ageLookAt
      this.send(stream, gather.frame)
      if (isSample) this.#tellAge(gather.sequences[0]!)
    } else if (stream.heartbeatDue && stream.cursor === this.#ring.next) {
      stream.heartbeatDue = false
      this.#beat(stream, this.#events.heartbeat(stream))
    } else this.#afterWrite(stream, true)
  }

  #beat(stream: Stream, frame: Frame | undefined): void {
    if (frame !== undefined) this.send(stream, frame)
    else {
      stream.activeAt = this.#time
      this.goOn(stream)
    }
  }

  #tellAge(sequence: number): void {
    this.#ageLookAt = this.#time + ageLookMs
    this.#events.written(this.#ring.entry(sequence).event)
  }

  /** Goes on with a stream whose next part of the log could not be read. */
  readonly #unreadable = (stream: Stream, error: unknown): void => {
    const gap = this.#events.unreadable(stream, error)
    stream.activeAt = this.#now()
    this.#afterWrite(stream, gap === undefined || this.write(stream, gap))
  }

  /** Whether a stream may be ended now; one that shuts down with the log first gets all of it. */
  #mayLeave(stream: Stream): boolean {
    return stream.farewell?.reason !== 'shutdown' || stream.cursor >= this.#ring.next
  }

  /** Hands a frame to a stream's connection and counts it; false when it is full. */
  write(stream: Stream, frame: Frame): boolean {
    this.#stats.transports[stream.transport.kind].bytes += frame.end - frame.start
    return stream.transport.write(frame)
  }

  /** Writes to a stream between its turns; one that rests is parked where that fills its connection. */
  tell(stream: Stream, frame: Frame): void {
    const open = this.write(stream, frame)
    if (open || (stream.state !== 'idle' && stream.state !== 'waiting')) return
    if (stream.state === 'idle') stream.cursor = this.#ring.next
    stream.activeAt = this.#now()
    this.park(stream)
  }

  /** Writes to a stream in its turn, and decides how it goes on. */
  send(stream: Stream, frame: Frame): void {
    stream.activeAt = this.#time
    this.#afterWrite(stream, this.write(stream, frame))
  }

  /** Decides how a stream goes on after a write. */
  #afterWrite(stream: Stream, open: boolean): void {
    // The write itself may have found the connection gone.
    if (stream.state === 'ended') return
    if (!open) this.park(stream)
    else this.goOn(stream)
  }

  /** Leaves a stream alone until its connection drains. */
  park(stream: Stream): void {
    stream.state = 'parked'
    stream.keepsUp = false
    this.#stats.stalls++
  }

  /** Queues a stream that has more to read, or to be told; one that has read everything rests. */
  goOn(stream: Stream): void {
    const { cursor, farewell, lostAfter, errand, expiring } = stream
    const isOwed =
      farewell !== undefined ||
      lostAfter !== undefined ||
      errand !== undefined ||
      expiring === 'due'
    if (cursor < this.#ring.next || isOwed) {
      this.enqueue(stream)
      return
    }
    if (!stream.begun) {
      stream.state = 'waiting'
      return
    }
    stream.state = 'idle'
    stream.keepsUp = true
  }
}
