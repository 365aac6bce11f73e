import { setImmediate as turnEnd } from 'node:timers/promises'
import { logUnavailable, type RingcastError } from '../errors.js'
import type { BlockCache } from './block-cache.js'
import { parseEventId, type Place } from './event-id.js'
import type { EventLog } from './event-log.js'
import type { AcceptedEvent } from './event.js'
import { isWanted, type Wants } from './filter.js'
import { findEvent, type FoundEvent } from './find-event.js'
import {
  findStart,
  idOfPlace,
  maxEchoedId,
  type Hole,
  type Start,
  type StartRequest,
} from './resume.js'
import type { Ring, RingEntry } from './ring.js'
import { mayHaveMissed, newestWanted, selectForward } from './selection.js'

/** The most blocks of the log that a page reads: as many events as a ring usually holds. */
const blocksPerPage = 256

/**
 * How much data a page may have beside its last event, in UTF-16 units: who asks may read it slowly, or
 * never.
 */
const pageSize = 1024 * 1024
/** How many entries of the ring are read one by one before it is looked at the time. */
const scanLimit = 64
/** For how long the ring is read before others have a turn, in milliseconds. */
const scanMs = 5

/** How long a page waits for a look-up, in milliseconds: as long as for a place to resume from. */
const lookUpMs = 5000

/** A page of history: the events, where to go on from, and the hole before them if there is one. */
export interface HistoryPage {
  readonly events: readonly AcceptedEvent[]
  /** The id to ask with for what comes after this page. */
  readonly last: string | undefined
  /** Whether there is more already. */
  readonly more: boolean
  readonly gap: Hole | undefined
}

/** What a stream that has passed it is sent after all: which events, and the hole before them. */
export interface Replayable {
  /** Ascending. */
  readonly sequences: readonly number[]
  readonly gap: Hole | undefined
}

/** The most events that a stream is sent again. */
export const maxReplayed = 1000
/** A stream that is no further behind gets all that it asked for, if it asks for that by number. */
const maxLag = 10_000

/** Reads what is retained, in the ring and in the log behind it. */
export class History {
  readonly #ring: Ring
  readonly #log: EventLog
  readonly #blocks: BlockCache | undefined
  /** How often the log was found to have lost events. */
  restarts = 0

  /** @param blocks the log behind the ring, if it keeps more. */
  constructor(ring: Ring, log: EventLog, blocks: BlockCache | undefined) {
    this.#ring = ring
    this.#log = log
    this.#blocks = blocks
  }

  /** Notes that the log is another one: what is being read of the former is void. */
  restart(): void {
    this.restarts++
  }

  /** As `findEvent`. */
  find(place: Place): Promise<FoundEvent> {
    return findEvent({ ring: this.#ring, log: this.#log, blocks: this.#blocks }, place)
  }

  /** Finds where a stream begins. */
  startOf(wants: Wants, request: StartRequest): Start {
    return findStart(this.#ring, this.#log.lives, wants, request, this.#log.retained)
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
   * Looks up where `last` begins: in the log, where that may lie before the ring, and over the ring for
   * patterns, of which there is no index. A request that needs no look-up is answered with undefined.
   *
   * @param wantsOf what is wanted; most streams begin without this being asked for.
   * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE`.
   */
  startOfLast(
    { lastEventId, last = 0 }: StartRequest,
    wantsOf: () => Wants,
  ): Promise<number> | undefined {
    const { retained } = this.#log
    const ring = this.#ring
    if (lastEventId !== undefined || last === 0) return undefined
    const { next } = ring
    const wants = wantsOf()
    if (wants.filter.patterns.length > 0) {
      if (next - ring.first <= scanLimit) return undefined
      return this.#newestInRing(wants, last, next).then((sequences) => sequences.at(-1) ?? next)
    }
    if (retained === undefined || retained.first >= ring.first) return undefined
    if (newestWanted(ring, wants, last).length === last) return undefined
    return retained
      .newest({ topics: wants.filter.exact, user: wants.user }, last)
      .then((sequences) => sequences.at(-1) ?? next)
  }

  /**
   * Reads a page, by the rules by which a stream resumes. It has a bounded size, and of what is behind the
   * ring it reads a bounded part: a page may have few events or none, and more after it.
   *
   * @param limit the most events on the page.
   * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE`.
   */
  async page(wants: Wants, request: StartRequest, limit: number): Promise<HistoryPage> {
    await this.reach(request)
    const startAt = await this.startOfLast(request, () => wants)
    const { cursor, gap } = this.startOf(wants, { ...request, startAt })
    const events: AcceptedEvent[] = []
    let [size, isFull] = [0, false]
    const take = ({ event }: RingEntry): boolean => {
      if (isFull) return false
      events.push(event)
      size += event.data.length
      isFull = events.length === limit || size > pageSize
      return true
    }
    const ring = this.#ring
    let next = await this.#selectBehindRing(wants, cursor, take)
    const { restarts } = this
    let end = performance.now() + scanMs
    while (!isFull && next >= ring.first && next < ring.next) {
      next = selectForward(ring, wants, next, scanLimit, take)
      if (performance.now() < end) continue
      await turnEnd()
      if (restarts !== this.restarts) throw anotherLog()
      end = performance.now() + scanMs
    }
    const more = next < ring.next
    // A full page goes on from its last event: what comes next is not known to be of its own.
    const last = more && isFull ? events.at(-1)!.sequence : next - 1
    return { events, last: idOfPlace(this.#log.lives, last), more, gap }
  }

  /**
   * Finds what is wanted before a place: the newest `last`, or what came after an id, of that the
   * newest 1,000. Of patterns there is no index: they are looked up in the ring.
   *
   * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE`.
   */
  async before(place: number, wants: Wants, request: StartRequest): Promise<Replayable> {
    const { lastEventId, last = 0 } = request
    if (lastEventId === undefined) {
      const { sequences } = await this.#newestBefore(place, wants, last, 0)
      return { sequences: sequences.toReversed(), gap: undefined }
    }
    const { cursor, gap } = this.startOf(wants, request)
    const found = await this.#newestBefore(place, wants, maxReplayed + 1, cursor)
    const isCut = found.sequences.length > maxReplayed || !found.isAll
    const hole: Hole = { reason: 'evicted', after: lastEventId.slice(0, maxEchoedId) }
    return {
      sequences: found.sequences.slice(0, maxReplayed).toReversed(),
      gap: gap ?? (isCut ? hole : undefined),
    }
  }

  async #newestBefore(
    place: number,
    wants: Wants,
    count: number,
    from: number,
  ): Promise<{ sequences: readonly number[]; isAll: boolean }> {
    const ring = this.#ring
    const { retained } = this.#log
    const newest = await this.#newestInRing(wants, count, place)
    const inRing = newest.filter((sequence) => sequence >= from)
    const isBehind = retained !== undefined && retained.first < ring.first && from < ring.first
    if (inRing.length === count || !isBehind) return { sequences: inRing, isAll: true }
    if (wants.filter.patterns.length > 0) {
      return { sequences: inRing, isAll: !mayHaveMissed(ring, wants, from - 1) }
    }
    // What the stream has not passed yet is newer than all of it.
    const asked = count + Math.min(Math.max(ring.next - place, 0), maxLag)
    const found = await retained.newest({ topics: wants.filter.exact, user: wants.user }, asked)
    const sequences = found
      .filter((sequence) => sequence < place && sequence >= from)
      .slice(0, count)
    const isAll = sequences.length === count || found.length < asked || found.at(-1)! < from
    return { sequences, isAll }
  }

  /** As `newestWanted`; others have their turns while patterns look back over the ring. */
  async #newestInRing(wants: Wants, count: number, before: number): Promise<number[]> {
    const ring = this.#ring
    if (wants.filter.patterns.length === 0) return newestWanted(ring, wants, count, before)
    const found: number[] = []
    const { restarts } = this
    let end = performance.now() + scanMs
    for (let sequence = before - 1; sequence >= ring.first && found.length < count; sequence--) {
      if (isWanted(wants, ring.entry(sequence).event)) found.push(sequence)
      if (sequence % scanLimit !== 0 || performance.now() < end) continue
      await turnEnd()
      if (restarts !== this.restarts) break
      end = performance.now() + scanMs
    }
    return found
  }

  /** Hands over what is wanted of the log before the ring, and answers where to go on from. */
  async #selectBehindRing(
    wants: Wants,
    cursor: number,
    take: (entry: RingEntry) => boolean,
  ): Promise<number> {
    const ring = this.#ring
    const restarts = this.restarts
    let next = cursor
    for (let blocks = 0; next < ring.first && blocks < blocksPerPage; blocks++) {
      if (this.#log.shared !== undefined && this.#log.problem !== undefined) {
        throw logUnavailable(this.#log.problem)
      }
      next = await inTime(this.#blocks!.seek(wants, next, ring.first))
      if (next >= ring.first) break
      const block = await inTime(this.#blocks!.load(next))
      if (restarts !== this.restarts) throw anotherLog()
      // Deleted meanwhile: what follows is for the next page, which begins with the gap.
      if (block.first > next) break
      next = selectForward(block, wants, next, Infinity, take)
      if (next < block.next) break
      await turnEnd()
    }
    return next
  }
}

function anotherLog(): RingcastError {
  return logUnavailable('the log has lost events: ask again')
}

/**
 * Waits for a look-up. A log that goes away meanwhile takes it up again when it is back: for that a
 * stream can wait; who asks for a page is told.
 *
 * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE` after 5 s.
 */
async function inTime<T>(lookUp: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_resolve, reject) => {
    timer = setTimeout(() => reject(logUnavailable('the log does not answer')), lookUpMs)
  })
  try {
    return await Promise.race([lookUp, late])
  } finally {
    clearTimeout(timer)
  }
}
