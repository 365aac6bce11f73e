import { setImmediate as turnEnd } from 'node:timers/promises'
import { logUnavailable, type RingcastError } from '../errors.js'
import {
  type EventLog,
  type Follower,
  type Life,
  type Receipt,
  type SharedLog,
} from '../hub/event-log.js'
import type { Place } from '../hub/event-id.js'
import type { AcceptedEvent, EventDraft } from '../hub/event.js'
import { FileFollower } from './file-follower.js'
import { KeyMemory } from './key-memory.js'
import { toldMs } from './log-limits.js'
import { LogState, type Standing } from './log-state.js'
import type { Peers } from './peers.js'
import { RetainedSegments } from './retained-segments.js'
import { Retention, type RetentionLimits } from './retention.js'
import { cutSegments, type SegmentRows } from './segment-rows.js'
import { described, openSharedStore, openStore, type Store } from './store.js'
import { sequenceKey } from './store-keys.js'
import { StoredRevocations } from './stored-revocations.js'
import { whyNotWritten, written, type Plan } from './written.js'

/** The longest that a write waits for more pushes, in milliseconds. */
const gatherMs = 1
/** The most events that are written at once: a turn of the event loop stays short. */
const groupEvents = 2048
/** The most events of other processes that are read with the lock held; who is further behind reads first. */
const eventsBehind = 8192
/** How many segments are deleted at most with a write, beside as many as it adds. */
const deletedAtOnce = 8
/** How long between two looks at what has become too old, and two tries of a log that failed. */
const choreMs = 1000
/** How long what other processes wrote may go unseen. */
const lookMs = 250

/** What a file log is opened with. */
export interface FileLogOptions extends RetentionLimits {
  /** Told why nothing can be appended, and undefined when that is over. */
  readonly onProblem?: (problem: string | undefined) => void
  /** Told, once, of what cannot be read and therefore not be deleted either. */
  readonly onDamage?: (error: unknown) => void
  /** The others that have the log open; its directory is held for all of them, with `holdLog`. */
  readonly peers?: Peers
  /** The wall clock, in milliseconds since the Unix epoch; by default `Date.now`. */
  readonly now?: () => number
}

/** A push that waits for its turn to be written. */
interface Waiting {
  readonly batch: readonly EventDraft[]
  readonly resolve: (receipts: readonly Receipt[]) => void
  readonly reject: (error: unknown) => void
}

/** A push and what it is to be answered, once it is written. */
interface Answer {
  readonly waiting: Waiting
  readonly receipts: readonly Receipt[]
}

/** What is to be written of a group, and told and answered then. */
interface GroupPlan extends Plan {
  /** Of the other processes and of the group, in order. */
  readonly events: readonly AcceptedEvent[]
  readonly answers: readonly Answer[]
  /** How it leaves the log. */
  readonly standing: Standing
  /** Whether it deletes something, and lives with it perhaps. */
  readonly isDeleting: boolean
}

/**
 * A log in a directory, on LMDB. Pushes that come while a write is under way wait, and are written
 * together in the next, with one sync for all; nobody is told an event before that. It survives the
 * end of the process, and that of the machine as far as its disk keeps what it has synced.
 *
 * Several processes may have it open: each gives its events their places with the lock of the store
 * held, once it has read what the others appended; all of them tell the same events in one order.
 */
export class FileLog implements EventLog {
  readonly #store: Store
  readonly #now: () => number
  readonly #onProblem: (problem: string | undefined) => void
  readonly #peers: Peers | undefined
  readonly #state: LogState
  readonly #keys: KeyMemory
  readonly #retention: Retention
  readonly #timers: NodeJS.Timeout[] = []
  readonly #waiting: Waiting[] = []
  /** How many pushes are expected to be under way at once. */
  #expected = 0
  /** What is written, and neither told nor answered yet. */
  readonly #unanswered: GroupPlan[] = []
  readonly #follower: FileFollower
  #writing: Promise<void> | undefined
  #closing: Promise<void> | undefined
  #problem: string | undefined

  readonly shared: SharedLog | undefined
  readonly retained: RetainedSegments
  readonly revocations: StoredRevocations

  private constructor(store: Store, state: LogState, options: FileLogOptions) {
    this.#store = store
    this.#state = state
    this.#now = options.now ?? Date.now
    this.#onProblem = options.onProblem ?? (() => {})
    this.#peers = options.peers
    this.retained = new RetainedSegments(store, state)
    const onDamage = options.onDamage ?? (() => {})
    this.#retention = new Retention(store, this.retained, options, this.#now, onDamage)
    this.revocations = new StoredRevocations(store, () => this.#peers?.tell())
    this.#keys = new KeyMemory(this.#now)
    this.#follower = new FileFollower(store, state, this.retained, this.#keys)
    this.#rememberKeys()
    this.#every(choreMs, () => {
      // Readers that were killed would keep what is deleted from being used again.
      if (store.isShared) store.root.readerCheck()
      if (this.#problem !== undefined || this.#isRetentionDue) this.#write()
    })
    if (this.#peers === undefined) return
    this.shared = { reach: (place) => this.#reach(place) }
    this.#every(lookMs, () => this.#look())
    this.#peers.onTold(() => this.#look())
  }

  /**
   * Opens the log in a directory, which is made if it is missing.
   *
   * @throws LogOpenError where it cannot be used, or cannot be trusted.
   */
  static async open(directory: string, options: FileLogOptions): Promise<FileLog> {
    const isShared = options.peers !== undefined
    const store = await (isShared ? openSharedStore(directory) : openStore(directory))
    try {
      const state = new LogState(store, options.now ?? Date.now)
      await state.begin()
      return new FileLog(store, state, options)
    } catch (error) {
      await store.close()
      throw described(error, directory)
    }
  }

  get head(): number {
    return this.#follower.head
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

  follow(listener: (events: readonly AcceptedEvent[]) => void, follower?: Follower): void {
    if (this.#peers === undefined) this.#follower.follow(listener)
    else {
      this.#follower.follow(listener, follower)
      this.#look()
    }
  }

  close(): Promise<void> {
    for (const timer of this.#timers) clearInterval(timer)
    return (this.#closing ??= this.#close())
  }

  async #close(): Promise<void> {
    this.#follower.hurry()
    await this.#writing
    await this.#follower.stop()
    await this.#store.close()
  }

  #every(ms: number, run: () => void): void {
    this.#timers.push(setInterval(run, ms).unref())
  }

  /** The keys of the last minutes are those of the newest events: they are not kept apart. */
  #rememberKeys(): void {
    const { since, keys } = this.#keys.reach
    const { first: oldest } = this.retained
    const segments: (readonly AcceptedEvent[])[] = []
    let count = 0
    for (let at = this.head; at >= oldest && count < keys;) {
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
    return this.#retention.isDue(this.#state.read())
  }

  #refusal(): RingcastError | undefined {
    if (this.#closing !== undefined) return logUnavailable('the log is closed')
    return this.#problem === undefined ? undefined : logUnavailable(this.#problem)
  }

  #write(): void {
    this.#writing ??= this.#writeAll()
  }

  async #writeAll(): Promise<void> {
    // What comes in this turn of the event loop is written together.
    await Promise.resolve()
    do {
      const group = this.#nextGroup()
      const writing = this.#writeGroup(group)
      // First the next write is on its way: to tell and answer takes about as long as a sync.
      if (this.#unanswered.length > 0) setImmediate(this.#finish)
      await writing
      await this.#gather(group.length)
    } while (this.#waiting.length > 0 || (this.#problem === undefined && this.#isRetentionDue))
    this.#finish()
    // In the same breath: a push that comes next has to begin anew.
    this.#writing = undefined
  }

  /**
   * Waits, though not for long, for as many pushes as were under way at once of late: most publishers
   * push again once they are answered. A write and its sync cost as much CPU as a dozen pushes, so that
   * twice as many in each is half as much again a second; who pushes alone waits for nobody.
   *
   * @param answered how many pushes the last write had.
   */
  async #gather(answered: number): Promise<void> {
    this.#expected = Math.max(answered + this.#waiting.length, this.#expected >> 1)
    if (this.#expected < 2 || this.#waiting.length >= this.#expected) return
    this.#finish()
    const end = performance.now() + gatherMs
    while (this.#waiting.length < this.#expected && performance.now() < end) await turnEnd()
  }

  #nextGroup(): readonly Waiting[] {
    const group: Waiting[] = []
    for (let events = 0; this.#waiting.length > 0 && events < groupEvents;) {
      const next = this.#waiting.shift()!
      events += next.batch.length
      group.push(next)
    }
    return group
  }

  async #writeGroup(group: readonly Waiting[]): Promise<void> {
    const own: AcceptedEvent[] = []
    let plan: GroupPlan | undefined
    try {
      while ((plan = await this.#planned(group, own)) === undefined) await this.#follower.readOn()
    } catch (error) {
      this.#keys.forget(own)
      this.retained.places.settled()
      this.#fail(error, own, group)
      return
    }
    this.#recovered()
    if (this.#peers === undefined) {
      this.#unanswered.push(plan)
      return
    }
    if (own.length > 0) this.#peers.tell()
    // What is safe is answered, whether there is room for it here or not.
    const telling = this.#follower.tell(plan.events)
    await atMost(toldMs, telling)
    answer(plan)
    await telling
  }

  /** Tells and answers what was written. */
  readonly #finish = (): void => {
    for (const plan of this.#unanswered.splice(0)) {
      void this.#follower.tell(plan.events)
      answer(plan)
    }
  }

  /** Writes a group, whose events become `own`; undefined, and nothing is, if it is too far behind. */
  async #planned(group: readonly Waiting[], own: AcceptedEvent[]): Promise<GroupPlan | undefined> {
    const plan = await written(this.#store, () => {
      const standing = this.#state.read()
      const others = this.#behind(standing)
      return others === undefined ? { put: undefined } : this.#plan(group, own, standing, others)
    })
    if (!('answers' in plan)) return undefined
    if (plan.put !== undefined) this.#state.wrote(plan.standing)
    this.retained.places.settled()
    if (plan.isDeleting) this.#state.refresh()
    return plan
  }

  /** What other processes appended since; undefined if that is more than can be read now. */
  #behind({ head, first }: Standing): readonly AcceptedEvent[] | undefined {
    if (this.#peers === undefined) return []
    if (head - this.head > eventsBehind || first > this.head + 1) return undefined
    const events: AcceptedEvent[] = []
    for (let at = this.head; at < head; at = events.at(-1)!.sequence) {
      for (const event of this.#follower.after(at)) events.push(event)
    }
    return events
  }

  #plan(
    group: readonly Waiting[],
    own: AcceptedEvent[],
    standing: Standing,
    others: readonly AcceptedEvent[],
  ): GroupPlan {
    const time = new Date(this.#now()).toISOString()
    const answers = group.flatMap((waiting) =>
      this.#receiptsFor(waiting, own, standing.head + 1, time),
    )
    const head = standing.head + own.length
    const segments = cutSegments(own)
    const added = segments.reduce((sum, { size }) => sum + size, standing.bytes)
    const most = segments.length + deletedAtOnce
    const deletion = this.#retention.choose(standing, head, added, most)
    const { first, freed } = deletion
    const isDeleting = freed > 0
    const { newestOfAll: newestGone } = this.retained.places
    const after = { head, first, bytes: added - freed, newestGone }
    const put = (): void => {
      for (const segment of segments) this.#put(segment)
      this.#retention.put(deletion)
      if (isDeleting) this.#state.putLives(first)
      this.#state.put(after)
    }
    return {
      standing: after,
      isDeleting,
      events: others.length === 0 ? own : [...others, ...own],
      answers,
      put: own.length > 0 || this.#problem !== undefined || isDeleting ? put : undefined,
    }
  }

  /** Gives the events of a push their places behind those of the group; none if it is refused. */
  #receiptsFor(waiting: Waiting, events: AcceptedEvent[], first: number, time: string): Answer[] {
    try {
      const receipts = this.#keys.receipts(waiting.batch, (draft) => {
        const sequence = first + events.length
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

  /** Looks what the other processes have written. */
  #look(): void {
    if (this.#closing !== undefined) return
    this.#store.root.resetReadTxn()
    this.#state.refresh()
    this.revocations.look()
    if (!this.#follower.isFollowed) return
    this.#follower.readOn().catch((error: unknown) => {
      this.#fail(error, [], [])
    })
  }

  #reach({ epoch, sequence }: Place): Promise<void> | undefined {
    if (sequence <= this.head || epoch !== this.lives.at(-1)!.epoch) return undefined
    this.#store.root.resetReadTxn()
    return this.#state.read().head < sequence ? undefined : this.#told(sequence)
  }

  /** Resolves once a sequence was told that the store has; rejects if the ring has had no room for long. */
  async #told(sequence: number): Promise<void> {
    await atMost(toldMs, this.#follower.reach(sequence))
    if (this.head < sequence) throw logUnavailable('this process is behind the others')
  }

  #fail(error: unknown, own: readonly AcceptedEvent[], group: readonly Waiting[]): void {
    const isNew = this.#problem === undefined
    const last = own.at(-1)?.sequence
    // A write that failed and is there all the same was cut off at its very end. Whether it would
    // outlast the machine is not known, and LMDB does not go on either.
    this.#problem =
      last !== undefined && this.#state.isOwn(last)
        ? `the disk failed in the middle of a write (${String(error)}): check it, and restart`
        : whyNotWritten(this.#store, error)
    if (isNew) this.#onProblem(this.#problem)
    const refusal = logUnavailable(this.#problem)
    for (const { reject } of group) reject(refusal)
    for (const { reject } of this.#waiting.splice(0)) reject(refusal)
  }

  #recovered(): void {
    if (this.#problem === undefined) return
    this.#problem = undefined
    this.#onProblem(undefined)
  }
}

function answer({ answers }: GroupPlan): void {
  for (const { waiting, receipts } of answers) waiting.resolve(receipts)
}

/** Resolves with a promise, or after so many milliseconds; rejects if it does before that. */
function atMost(ms: number, promise: Promise<void>): Promise<void> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    promise.then(resolve, reject).finally(() => {
      clearTimeout(timer)
    })
  })
}
