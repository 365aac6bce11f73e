import type { Credential } from './options.js'
import type { Envelope, Expiring, Gap, Receiver, State } from './records.js'
import type { WakeUp } from './wake-ups.js'

/** What a connection is made with. */
export interface ConnectionParts {
  /** Its URL, without credential and place. */
  readonly url: URL
  readonly auth:
    (() => Credential | null | undefined | Promise<Credential | null | undefined>) | undefined
  readonly withCredentials: boolean
  readonly receiver: Receiver
}

/** How long to wait before coming back, in milliseconds: the range of the service's own `retry:`. */
const usual = { leastMs: 2_000, spreadMs: 2_000 }
const longestSpreadMs = 30_000
/** How long the service may take to answer whether it is still there, before the page is told. */
const answerMs = 1_000

/**
 * An EventSource, again and again: what is beyond its own coming back. A page sees neither the status
 * of a refusal nor heartbeats, which are comments. So where the browser has given up, the service is
 * asked by HEAD first, which tells a `204` (never come back) from what passes; and where nothing came
 * for two to three heartbeats, a new connection takes the place of the old one, from the last id.
 */
export class Connection {
  readonly #parts: ConnectionParts
  #lastId: string | undefined
  #source: EventSource | undefined
  /** Aborted when the attempt that it belongs to is over, connected or not. */
  #attempt = new AbortController()
  #state: State = 'connecting'
  #heartbeatMs = 15_000
  /** When something came last: by the clock that only goes forward, and by the wall's. */
  #heardAt = 0
  #heardOn = 0
  /** How much longer than others this one is patient, in heartbeats: else all would ask at once. */
  #patience = 0
  #watch: ReturnType<typeof setTimeout> | undefined
  #timer: ReturnType<typeof setTimeout> | undefined
  /** Whether a new connection was made since nothing came over the last one, and is not open yet. */
  #asking = false
  #refused = false
  #failures = 0
  /** Whether it waits for nothing but its own or the browser's patience. */
  #mayHurry = false
  /** When to come back, as the service's `bye` said. */
  #retryMs: number | undefined

  /** @param from the id to go on from. */
  constructor(parts: ConnectionParts, from: string | undefined) {
    this.#parts = parts
    this.#lastId = from
  }

  /** The last id that came, or what the connection goes on from. */
  get lastId(): string | undefined {
    return this.#lastId
  }

  /** After how long a silence the service sends a heartbeat, as it told last. */
  get heartbeatMs(): number {
    return this.#heartbeatMs
  }

  /** Connects at once; a connection that there is gives way. */
  open(): void {
    this.#abandon()
    this.#attempt = new AbortController()
    this.#retryMs = undefined
    this.#patience = Math.random()
    this.#heard()
    this.#listenForSilence()
    const { signal } = this.#attempt
    this.#connect(signal).catch(() => {
      if (!signal.aborted) this.#failed()
    })
  }

  /** Connects anew, from a place that it has passed. */
  goBack(id: string): void {
    this.#lastId = id
    this.open()
  }

  /**
   * Comes back at once, unless the service has said when. One that is live may be dead since the machine
   * slept or changed networks: it asks.
   */
  wakeUp(why: WakeUp): void {
    if (this.#mayHurry) this.open()
    else if (this.#state === 'live' && !this.#asking) {
      if (why === 'online') this.#silent()
      else this.#listenForSilence()
    }
  }

  /** Ends it for good, and tells nobody. */
  close(): void {
    this.#abandon()
    this.#state = 'closed'
  }

  #abandon(): void {
    this.#attempt.abort()
    this.#source?.close()
    this.#source = undefined
    this.#mayHurry = false
    clearTimeout(this.#watch)
    clearTimeout(this.#timer)
  }

  async #connect(signal: AbortSignal): Promise<void> {
    if (this.#refused && !(await this.#isWelcome(signal))) return
    const url = await this.#address()
    if (signal.aborted) return
    this.#source = new EventSource(url, { withCredentials: this.#parts.withCredentials })
    this.#listen(this.#source)
  }

  /** Asks the service what a refusal meant; where it is one still, comes back later. */
  async #isWelcome(signal: AbortSignal): Promise<boolean> {
    const answer = await fetch(await this.#address(), {
      method: 'HEAD',
      headers: { accept: 'text/event-stream' },
      credentials: this.#parts.withCredentials ? 'include' : 'same-origin',
      cache: 'no-store',
      signal,
    })
    if (signal.aborted) return false
    if (answer.status === 204) {
      this.#end()
      return false
    }
    // What does not know HEAD on the way may let a GET through all the same.
    if (answer.ok || answer.status === 405 || answer.status === 501) return true
    this.#failed(Number(answer.headers.get('retry-after')) * 1000 || 0)
    return false
  }

  async #address(): Promise<URL> {
    const url = new URL(this.#parts.url)
    // The answer of `POST /api/tickets` may come as it is, with more than the ticket.
    const { ticket, token } = (await this.#parts.auth?.()) ?? {}
    if (ticket !== undefined) url.searchParams.set('ticket', ticket)
    if (token !== undefined) url.searchParams.set('token', token)
    if (this.#lastId !== undefined) url.searchParams.set('lastEventId', this.#lastId)
    return url
  }

  #listen(source: EventSource): void {
    source.onopen = () => {
      this.#heard()
      this.#asking = false
      this.#refused = false
      this.#failures = 0
      this.#mayHurry = false
      this.#retryMs = undefined
      clearTimeout(this.#timer)
      this.#tell('live')
    }
    source.onmessage = ({ data, lastEventId }: MessageEvent<string>) => {
      this.#heard()
      const detail = JSON.parse(data) as Envelope
      this.#lastId = lastEventId || this.#lastId
      this.#parts.receiver.record({ kind: 'event', id: detail.id, detail })
    }
    source.addEventListener('ringcast', (message: MessageEvent<string>) => {
      this.#control(message)
    })
    source.onerror = () => {
      this.#heard()
      this.#refused = source.readyState === EventSource.CLOSED
      // The browser comes back by itself, as `retry:` said; but not with a ticket, which is used up.
      if (!this.#refused && this.#parts.auth === undefined) {
        this.#mayHurry = this.#retryMs === undefined
        this.#lost()
      } else this.#failed()
    }
  }

  #control({ data, lastEventId }: MessageEvent<string>): void {
    this.#heard()
    const id = lastEventId || undefined
    this.#lastId = id ?? this.#lastId
    const { type, ...detail } = JSON.parse(data) as Record<string, unknown>
    const { receiver } = this.#parts
    switch (type) {
      case 'open':
        if (typeof detail['heartbeatMs'] === 'number') this.#heartbeatMs = detail['heartbeatMs']
        this.#listenForSilence()
        receiver.record({ kind: 'place', id })
        break
      case 'cursor':
        receiver.record({ kind: 'place', id })
        break
      case 'gap':
        receiver.record({ kind: 'gap', id, detail: detail as unknown as Gap })
        break
      case 'expiring':
        receiver.record({ kind: 'expiring', id: undefined, detail: detail as unknown as Expiring })
        break
      case 'bye':
        if (detail['reconnect'] === false) this.#end()
        else if (typeof detail['retryMs'] === 'number') this.#retryMs = detail['retryMs']
    }
  }

  #heard(): void {
    this.#heardAt = performance.now()
    this.#heardOn = Date.now()
  }

  /** Looks now and then instead of setting a timer for each event. */
  #listenForSilence(): void {
    clearTimeout(this.#watch)
    const patienceMs = (2 + this.#patience) * this.#heartbeatMs
    // While a machine sleeps, the first may stand still; the other may be set back.
    const silentMs = Math.max(performance.now() - this.#heardAt, Date.now() - this.#heardOn)
    const leftMs = patienceMs - silentMs
    if (leftMs > 0) this.#watch = setTimeout(() => this.#listenForSilence(), leftMs)
    else this.#silent()
  }

  #silent(): void {
    if (this.#state !== 'live' || this.#asking) {
      if (this.#asking) this.#tell('stale')
      this.#failed()
      return
    }
    // A quiet stream is as silent as a dead connection. A new one tells them apart, and the page does
    // not notice: it is told only where the answer takes long.
    this.#asking = true
    this.open()
    this.#timer = setTimeout(() => this.#tell('stale'), answerMs)
  }

  /** Without a connection; one that may have been dead for longer stays `stale` till it is open. */
  #lost(): void {
    this.#asking = false
    if (this.#state !== 'stale') this.#tell('connecting')
  }

  #failed(leastMs = 0): void {
    const waitMs = this.#retryMs ?? this.#backOff(leastMs)
    const mayHurry = this.#retryMs === undefined && leastMs === 0
    this.#failures += 1
    this.#abandon()
    this.#mayHurry = mayHurry
    this.#lost()
    this.#timer = setTimeout(() => this.open(), waitMs)
  }

  #backOff(leastMs: number): number {
    const spreadMs = Math.min(longestSpreadMs, usual.spreadMs * 2 ** this.#failures)
    return Math.max(usual.leastMs, leastMs) + Math.random() * spreadMs
  }

  #end(): void {
    this.#abandon()
    this.#tell('closed')
  }

  #tell(state: State): void {
    if (this.#state === state) return
    this.#state = state
    this.#parts.receiver.state(state)
  }
}
