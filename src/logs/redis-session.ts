import { setImmediate as turnEnd } from 'node:timers/promises'
import { ErrorReply, RedisConnection, type Reply } from '../redis/connection.js'
import type { RedisAddress } from '../redis/redis-address.js'
import type { LiveLog } from './redis-retained.js'
import { tickScript } from './redis-scripts.js'

/** How often a canary is sent, in milliseconds, and after how many unseen the follower counts as cut off. */
const tickMs = 1000
const unseenMost = 4
/** The most entries that one read asks for, and how much text it is to be, about, in UTF-16 units. */
const readCount = 256
const readText = 8 * 1024 * 1024
/** How long a read waits in Redis for an entry, in milliseconds. */
const blockMs = 5000

/** What the follower heard: notes of other nodes, and events, as Redis has them. */
export interface Heard {
  readonly notes: readonly (readonly [id: string, fields: readonly string[]])[]
  readonly entries: readonly Reply[]
}

/** What a session asks of the log. */
export interface SessionEvents {
  /** Where to follow from. */
  from(): { sequence: number; noteId: string }
  take(heard: Heard): Promise<void>
  /** Told once a second the lives and the first sequence as Redis has them. */
  tick(answer: readonly [lives: string, first: string]): Promise<void>
  /** Told why Redis takes no writes for now, and undefined when it does. */
  onProblem(problem: string | undefined): void
  look(): Promise<void>
}

type StreamReply = readonly [name: string, entries: readonly (readonly [string, string[]])[]]

/**
 * Two connections to one Redis, for commands and to follow the log. If one of them is lost, or is not
 * as it should be, both are over.
 */
export class RedisSession {
  readonly connection: RedisConnection
  readonly #reader: RedisConnection
  readonly #prefix: string
  readonly #node: string
  readonly live: LiveLog
  /** Resolves, with why, when the session is over. */
  readonly over: Promise<Error>
  #events!: SessionEvents
  #timer: NodeJS.Timeout | undefined
  #looking: Promise<void> | undefined
  #ticking = false
  #ended = false
  #following = false
  /** Canaries sent since one came round. */
  #unseen = 0
  #canaryId = '0-0'
  #count = readCount

  private constructor(
    address: RedisAddress,
    node: string,
    connection: RedisConnection,
    reader: RedisConnection,
  ) {
    this.connection = connection
    this.#reader = reader
    this.#prefix = address.prefix
    this.#node = node
    this.live = { connection, prefix: address.prefix, look: () => this.#look() }
    this.over = Promise.race([connection.closed, reader.closed])
  }

  /** @throws as `RedisConnection.open`. */
  static async open(
    address: RedisAddress,
    node: string,
    signal: AbortSignal,
  ): Promise<RedisSession> {
    const opened = await Promise.allSettled([
      RedisConnection.open(address, signal),
      RedisConnection.open(address, signal),
    ])
    const [connection, reader] = opened.map((each) =>
      each.status === 'fulfilled' ? each.value : undefined,
    )
    if (connection !== undefined && reader !== undefined) {
      return new RedisSession(address, node, connection, reader)
    }
    connection?.destroy()
    reader?.destroy()
    throw opened.find((each) => each.status === 'rejected')!.reason
  }

  /** Begins to watch over the log. */
  begin(events: SessionEvents): void {
    this.#events = events
    this.#timer = setInterval(() => {
      void this.#tick()
    }, tickMs).unref()
  }

  /** Begins to follow the log. */
  follow(): void {
    if (this.#following) return
    this.#following = true
    this.#read().catch((error: unknown) => {
      this.end(error as Error)
    })
  }

  /** Ends the session at once. */
  end(reason: Error): void {
    if (this.#ended) return
    this.#ended = true
    clearInterval(this.#timer)
    this.connection.destroy(reason)
    this.#reader.destroy(reason)
  }

  /** Waits a turn of the event loop, while the follower has no room. It is not the reader's fault then. */
  async turn(): Promise<void> {
    this.#unseen = 0
    await turnEnd()
    this.#checkOpen()
  }

  /** One look at a time; who asks while one is under way gets the next. */
  async #look(): Promise<void> {
    await this.#looking
    this.#looking ??= this.#events
      .look()
      .catch((error: unknown) => {
        this.end(error as Error)
      })
      .finally(() => (this.#looking = undefined))
    await this.#looking
    this.#checkOpen()
  }

  #checkOpen(): void {
    if (this.#ended) throw new Error('the session is over')
  }

  async #tick(): Promise<void> {
    if (this.#ticking) return
    this.#ticking = true
    try {
      const answer = await tickScript.run(this.connection, [this.#prefix, this.#node])
      this.#events.onProblem(undefined)
      if (this.#following && ++this.#unseen > unseenMost) {
        this.end(new Error('it no longer tells this node what is pushed'))
      }
      if (answer === null) await this.#look()
      else await this.#events.tick(answer as unknown as readonly [string, string])
    } catch (error) {
      // A master that became a replica has the log of another one.
      const isReplica = error instanceof ErrorReply && error.message.startsWith('READONLY')
      if (error instanceof ErrorReply && !isReplica)
        this.#events.onProblem(`Redis refuses: ${error.message}`)
      else this.end(error as Error)
    } finally {
      this.#ticking = false
    }
  }

  async #read(): Promise<void> {
    const names = ['events', `canary:${this.#node}`, 'notes'].map((name) => this.#prefix + name)
    const [events, canary, notes] = names
    while (!this.#ended) {
      const { sequence, noteId } = this.#events.from()
      const ids = [`${sequence}-0`, this.#canaryId, noteId]
      const reply = (await this.#reader.send(
        ['XREAD', 'COUNT', `${this.#count}`, 'BLOCK', `${blockMs}`, 'STREAMS', ...names, ...ids],
        true,
      )) as readonly StreamReply[] | null
      const heard = new Map(reply ?? [])
      const canaries = heard.get(canary!)
      if (canaries !== undefined) {
        this.#unseen = 0
        this.#canaryId = canaries.at(-1)![0]
      }
      const entries = heard.get(events!) ?? []
      this.#count = countAfter(entries)
      await this.#events.take({ notes: heard.get(notes!) ?? [], entries })
    }
  }
}

/** How many entries the next read asks for: fewer where they are large, as the last ones were. */
function countAfter(entries: StreamReply[1]): number {
  const text = entries.reduce((sum, [, [, , , data = '']]) => sum + data.length, 0)
  const count = Math.floor((readText * entries.length) / Math.max(text, 1))
  return entries.length === 0 ? readCount : Math.min(Math.max(count, 1), readCount)
}
