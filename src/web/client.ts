import { Cursor } from './cursor.js'
import { Iteration } from './iteration.js'
import { streamUrl, type ConnectOptions } from './options.js'
import { ownSource, type Source } from './own-source.js'
import type { Envelope, Expiring, Gap, Receiver, State, StreamRecord } from './records.js'
import { sessionPlace } from './session-place.js'
import { canShare, SharedSource } from './shared-source.js'
import { onWakeUp } from './wake-ups.js'

export type { ConnectOptions, Credential } from './options.js'
export type { Envelope, Expiring, Gap, State } from './records.js'

/** What the events of a stream have as their `detail`. */
export interface StreamEvents {
  /** An event of the service. */
  readonly event: Envelope
  /** A hole, told in its place: events before the next one may be missing. */
  readonly gap: Gap
  /** The credential expires: time to renew the session's cookie. With `auth` nothing is to be done. */
  readonly expiring: Expiring
  /** The new state. */
  readonly state: State
}

/**
 * A stream of events over all its connections: each once, in order, none missing, unless a `gap` says
 * so. `for await` gives the events from then on, until the stream is closed; leaving the loop does not
 * close it. A loop that 10,000 events wait for is ended with an error.
 */
export interface RingcastStream extends EventTarget, AsyncIterable<Envelope> {
  readonly state: State
  /** Ends it for good. */
  close(): void
  addEventListener<Type extends keyof StreamEvents>(
    type: Type,
    listener: (event: CustomEvent<StreamEvents[Type]>) => void,
    options?: boolean | AddEventListenerOptions,
  ): void
  addEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | AddEventListenerOptions,
  ): void
  removeEventListener<Type extends keyof StreamEvents>(
    type: Type,
    listener: (event: CustomEvent<StreamEvents[Type]>) => void,
    options?: boolean | EventListenerOptions,
  ): void
  removeEventListener(
    type: string,
    listener: EventListenerOrEventListenerObject | null,
    options?: boolean | EventListenerOptions,
  ): void
}

/**
 * Connects to a stream, and keeps it connected until it is closed or the service does not want it back:
 * `204`, or a `bye` that says so.
 *
 * @param url of `/events`; relative to the page, or of another origin. A query that it has stays.
 * @throws TypeError where there is no EventSource, or the URL is none.
 */
export function connect(url: string | URL, options: ConnectOptions = {}): RingcastStream {
  if (!('EventSource' in globalThis)) throw new TypeError('connect needs an EventSource')
  // An EventTarget's own types know no names of events.
  return new OpenStream(streamUrl(url, options), options) as EventTarget as RingcastStream
}

class OpenStream extends EventTarget implements AsyncIterable<Envelope> {
  readonly #source: Source
  readonly #iterations = new Set<Iteration>()
  readonly #signal: AbortSignal | undefined
  readonly #listening = new AbortController()
  readonly #close = (): void => {
    this.close()
  }
  #state: State = 'connecting'

  constructor(url: URL, options: ConnectOptions) {
    super()
    const { auth, withCredentials = false, share, remember, last = 0, signal } = options
    const name = `ringcast ${withCredentials ? 'with credentials ' : ''}${url.href}`
    const cursor = new Cursor(remember === true ? sessionPlace(name) : undefined)
    const receiver: Receiver = {
      record: (record) => {
        this.#record(record)
      },
      state: (state) => {
        this.#tell(state)
      },
    }
    const parts = { url, auth, withCredentials, receiver }
    this.#source =
      share === true && canShare()
        ? new SharedSource(parts, cursor, name, last)
        : ownSource(parts, cursor)
    onWakeUp((why) => this.#source.wakeUp(why), this.#listening.signal)
    this.#signal = signal
    signal?.addEventListener('abort', this.#close)
    if (signal?.aborted === true) this.close()
  }

  get state(): State {
    return this.#state
  }

  close(): void {
    this.#tell('closed')
  }

  [Symbol.asyncIterator](): AsyncIterableIterator<Envelope> {
    const iteration = new Iteration(() => this.#iterations.delete(iteration))
    if (this.#state === 'closed') iteration.end()
    else this.#iterations.add(iteration)
    return iteration
  }

  #record(record: StreamRecord): void {
    if (record.kind === 'place' || this.#state === 'closed') return
    if (record.kind === 'event')
      for (const iteration of this.#iterations) iteration.add(record.detail)
    this.#dispatch(record.kind, record.detail)
  }

  #tell(state: State): void {
    if (this.#state === state || this.#state === 'closed') return
    this.#state = state
    if (state === 'closed') this.#end()
    this.#dispatch('state', state)
  }

  #end(): void {
    this.#source.close()
    this.#listening.abort()
    this.#signal?.removeEventListener('abort', this.#close)
    for (const iteration of this.#iterations) iteration.end()
    this.#iterations.clear()
  }

  #dispatch<Type extends keyof StreamEvents>(type: Type, detail: StreamEvents[Type]): void {
    this.dispatchEvent(new CustomEvent(type, { detail }))
  }
}
