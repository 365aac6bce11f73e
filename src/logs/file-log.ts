import { statfsSync } from 'node:fs'
import { dirname } from 'node:path'
import type { RingcastError } from '../errors.js'
import { blockEvents, type EventLog, type Life, type Receipt } from '../hub/event-log.js'
import type { AcceptedEvent, EventDraft } from '../hub/event.js'
import { KeyMemory } from './key-memory.js'
import { StoredRevocations } from './stored-revocations.js'
import { LogState } from './log-state.js'
import { RetainedSegments } from './retained-segments.js'
import { bytesOfRows, Retention, type RetentionLimits } from './retention.js'
import { encodeSegment, lastOfSegment } from './segment.js'
import { described, openStore, StoreDamaged, type Store } from './store.js'
import { indexRows, sequenceKey, sequenceOfKey } from './store-keys.js'
import { unavailable } from './unavailable.js'
import { WriteFailed, written } from './written.js'

/** The most events that are written at once: a turn of the event loop stays short. */
const groupEvents = 2048
/** A segment with more text than this ends early, in UTF-16 units. */
const segmentText = 256 * 1024
/** How many segments are deleted at most with a write, beside as many as it adds. */
const deletedAtOnce = 8
/** How long between two looks at what has become too old, and two tries of a log that failed. */
const choreMs = 1000

/** What a file log is opened with. */
export interface FileLogOptions extends RetentionLimits {
  /** Told why nothing can be appended, and undefined when that is over. */
  readonly onProblem?: (problem: string | undefined) => void
  /** The wall clock, in milliseconds since the Unix epoch; by default `Date.now`. */
  readonly now?: () => number
}

/** A push that waits for its turn to be written. */
interface Waiting {
  readonly batch: readonly EventDraft[]
  readonly resolve: (receipts: readonly Receipt[]) => void
  readonly reject: (error: unknown) => void
}

/**
 * A log in a directory, on LMDB. Pushes that come while a write is under way wait, and are written
 * together in the next, with one sync for all; nobody is told an event before that. It survives the
 * end of the process, and that of the machine as far as its disk keeps what it has synced.
 */
export class FileLog implements EventLog {
  readonly #store: Store
  readonly #now: () => number
  readonly #onProblem: (problem: string | undefined) => void
  readonly #state: LogState
  readonly #keys: KeyMemory
  readonly #retention: Retention
  readonly #chore: NodeJS.Timeout
  readonly #waiting: Waiting[] = []
  #listener: (events: readonly AcceptedEvent[]) => void = () => {}
  #writing: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #problem: string | undefined

  readonly shared = undefined
  readonly retained: RetainedSegments
  readonly revocations: StoredRevocations

  private constructor(store: Store, options: FileLogOptions) {
    this.#store = store
    this.#now = options.now ?? Date.now
    this.#onProblem = options.onProblem ?? (() => {})
    this.#state = new LogState(store, this.#now)
    const { head, newestGone, epochOf } = this.#state
    this.retained = new RetainedSegments(store, firstIn(store, head), newestGone, epochOf)
    this.#retention = new Retention(store, this.retained, options, this.#now)
    this.revocations = new StoredRevocations(store)
    this.#keys = new KeyMemory(this.#now)
    this.#rememberKeys()
    this.#chore = setInterval(() => {
      if (this.#problem !== undefined || this.#isRetentionDue) this.#write()
    }, choreMs).unref()
  }

  /**
   * Opens the log in a directory, which is made if it is missing.
   *
   * @throws LogOpenError where it cannot be used, or cannot be trusted.
   */
  static async open(directory: string, options: FileLogOptions): Promise<FileLog> {
    const store = await openStore(directory)
    try {
      const log = new FileLog(store, options)
      await log.#begin()
      return log
    } catch (error) {
      await store.close()
      throw described(error, directory)
    }
  }

  get head(): number {
    return this.#state.head
  }

  get lives(): readonly Life[] {
    return this.#state.lives(this.head)
  }

  get problem(): string | undefined {
    return this.#problem
  }

  append(batch: readonly EventDraft[]): Promise<readonly Receipt[]> {
    const refusal = this.#refusal()
    if (refusal !== undefined) return Promise.reject(refusal)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, resolve, reject })
      this.#write()
    })
  }

  follow(listener: (events: readonly AcceptedEvent[]) => void): void {
    this.#listener = listener
  }

  close(): Promise<void> {
    clearInterval(this.#chore)
    return (this.#closing ??= Promise.resolve(this.#writing).then(() => this.#store.close()))
  }

  /** The first write: what it says of the log is on disk before anything is accepted. */
  async #begin(): Promise<void> {
    await written(this.#store, () => {
      this.#state.keepLives(this.retained.first)
      this.#state.keepHead(this.head, this.#state.bytes, this.#state.newestGone)
    })
    if (!this.#store.begun) this.#store.begin()
  }

  /** The keys of the last minutes are those of the newest events: they are not kept apart. */
  #rememberKeys(): void {
    const { since, keys } = this.#keys.reach
    const segments: (readonly AcceptedEvent[])[] = []
    let count = 0
    for (let at = this.head; at >= this.retained.first && count < keys;) {
      const first = this.retained.segmentAt(at)
      if (first === undefined) break
      const { events } = this.retained.segment(first)
      if (Date.parse(events[0]!.time) < since) break
      segments.push(events)
      for (const { key } of events) if (key !== undefined) count++
      at = first - 1
    }
    for (const events of segments.reverse()) for (const event of events) this.#keys.remember(event)
  }

  get #isRetentionDue(): boolean {
    return this.#retention.isDue(this.head, this.head, this.#state.bytes)
  }

  #refusal(): RingcastError | undefined {
    if (this.#closing !== undefined) return unavailable('the log is closed')
    return this.#problem === undefined ? undefined : unavailable(this.#problem)
  }

  #write(): void {
    this.#writing ??= this.#writeAll()
  }

  async #writeAll(): Promise<void> {
    // What comes in this turn of the event loop is written together.
    await Promise.resolve()
    do {
      const group: Waiting[] = []
      for (let events = 0; this.#waiting.length > 0 && events < groupEvents;) {
        const next = this.#waiting.shift()!
        events += next.batch.length
        group.push(next)
      }
      await this.#writeGroup(group)
    } while (this.#waiting.length > 0 || (this.#problem === undefined && this.#isRetentionDue))
    // In the same breath: a push that comes next has to begin anew.
    this.#writing = undefined
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const events: AcceptedEvent[] = []
    const time = new Date(this.#now()).toISOString()
    const answers = group.flatMap((waiting) => this.#receiptsFor(waiting, events, time))
    const { first, horizon } = this.retained
    const { bytes } = this.#state
    const head = this.head + events.length
    const segments = cut(events).map(rowsOf)
    const added = segments.reduce((sum, { size }) => sum + size, bytes)
    const most = segments.length + deletedAtOnce
    const deletion = this.#retention.choose(this.head, head, added, most)
    try {
      if (events.length > 0 || this.#problem !== undefined || deletion.freed > 0) {
        // What goes wrong in here would leave a part of it to be written: nothing may.
        await written(this.#store, () => {
          for (const segment of segments) this.#put(segment)
          this.#retention.put(deletion)
          if (deletion.freed > 0) this.#state.keepLives(this.retained.first)
          this.#state.keepHead(head, added - deletion.freed, horizon.newestOfAll)
        })
      }
    } catch (error) {
      this.#keys.forget(events)
      this.#retention.failed(first)
      this.#fail(error, head, answers)
      return
    }
    horizon.changesKept()
    this.#recovered()
    this.#state.head = head
    this.#state.bytes = added - deletion.freed
    if (events.length > 0) this.#listener(events)
    for (const { waiting, receipts } of answers) waiting.resolve(receipts)
  }

  /** Gives the events of a push their places behind those of the group; none if it is refused. */
  #receiptsFor(waiting: Waiting, events: AcceptedEvent[], time: string): Answer[] {
    try {
      const receipts = this.#keys.receipts(waiting.batch, (draft) => {
        const sequence = this.head + events.length + 1
        const epoch = this.#state.epochOf(sequence)
        const { topics, users, event, data, json, key } = draft
        events.push({ topics, users, event, data, json, key, epoch, sequence, time })
        return { epoch, sequence }
      })
      return [{ waiting, receipts }]
    } catch (error) {
      waiting.reject(error)
      return []
    }
  }

  #put({ first, segment, rows }: SegmentRows): void {
    void this.#store.segments.put(sequenceKey(first), segment)
    for (const [key, value] of rows) void this.#store.index.put(key, value)
  }

  #fail(error: unknown, head: number, answers: readonly Answer[]): void {
    const isNew = this.#problem === undefined
    // A write that failed and is there all the same was cut off at its very end. Whether it would
    // outlast the machine is not known, and LMDB does not go on either.
    this.#problem =
      head > this.head && this.#state.keptHead() === head
        ? `the disk failed in the middle of a write (${String(error)}): check it, and restart`
        : this.#why(error)
    if (isNew) this.#onProblem(this.#problem)
    const refusal = unavailable(this.#problem)
    for (const { waiting } of answers) waiting.reject(refusal)
    for (const { reject } of this.#waiting.splice(0)) reject(refusal)
  }

  #recovered(): void {
    if (this.#problem === undefined) return
    this.#problem = undefined
    this.#onProblem(undefined)
  }

  #why(error: unknown): string {
    // Of a disk that takes only a part of a write LMDB says that it failed, not why.
    const { bavail, bsize } = statfsSync(dirname(this.#store.dataFile))
    const isFull =
      (error instanceof WriteFailed && error.code === 'ENOSPC') || bavail * bsize < segmentText * 4
    return isFull
      ? `the disk of the log is full (${dirname(this.#store.dataFile)})`
      : `the log cannot be written (${String(error)})`
  }
}

/** A push and what it is to be answered, once it is written. */
interface Answer {
  readonly waiting: Waiting
  readonly receipts: readonly Receipt[]
}

/** A segment as the store has it. */
interface SegmentRows {
  readonly first: number
  readonly segment: Buffer
  readonly rows: readonly [Buffer, Buffer][]
  /** What all of it takes, in bytes. */
  readonly size: number
}

function rowsOf(events: readonly AcceptedEvent[]): SegmentRows {
  const segment = encodeSegment(events)
  const rows = indexRows(events)
  return { first: events[0]!.sequence, segment, rows, size: bytesOfRows(segment, rows) }
}

/** Cuts events into segments: none crosses the border of a block, or has too much text. */
function cut(events: readonly AcceptedEvent[]): (readonly AcceptedEvent[])[] {
  const segments: AcceptedEvent[][] = []
  let text = Infinity
  for (const event of events) {
    text += event.data.length
    if (text > segmentText || event.sequence % blockEvents === 0) {
      segments.push([])
      text = event.data.length
    }
    segments.at(-1)!.push(event)
  }
  return segments
}

/** The oldest sequence that a store has; the next of the head if it has none. */
function firstIn({ segments }: Store, head: number): number {
  const [oldest] = segments.getRange({ limit: 1 })
  const [newest] = segments.getRange({ reverse: true, limit: 1 })
  if (oldest === undefined || newest === undefined) return head + 1
  if (lastOfSegment(newest.value) !== head) throw new StoreDamaged('its newest events are gone')
  return sequenceOfKey(oldest.key)
}
