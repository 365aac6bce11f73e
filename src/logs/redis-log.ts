import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { logUnavailable } from '../errors.js'
import { backOff } from '../back-off.js'
import type { Place } from '../hub/event-id.js'
import type { EventLog, Follower, Life, Receipt, Restart, SharedLog } from '../hub/event-log.js'
import type { AcceptedEvent, EventDraft } from '../hub/event.js'
import { newestPart } from '../hub/newest-part.js'
import { redisName, type RedisAddress } from '../redis/redis-address.js'
import { checkFormat, checkServer, whyNeverUsable } from './redis-fitness.js'
import { toldMs } from './log-limits.js'
import { RedisAppends } from './redis-appends.js'
import { readEntry, type LogEntry } from './redis-entries.js'
import { livesText, withEnds, type KeptLife } from './redis-lives.js'
import { Marks } from './redis-marks.js'
import { compare, type Comparison, type Known } from './redis-comparison.js'
import { readBlock, RedisRetained, type Gone, type LiveLog } from './redis-retained.js'
import { readChanges, RedisRevocations } from './redis-revocations.js'
import { RedisSession, type Heard } from './redis-session.js'
import { RedisTrimming } from './redis-trimming.js'
import type { RetentionLimits } from './retention.js'
import { ToldWaits } from './told-waits.js'

/** The shortest and the longest time between two tries to connect, in milliseconds. */
const retry = { first: 50, most: 2000 }
/** How long a client waits for a place that this node does not know yet, in milliseconds. */
const reachMs = 5000
/** How often it is looked what waits too long, and what is too old to be retained, in milliseconds. */
const choreMs = 1000

/** What a log in Redis is opened with. */
export interface RedisLogOptions extends RetentionLimits {
  /** How many events, and bytes of them, a node begins with. */
  readonly ringEvents: number
  readonly ringBytes: number
  /** Told why nothing can be appended, and undefined when that is over. */
  readonly onProblem?: (problem: string | undefined) => void
}

/**
 * A log in Redis, which any number of nodes share. A push is one step of a script; what all nodes
 * pushed, its own too, a node learns by following the log. It is done in sessions: whenever something
 * is not as it should be, both connections are made anew, and it is looked first whether the log is
 * still the one that was followed.
 */
export class RedisLog implements EventLog {
  readonly #address: RedisAddress
  readonly #options: RedisLogOptions
  readonly #node = randomBytes(6).toString('hex')
  readonly #appends = new RedisAppends(this.#node)
  readonly #marks = new Marks()
  readonly #waits = new ToldWaits()
  readonly #trimming: RedisTrimming
  readonly #chore: NodeJS.Timeout
  /** What was read before anybody followed: the ring begins with it. */
  #early: LogEntry[] | undefined = []
  /** What the follower is to be told as soon as there is one: that the log became another meanwhile. */
  #missed: Restart | undefined
  #lives: readonly KeptLife[] = []
  #head = 0
  #noteId = '0-0'
  #session: RedisSession | undefined
  #running: Promise<void> | undefined
  readonly #closing = new AbortController()
  #closed: Promise<void> | undefined
  #problem: string | undefined
  #whenConnected: (() => void)[] = []
  #listener: (events: readonly AcceptedEvent[]) => void = () => {}
  #follower: Follower | undefined

  readonly retained: RedisRetained
  readonly revocations: RedisRevocations
  readonly shared: SharedLog = { reach: (place) => this.#reach(place) }

  private constructor(address: RedisAddress, options: RedisLogOptions) {
    this.#address = address
    this.#options = options
    this.#trimming = new RedisTrimming(options)
    this.retained = new RedisRetained({
      connected: () => this.#connected(),
      live: () => this.#live(),
      epochOf: (sequence) => this.#epochOf(sequence),
      onRead: (entries) => this.#early?.push(...entries),
    })
    this.revocations = new RedisRevocations(() => this.#live())
    this.#chore = setInterval(() => {
      this.#waits.end(this.#head)
      if (this.#session !== undefined) void this.#trimming.run(this.#session.live)
    }, choreMs).unref()
  }

  /**
   * Opens the log in a Redis, which is waited for until it can be reached.
   *
   * @throws LogOpenError where it can be reached and not be used.
   */
  static async open(address: RedisAddress, options: RedisLogOptions): Promise<RedisLog> {
    const log = new RedisLog(address, options)
    try {
      const session = await log.#firstSession()
      log.#running = log.#run(session)
      return log
    } catch (error) {
      clearInterval(log.#chore)
      log.#appends.close()
      throw error
    }
  }

  get head(): number {
    return this.#head
  }

  get lives(): readonly Life[] {
    return withEnds(this.#lives, this.#head)
  }

  get problem(): string | undefined {
    return this.#problem
  }

  async append(batch: readonly EventDraft[]): Promise<readonly Receipt[]> {
    if (this.#closed !== undefined) throw logUnavailable('the log is closed')
    this.#live()
    if (batch.length === 0) return []
    const receipts = await this.#appends.append(batch)
    const newest = Math.max(...receipts.map(({ sequence }) => sequence))
    await this.#told(newest, toldMs)
    return receipts
  }

  follow(listener: (events: readonly AcceptedEvent[]) => void, follower?: Follower): void {
    this.#listener = listener
    this.#follower = follower
    if (this.#missed === undefined) this.#markEarly()
    else follower?.restart(this.#missed)
    this.#early = undefined
    this.#missed = undefined
    this.#session?.follow()
  }

  /** Notes what the ring begins with, as far as it is not to be told yet. */
  #markEarly(): void {
    const early = this.#early?.filter(({ event }) => event.sequence <= this.#head) ?? []
    if (early.length === 0) return
    this.#marks.clear(0)
    this.#marks.add(early.sort(bySequence))
  }

  close(): Promise<void> {
    return (this.#closed ??= this.#close())
  }

  async #close(): Promise<void> {
    clearInterval(this.#chore)
    await this.#appends.none()
    this.#appends.close()
    // Ends the connections, also those that are only being made.
    this.#closing.abort()
    this.#waits.end(this.#head, Infinity)
    for (const resolve of this.#whenConnected.splice(0)) resolve()
    await this.#running
  }

  /** Connects for the first time: only what will not mend by itself is an end of it. */
  async #firstSession(): Promise<RedisSession> {
    for (let attempt = 0; ; attempt++) {
      try {
        return await this.#newSession()
      } catch (error) {
        const never = whyNeverUsable(this.#address, error)
        if (never !== undefined) throw never
        this.#tell(this.#describe(error))
        await pause(backOff(Math.random(), attempt, retry.first, retry.most))
      }
    }
  }

  async #run(first: RedisSession): Promise<void> {
    let [attempt, began] = [0, Infinity]
    for (let session: RedisSession | undefined = first; !this.#closing.signal.aborted;) {
      try {
        session ??= await this.#newSession()
        this.#closing.signal.throwIfAborted()
        began = performance.now()
        this.#begin(session)
        throw await session.over
      } catch (error) {
        // One that ended as soon as it had begun would do so again.
        if (performance.now() - began > retry.most) attempt = 0
        session?.end(error as Error)
        session = undefined
        this.#session = undefined
        this.#lose(this.#describe(error))
      }
      const wait = backOff(Math.random(), attempt++, retry.first, retry.most)
      await pause(wait, undefined, { signal: this.#closing.signal }).catch(() => undefined)
    }
  }

  #lose(problem: string): void {
    // That it was closed is no problem.
    if (!this.#closing.signal.aborted) this.#tell(problem)
    this.#appends.stop(problem)
    this.#waits.end(this.#head, Infinity)
  }

  /** A session whose log is the one that was followed, or from now on is. */
  async #newSession(): Promise<RedisSession> {
    const session = await RedisSession.open(this.#address, this.#node, this.#closing.signal)
    try {
      await checkServer(session.connection)
      await checkFormat(session.connection, this.#address.prefix)
      const found = await compare(session.live, this)
      await this.#appends.settle(session.connection, this.#address.prefix)
      await this.revocations.load(session.live)
      await this.#takeIn(session, found)
      return session
    } catch (error) {
      session.end(error as Error)
      throw error
    }
  }

  /** What this node knows of the log, for a comparison with what it has. */
  get known(): Known['known'] {
    const isFollowed = this.#early === undefined
    return { lives: this.#lives, head: this.#head, marks: this.#marks, isFollowed }
  }

  async #takeIn(session: RedisSession, found: Comparison): Promise<void> {
    const { lives, head, first, noteId, common } = found
    if (this.#lives.length === 0) {
      this.#lives = lives
      this.#head = head
      this.#noteId = noteId
      this.#marks.begin(head, found.mark)
      this.retained.begin(first)
      return
    }
    if (common === this.#head && first <= this.#head + 1) {
      this.#lives = lives
      return
    }
    const { newest, read } = await this.#readNewest(session, head, first)
    const former = this.lives
    this.#lives = lives
    this.#head = newest.at(-1)?.sequence ?? head
    this.#noteId = noteId
    this.#marks.clear(this.#head)
    this.#marks.add(read)
    if (common === former.at(-1)!.last) this.retained.noteJump(first)
    else this.retained.begin(first)
    this.#restarted({ newest, common, former })
  }

  #restarted(restart: Restart): void {
    if (this.#early === undefined) this.#follower?.restart(restart)
    else this.#missed = joined(this.#missed, restart)
  }

  /** The newest events of a log that is not taken in yet, and the entries that they came from. */
  async #readNewest(
    session: RedisSession,
    head: number,
    first: number,
  ): Promise<{ newest: readonly AcceptedEvent[]; read: LogEntry[] }> {
    const read: LogEntry[] = []
    const retained = {
      first,
      read: async (from: number) => {
        const entries = await readBlock(session.live, from)
        read.push(...entries)
        return entries.map(({ event }) => event)
      },
    }
    const { ringEvents, ringBytes } = this.#options
    const newest = await newestPart({ head, retained }, ringEvents, ringBytes)
    return { newest, read: read.sort(bySequence) }
  }

  #begin(session: RedisSession): void {
    this.#session = session
    const { prefix } = this.#address
    session.begin({
      from: () => ({ sequence: this.#head, noteId: this.#noteId }),
      take: (heard) => this.#take(session, heard),
      tick: (answer) => this.#ticked(session, answer),
      onProblem: (problem) => this.#tell(problem),
      look: () => this.#look(session),
    })
    if (this.#early === undefined) session.follow()
    this.#appends.begin({
      connection: session.connection,
      prefix,
      epoch: () => this.#lives.at(-1)!.epoch,
      look: () => session.live.look(),
      onAnswer: (refusal) => this.#tell(refusal),
    })
    this.#tell(undefined)
    for (const resolve of this.#whenConnected.splice(0)) resolve()
  }

  /** Looks whether the log is still the one that is followed; what it says of its lives is taken in. */
  async #look(session: RedisSession): Promise<void> {
    // Meanwhile the head may move on.
    const head = this.#head
    const found = await compare(session.live, this)
    if (found.common < head) throw new Error('it has lost events, or has another log now')
    this.#lives = found.lives
    this.retained.noteFirst(found.first)
  }

  async #ticked(session: RedisSession, [lives, first]: readonly [string, string]): Promise<void> {
    if (lives !== livesText(this.#lives)) await session.live.look()
    this.retained.noteFirst(Number(first))
  }

  async #take(session: RedisSession, { notes, entries }: Heard): Promise<void> {
    for (const [id, note] of notes) {
      this.#note(note)
      this.#noteId = id
    }
    if (entries.length === 0) return
    const heard = entries.map(readEntry)
    for (const [index, { event }] of heard.entries()) {
      if (event.sequence !== this.#head + 1 + index) throw new Error('it has lost events')
      if (!this.#lives.some(({ epoch }) => epoch === event.epoch)) await session.live.look()
    }
    await this.#tellAll(session, heard)
  }

  #note([kind, text = '']: readonly string[]): void {
    try {
      if (kind === 'gone') this.retained.noteGone(JSON.parse(text) as Gone[])
      else if (kind === 'revoked') this.revocations.noted(readChanges(JSON.parse(text) as string[]))
    } catch {
      // Written by none of ours: a deletion that goes untold counts as one that concerned anyone.
    }
  }

  /** Tells the follower, as much at a time as it has room for. */
  async #tellAll(session: RedisSession, heard: LogEntry[]): Promise<void> {
    for (let rest = heard; rest.length > 0;) {
      const events = rest.map(({ event }) => event)
      const count = this.#follower?.fits(events) ?? events.length
      if (count === 0) {
        await session.turn()
        continue
      }
      this.#marks.add(rest.slice(0, count))
      this.#head += count
      this.#listener(events.slice(0, count))
      rest = rest.slice(count)
      this.#waits.end(this.#head)
    }
  }

  /** Waits until the follower was told a sequence, no longer than `ms` or the session lasts. */
  #told(sequence: number, ms: number): Promise<void> {
    const isToBe = sequence > this.#head && this.#session !== undefined
    return isToBe ? this.#waits.for(sequence, ms) : Promise.resolve()
  }

  #reach({ epoch, sequence }: Place): Promise<void> | undefined {
    const index = this.#lives.findIndex((life) => life.epoch === epoch)
    const ends = this.#lives[index + 1]?.first ?? Infinity
    const isKnown = index !== -1 && (sequence <= this.#head || ends <= sequence)
    return isKnown ? undefined : this.#reachAhead(sequence)
  }

  async #reachAhead(sequence: number): Promise<void> {
    const late = pause(reachMs, undefined, { ref: false }).then(() => {
      throw logUnavailable(this.#problem ?? 'the log does not answer')
    })
    const asked = this.#connected().then(async (live) => {
      const head = await live.connection.send(['HGET', `${live.prefix}meta`, 'head'])
      await live.look()
      if (sequence > Number(head)) return
      await this.#told(sequence, reachMs)
      if (sequence > this.#head) throw new Error(this.#problem ?? 'this node is behind')
    })
    await Promise.race([asked, late]).catch((error: unknown) => {
      throw logUnavailable((error as Error).message)
    })
  }

  #epochOf(sequence: number): string | undefined {
    return this.#lives.findLast(({ first }) => first <= sequence)?.epoch
  }

  #live(): LiveLog {
    if (this.#session === undefined)
      throw logUnavailable(this.#problem ?? 'the log is not connected')
    return this.#session.live
  }

  async #connected(): Promise<LiveLog> {
    while (this.#session === undefined) {
      if (this.#closing.signal.aborted) throw logUnavailable('the log is closed')
      await new Promise<void>((resolve) => this.#whenConnected.push(resolve))
    }
    return this.#session.live
  }

  #tell(problem: string | undefined): void {
    if (problem === this.#problem) return
    const isNew = (problem === undefined) !== (this.#problem === undefined)
    this.#problem = problem
    if (isNew) this.#options.onProblem?.(problem)
  }

  #describe(error: unknown): string {
    const { message, code } = error as NodeJS.ErrnoException
    return `Redis (${redisName(this.#address)}) cannot be used: ${message || (code ?? String(error))}`
  }
}

/** Two restarts, the one after the other, as one. */
function joined(before: Restart | undefined, after: Restart): Restart {
  if (before === undefined) return after
  const common = Math.min(before.common, after.common)
  return { newest: after.newest, common, former: before.former }
}

function bySequence(a: LogEntry, b: LogEntry): number {
  return a.event.sequence - b.event.sequence
}
