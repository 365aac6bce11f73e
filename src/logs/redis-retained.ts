import { setTimeout as pause } from 'node:timers/promises'
import { logUnavailable } from '../errors.js'
import { blockEvents, type Names, type Retained } from '../hub/event-log.js'
import type { AcceptedEvent } from '../hub/event.js'
import { EvictionHorizon } from '../hub/eviction-horizon.js'
import type { RedisConnection, Reply } from '../redis/connection.js'
import { horizonEvents } from './log-limits.js'
import { namesOf, readEntry, type LogEntry } from './redis-entries.js'
import { newestScript, nextScript, readScript } from './redis-scripts.js'

/** How often a read is tried, and how long apart, in milliseconds. */
const tries = 100
const triesApartMs = 50

/** A connection to a log that was found to be the one that is known. */
export interface LiveLog {
  readonly connection: RedisConnection
  readonly prefix: string
  /** Looks whether it still is; rejects if not. */
  look(): Promise<void>
}

/** Where reads go. */
export interface ReadSource {
  /** The log, as soon as it can be reached. */
  connected(): Promise<LiveLog>
  /** The log now; throws `RINGCAST_LOG_UNAVAILABLE`. */
  live(): LiveLog
  /** The life that a sequence belongs to. */
  epochOf(sequence: number): string | undefined
  /** Told of all that was read. */
  onRead(entries: readonly LogEntry[]): void
}

/**
 * What Redis has of the log. While Redis is away reads wait, and with them the streams that are behind
 * the ring; `newest`, which somebody waits for who has asked, does not.
 */
export class RedisRetained implements Retained {
  readonly #source: ReadSource
  readonly horizon = new EvictionHorizon(horizonEvents)
  #first = 1
  /** The first sequence as Redis had it at the last look. */
  #seen = 1

  constructor(source: ReadSource) {
    this.#source = source
  }

  get first(): number {
    return this.#first
  }

  /** Begins with a log that was not followed so far: whom what it has deleted concerned is not known. */
  begin(first: number): void {
    this.#seen = first
    this.#first = first
    this.horizon.restart(first - 1)
  }

  /** Goes on with a log that was trimmed beyond what was known of it. */
  noteJump(first: number): void {
    this.#seen = first
    this.#first = first
    this.horizon.unknownUpTo(first - 1)
  }

  /** Notes what another node, or this one, has deleted. */
  noteGone(gone: readonly Gone[]): void {
    for (const [sequence, topics, users] of gone) {
      if (sequence < this.#first) continue
      // One in between was not told of: it may have concerned anyone.
      if (sequence > this.#first) this.horizon.unknownUpTo(sequence - 1)
      this.horizon.evicted(sequence, topics ?? [], users ?? [])
      this.#first = sequence + 1
    }
  }

  /**
   * Notes with which sequence Redis begins. If that is further on than was told, and still is at the
   * second look, the telling was missed.
   */
  noteFirst(first: number): void {
    const missed = Math.min(first, this.#seen)
    this.#seen = first
    if (missed <= this.#first) return
    this.horizon.unknownUpTo(missed - 1)
    this.#first = missed
  }

  async read(from: number): Promise<readonly AcceptedEvent[]> {
    const { entries } = await this.#tried(from, async (live) => {
      const least = Math.max(from, this.#first)
      const entries = await readBlock(live, least)
      return this.#isOurs(entries, least) ? { entries } : undefined
    })
    this.#source.onRead(entries)
    return entries.map(({ event }) => event)
  }

  async next({ topics, user }: Names, from: number): Promise<number | undefined> {
    const { next } = await this.#tried(from, async ({ connection, prefix }) => {
      const args = [prefix, String(Math.max(from, this.#first)), ...namesWanted(topics, user)]
      return { next: await nextScript.run(connection, args) }
    })
    return next === null ? undefined : Number(next)
  }

  async newest({ topics, user }: Names, count: number): Promise<readonly number[]> {
    const { connection, prefix } = this.#source.live()
    const args = [prefix, String(count), ...namesWanted(topics, user)]
    const lists = (await newestScript.run(connection, args).catch((error: unknown) => {
      throw logUnavailable(`Redis was lost (${(error as Error).message})`)
    })) as string[][]
    const sequences = new Set(lists.flat().map(Number))
    return [...sequences]
      .filter((sequence) => sequence >= this.#first)
      .sort((a, b) => b - a)
      .slice(0, count)
  }

  /** Reads once Redis is there, and again where it was lost meanwhile or had something else. */
  async #tried<T>(from: number, read: (live: LiveLog) => Promise<T | undefined>): Promise<T> {
    for (let attempt = 0; attempt < tries; attempt++) {
      const live = await this.#source.connected()
      const found = await read(live).catch(() => undefined)
      if (found !== undefined) return found
      // Trimmed just now, which will be told; or another log, which a look finds out.
      await live.look().catch(() => undefined)
      await pause(triesApartMs)
    }
    throw logUnavailable(`the events from number ${from} on cannot be read from Redis`)
  }

  #isOurs([oldest]: readonly LogEntry[], least: number): boolean {
    const { sequence, epoch } = oldest?.event ?? {}
    return sequence === least && epoch === this.#source.epochOf(least)
  }
}

/** An event that was deleted, as a note tells it. */
export type Gone = [
  sequence: number,
  topics: readonly string[] | null,
  users: readonly string[] | null,
]

/** Reads from a sequence on, to the end of its block or fewer if they are large. */
export async function readBlock(
  { connection, prefix }: Pick<LiveLog, 'connection' | 'prefix'>,
  from: number,
): Promise<LogEntry[]> {
  const end = (Math.floor(from / blockEvents) + 1) * blockEvents - 1
  const entries = (await readScript.run(connection, [prefix, String(from), String(end)])) as Reply[]
  return entries.map(readEntry)
}

function namesWanted(topics: Iterable<string>, user: string | undefined): string[] {
  return namesOf(topics, user === undefined ? [] : [user])
}
