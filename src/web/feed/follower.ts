import { connect, type RingcastStream } from '../client.js'
import type { ConnectOptions } from '../options.js'
import type { Envelope, Expiring, Gap, State } from '../records.js'

/** The events of the element; they bubble, and leave shadow trees. */
export interface RingcastFeedEvents {
  readonly 'ringcast-event': Envelope
  readonly 'ringcast-gap': Gap
  readonly 'ringcast-state': State
  readonly 'ringcast-expiring': Expiring
}

/** One of them. */
export type News = {
  [Type in keyof RingcastFeedEvents]: {
    readonly type: Type
    readonly detail: RingcastFeedEvents[Type]
  }
}[keyof RingcastFeedEvents]

/** Which stream is wanted; the rest as in `connect`. */
export interface Wish {
  readonly src: string
  readonly topics: readonly string[]
  readonly last: number
  readonly withCredentials: boolean
  readonly share: boolean
  readonly auth: ConnectOptions['auth']
}

/** Who is told what comes. */
export interface FollowerReceiver {
  /** What comes from now on is of another stream. */
  begin(): void
  told(news: News): void
}

/** Follows one stream at a time, the one that is wanted. */
export class Follower {
  readonly #receiver: FollowerReceiver
  #stream: RingcastStream | undefined
  #state: State = 'closed'
  /** Which stream it is. With another credential it is another one: it may be another user's. */
  #name: string | undefined
  #auth: ConnectOptions['auth']
  #lastId: string | undefined

  constructor(receiver: FollowerReceiver) {
    this.#receiver = receiver
  }

  /** How the stream is; `closed` while there is none. */
  get state(): State {
    return this.#state
  }

  /** Follows this stream from its beginning, or, after `leave`, the same from where it was. */
  follow(wish: Wish): void {
    const name = JSON.stringify(wish)
    if (name !== this.#name || wish.auth !== this.#auth) {
      this.#close()
      this.#name = name
      this.#auth = wish.auth
      this.#lastId = undefined
      this.#receiver.begin()
    }
    if (this.#stream === undefined) this.#open(wish)
  }

  /** Follows none. */
  leave(): void {
    this.#close()
    this.#tell('closed')
  }

  #open({ src, auth, ...options }: Wish): void {
    this.#tell('connecting')
    try {
      const url = new URL(src)
      if (this.#lastId !== undefined) url.searchParams.set('lastEventId', this.#lastId)
      const stream = connect(url, auth === undefined ? options : { ...options, auth })
      this.#stream = stream
      this.#listen(stream)
    } catch (error) {
      reportError(error)
      this.#tell('closed')
    }
  }

  #listen(stream: RingcastStream): void {
    stream.addEventListener('event', ({ detail }) => {
      this.#lastId = detail.id ?? this.#lastId
      this.#receiver.told({ type: 'ringcast-event', detail })
    })
    stream.addEventListener('gap', ({ detail }) => {
      this.#receiver.told({ type: 'ringcast-gap', detail })
    })
    stream.addEventListener('expiring', ({ detail }) => {
      this.#receiver.told({ type: 'ringcast-expiring', detail })
    })
    stream.addEventListener('state', ({ detail }) => {
      // One that was left closes too, which is no news.
      if (stream === this.#stream) this.#tell(detail)
    })
  }

  #close(): void {
    const stream = this.#stream
    this.#stream = undefined
    stream?.close()
  }

  #tell(state: State): void {
    if (this.#state === state) return
    this.#state = state
    this.#receiver.told({ type: 'ringcast-state', detail: state })
  }
}
