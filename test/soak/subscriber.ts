import type { History, Told } from './checker.js'
import {
  connectEventStream,
  connectWebSocket,
  type Connection,
  type Message,
} from './connection.js'
import { matcher, sequenceOf, type Ledger, type Wants } from './ledger.js'
import type { Random } from './random.js'

/** After how long without a byte a client takes its connection for dead, in milliseconds. */
const silenceMs = 5_000
/** Who takes longer, in milliseconds, has it told. */
const slowMs = 10_000
/** How long it waits before it comes back, in milliseconds. */
const returnMs = [50, 800] as const

/** What a subscriber is made from. */
export interface SubscriberOptions {
  readonly name: string
  readonly wants: Wants
  /** With `last`, or from `earliest` or an id, at its first connection. */
  readonly first?: { readonly last?: number; readonly lastEventId?: string }
  readonly ledger: Ledger
  readonly random: Random
  /** Where it may connect to just now: URLs. */
  readonly urls: () => readonly string[]
  /** Told of a catch-up that took long. */
  readonly say: (line: string) => void
}

/**
 * One subscriber over all its connections: it stays connected while it is on, at any node, by either
 * transport, with its last id; and notes all that it is told.
 */
export class Subscriber implements History {
  readonly name: string
  readonly wants: Wants
  readonly told: Told[] = []
  /** Connections that were opened, and how many of them with a last id. */
  opened = 0
  resumed = 0
  /** What no subscriber should be answered. */
  readonly refusals: string[] = []
  /** Connections that it gave up since nothing came over them. */
  silences = 0
  /**
   * The longest time from its return until it had all that was known when it came, in milliseconds;
   * without that in which no node answered it, or it did not read itself.
   */
  longestCatchUpMs = 0
  /** The longest time that it tried to connect, until it was answered, in milliseconds. */
  longestAwayMs = 0
  readonly #options: SubscriberOptions
  readonly #isOwed: ReturnType<typeof matcher>
  #connection: Connection | undefined
  #lastId: string | undefined
  #place = -1
  #isOn = false
  #isStalled = false
  #stalledAt = 0
  #aliveAt = 0
  #timer: NodeJS.Timeout | undefined
  /** Since when it has been trying to connect. */
  #awaySince: number | undefined
  /** Since when it has been catching up, and with what. */
  #behind: { since: number; readonly to: number } | undefined

  constructor(options: SubscriberOptions) {
    this.#options = options
    this.name = options.name
    this.wants = options.wants
    this.#isOwed = matcher(options.wants)
  }

  /** Whether it is connected, and was told so. */
  get isOpen(): boolean {
    return this.#connection !== undefined && this.told.at(-1)?.type !== 'connect'
  }

  /** Up to where it has all: a place. */
  get place(): number {
    return this.#place
  }

  /** Connects, and comes back from now on whenever the connection ends. */
  on(): void {
    if (this.#isOn) return
    this.#isOn = true
    this.#connect()
  }

  /** Goes away, without a word. */
  off(): void {
    this.#isOn = false
    this.#drop()
    clearTimeout(this.#timer)
    this.#behind = undefined
    this.#awaySince = undefined
  }

  /** Loses its connection, and comes back soon. */
  cut(): void {
    this.#drop()
    if (this.#isOn) this.#return()
  }

  /** Stops reading; a stalled one does not notice that nothing comes. */
  stall(): void {
    this.#isStalled = true
    this.#stalledAt = performance.now()
    this.#connection?.pause()
  }

  /** Reads on. */
  goOn(): void {
    this.#isStalled = false
    this.#aliveAt = performance.now()
    // What it did not read meanwhile was not for the service to hurry with.
    if (this.#behind !== undefined) this.#behind.since = this.#withoutStall(this.#behind.since)
    if (this.#awaySince !== undefined) this.#awaySince = this.#withoutStall(this.#awaySince)
    this.#connection?.resume()
  }

  /** Sends a FIN and reads on; what came of it is the service's to choose. */
  halfClose(): void {
    this.#connection?.halfClose()
  }

  #connect(): void {
    const { random, urls, ledger, first } = this.#options
    const to = random.of(urls())
    const isWebSocket = random.next() < 0.4
    const isFirst = this.#lastId === undefined
    const lastEventId = this.#lastId ?? first?.lastEventId
    const now = performance.now()
    if (!isFirst) this.resumed++
    this.#awaySince ??= now
    this.#behind ??= { since: now, to: isFirst ? 0 : ledger.lately(this.#isOwed) }
    this.#aliveAt = now
    this.told.push({ type: 'connect', lastEventId, to: `${isWebSocket ? 'ws' : 'sse'} ${to}` })
    const connect = isWebSocket ? connectWebSocket : connectEventStream
    const ask = { ...this.wants, lastEventId, ...(isFirst ? { last: first?.last } : {}) }
    const connection = connect(to, ask, {
      message: (message) => {
        this.#take(message)
      },
      alive: () => {
        this.#aliveAt = performance.now()
      },
      refused: (status) => {
        this.refusals.push(
          `${this.name} was answered ${status}, which ends an EventSource for good`,
        )
      },
      closed: () => {
        if (this.#connection === connection) this.cut()
      },
    })
    this.#connection = connection
    if (this.#isStalled) connection.pause()
    this.#watch()
  }

  /** Gives a silent connection up. */
  #watch(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(() => {
      const silent = performance.now() - this.#aliveAt >= silenceMs && !this.#isStalled
      if (!silent) {
        this.#watch()
        return
      }
      this.silences++
      this.cut()
    }, silenceMs / 5)
  }

  /** It was answered: what follows is the service's to send. */
  #answered(): void {
    const now = performance.now()
    if (this.#awaySince === undefined) return
    const awayMs = now - this.#awaySince
    if (awayMs > slowMs) this.#say(`had no connection for ${Math.round(awayMs)} ms`)
    this.longestAwayMs = Math.max(this.longestAwayMs, awayMs)
    this.#awaySince = undefined
    if (this.#behind !== undefined) this.#behind.since += awayMs
  }

  /** A time as much later as it has been stalled since. */
  #withoutStall(since: number): number {
    return since + this.#aliveAt - Math.max(since, this.#stalledAt)
  }

  #say(what: string): void {
    this.#options.say(`${this.name} ${what}`)
  }

  #drop(): void {
    const connection = this.#connection
    this.#connection = undefined
    connection?.destroy()
  }

  #return(): void {
    clearTimeout(this.#timer)
    this.#timer = setTimeout(
      () => {
        this.#connect()
      },
      this.#options.random.between(...returnMs),
    )
  }

  #take({ type, id, number, reason, after }: Message): void {
    if (type === 'event') this.told.push({ type, id: id ?? '', number: number ?? NaN })
    else if (type === 'open') {
      this.opened++
      this.#answered()
      this.told.push({ type, id, begun: this.#options.ledger.begun })
    } else if (type === 'cursor') this.told.push({ type, id })
    else if (type === 'gap') {
      this.told.push({ type, id, reason: reason ?? '', after: after ?? '' })
    }
    if (id === undefined) return
    this.#lastId = id
    this.#place = sequenceOf(id)
    if (this.#behind !== undefined && this.#place >= this.#behind.to) {
      const tookMs = performance.now() - this.#behind.since
      this.longestCatchUpMs = Math.max(this.longestCatchUpMs, tookMs)
      if (tookMs > slowMs) this.#say(`took ${Math.round(tookMs)} ms to catch up`)
      this.#behind = undefined
    }
  }
}
