import { randomBytes } from 'node:crypto'
import { setTimeout as pause } from 'node:timers/promises'
import { backOff } from '../back-off.js'
import { RedisConnection, type Command, type Reply } from '../redis/connection.js'
import type { RedisAddress } from '../redis/redis-address.js'
import { Script } from '../redis/script.js'
import { answerMs, type Answers, type PeerLink, type Responder } from './peer-link.js'

/** How long a process counts as living that does not say so again, in milliseconds. */
const leaseMs = 10_000
/** How often it says so. */
const renewMs = 3000
/** How long the first wait for Redis is at most, and the longest, in milliseconds. */
const firstPauseMs = 100
const longestPauseMs = 3000
/** The longest part of an answer, in UTF-16 units: others use the same Redis. */
const partLength = 256 * 1024
/** The longest answer; one that is longer counts as none. */
const maxAnswerLength = 16 * 1024 * 1024

/**
 * Renews a lease, in a Redis without memory too: nobody would be asked any more. Arguments: the key, what
 * the process is called, for how many milliseconds; the set of all, the process.
 */
const leaseScript = new Script(`#!lua flags=allow-oom
redis.call('SET', ARGV[1], ARGV[2], 'PX', ARGV[3])
redis.call('SADD', ARGV[4], ARGV[5])
return 1
`)

/** What goes through a process's channel: a question, or a part of an answer. */
type Message =
  | { readonly question: number; readonly from: string; readonly text: string }
  | {
      readonly answerTo: number
      readonly from: string
      readonly part: number
      readonly parts: number
      readonly text: string
    }

/** A question that is not yet answered by all. */
interface Open {
  /** Who is waited for, and the parts of their answers so far. */
  readonly waitedFor: Map<string, string[]>
  readonly answers: string[]
  readonly done: () => void
}

/** Another process, and what its lease says. */
interface Holder {
  readonly id: string
  readonly lease: string
}

/** How Redis is reached, while it is. */
interface Session {
  readonly commands: RedisConnection
  readonly channel: RedisConnection
}

/**
 * A line to the other processes that have the same log in Redis. Each has a channel of its own, and a
 * lease: a key that ends by itself some seconds after its process did. Whoever has none is not asked.
 * While Redis is away nobody is asked, and all others count as silent.
 */
export class RedisLink implements PeerLink {
  readonly #address: RedisAddress
  readonly #name: string
  readonly #id = randomBytes(6).toString('hex')
  readonly #open = new Map<number, Open>()
  readonly #closing = new AbortController()
  readonly #running: Promise<void>
  /** Tells that it has been connected for the first time. */
  #begin!: (leases: readonly string[]) => void
  #responder: Responder | undefined
  #session: Session | undefined
  #questions = 0
  /** How many others there were when it was last looked. */
  #others = 0

  /**
   * Resolves once it is connected for the first time, with what the leases of the others say; with none
   * if it is closed before that.
   */
  readonly begun = new Promise<readonly string[]>((resolve) => {
    this.#begin = resolve
  })

  /**
   * Connects, and again whenever the connection is lost, until it is closed.
   *
   * @param name what the lease says of its holder.
   */
  constructor(address: RedisAddress, name: string) {
    this.#address = address
    this.#name = name
    this.#running = this.#run()
  }

  async ask(message: string): Promise<Answers> {
    try {
      const others = await this.#living()
      this.#others = others.length
      if (others.length === 0) return { answers: [], silent: 0 }
      return await this.#gather(
        others.map(({ id }) => id),
        message,
      )
    } catch {
      return { answers: [], silent: Math.max(1, this.#others) }
    }
  }

  answer(responder: Responder): void {
    this.#responder = responder
  }

  async close(): Promise<void> {
    // So that nobody waits for it meanwhile.
    await this.send(['DEL', this.#leaseOf(this.#id)]).catch(() => {})
    await this.send(['SREM', this.#nodes, this.#id]).catch(() => {})
    this.#closing.abort()
    this.#begin([])
    this.#lose()
    await this.#running
  }

  /**
   * Sends a command over the connection that there is.
   *
   * @throws Error while there is none.
   */
  async send(command: Command): Promise<Reply> {
    return this.#commands.send(command)
  }

  get #commands(): RedisConnection {
    if (this.#session === undefined) throw new Error('Redis cannot be reached')
    return this.#session.commands
  }

  get #nodes(): string {
    return `${this.#address.prefix}nodes`
  }

  #leaseOf(id: string): string {
    return `${this.#address.prefix}node:${id}`
  }

  #channelOf(id: string): string {
    return `${this.#address.prefix}to:${id}`
  }

  async #run(): Promise<void> {
    const { signal } = this.#closing
    for (let tries = 0; !signal.aborted; tries++) {
      const connected = await this.#connect().catch(() => undefined)
      if (connected !== undefined) {
        tries = 0
        await connected.lost
      }
      await pause(backOff(Math.random(), tries, firstPauseMs, longestPauseMs), undefined, {
        signal,
        ref: false,
      }).catch(() => {})
    }
  }

  /** Connects; `lost` resolves when that is over. */
  async #connect(): Promise<{ readonly lost: Promise<void> }> {
    const { signal } = this.#closing
    const commands = await RedisConnection.open(this.#address, signal)
    let channel: RedisConnection | undefined
    let others: readonly Holder[]
    try {
      channel = await RedisConnection.open(this.#address, signal)
      await channel.subscribe(this.#channelOf(this.#id), (text) => {
        this.#receive(JSON.parse(text) as Message)
      })
      this.#session = { commands, channel }
      await this.#renew()
      others = await this.#living()
    } catch (error) {
      this.#session = undefined
      commands.destroy()
      channel?.destroy()
      throw error
    }
    this.#begin(others.map(({ lease }) => lease))
    const timer = setInterval(() => {
      this.#renew().catch(() => {
        // Told by the connection, which is lost.
      })
    }, renewMs).unref()
    const lost = Promise.race([commands.closed, channel.closed]).then(() => {
      clearInterval(timer)
      this.#lose()
    })
    return { lost }
  }

  #lose(): void {
    const session = this.#session
    this.#session = undefined
    session?.commands.destroy()
    session?.channel.destroy()
    // Nobody answers any more.
    for (const { done } of this.#open.values()) done()
  }

  async #renew(): Promise<void> {
    const lease = [this.#leaseOf(this.#id), this.#name, String(leaseMs)]
    await leaseScript.run(this.#commands, [...lease, this.#nodes, this.#id])
  }

  /** The others that have a lease; who has none any more is forgotten. */
  async #living(): Promise<readonly Holder[]> {
    const ids = ((await this.send(['SMEMBERS', this.#nodes])) as string[]).filter(
      (id) => id !== this.#id,
    )
    if (ids.length === 0) return []
    const leases = (await this.send(['MGET', ...ids.map((id) => this.#leaseOf(id))])) as Reply[]
    const gone = ids.filter((_, index) => leases[index] === null)
    if (gone.length > 0) await this.send(['SREM', this.#nodes, ...gone])
    return ids.flatMap((id, index) => {
      const lease = leases[index]
      return typeof lease === 'string' ? [{ id, lease }] : []
    })
  }

  async #gather(others: readonly string[], text: string): Promise<Answers> {
    const question = ++this.#questions
    const waitedFor = new Map(others.map((id): [string, string[]] => [id, []]))
    const answers: string[] = []
    let unheard = 0
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, answerMs)
      const done = (): void => {
        clearTimeout(timer)
        resolve()
      }
      this.#open.set(question, { waitedFor, answers, done })
      for (const id of others) {
        this.#publish(id, { question, from: this.#id, text }).then((isHeard) => {
          // It ended a moment ago: it has a lease still, and will not answer.
          if (!isHeard && waitedFor.delete(id)) unheard++
          if (waitedFor.size === 0) done()
        }, done)
      }
    })
    this.#open.delete(question)
    return { answers, silent: unheard + waitedFor.size }
  }

  /** Sends a message to a process; whether it listens. */
  async #publish(to: string, message: Message): Promise<boolean> {
    return (await this.send(['PUBLISH', this.#channelOf(to), JSON.stringify(message)])) !== 0
  }

  #receive(message: Message): void {
    if ('question' in message) void this.#answer(message)
    else this.#takePart(message)
  }

  async #answer({ question, from, text }: Extract<Message, { question: number }>): Promise<void> {
    if (this.#responder === undefined) return
    try {
      const answer = await this.#responder(text)
      if (answer.length > maxAnswerLength) return
      const parts = Math.max(1, Math.ceil(answer.length / partLength))
      for (let part = 0; part < parts; part++) {
        const slice = answer.slice(part * partLength, (part + 1) * partLength)
        const head = { answerTo: question, from: this.#id, part, parts }
        await this.#publish(from, { ...head, text: slice })
      }
    } catch {
      // Who asked counts this process as silent.
    }
  }

  #takePart({ answerTo, from, parts, text }: Extract<Message, { answerTo: number }>): void {
    const open = this.#open.get(answerTo)
    const received = open?.waitedFor.get(from)
    if (open === undefined || received === undefined) return
    // They come in order: one connection sends them.
    if (received.push(text) < parts) return
    open.waitedFor.delete(from)
    open.answers.push(received.join(''))
    if (open.waitedFor.size === 0) open.done()
  }
}
