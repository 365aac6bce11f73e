import { Connection, type ConnectionParts } from './connection.js'
import type { Cursor } from './cursor.js'
import { Kept } from './kept.js'
import type { Source } from './own-source.js'
import type { State, StreamRecord } from './records.js'

/** What tabs say to each other; `term` names one tab's time with the connection. */
type Said =
  | {
      readonly say: 'hello'
      readonly tab: string
      readonly at: string | undefined
      readonly lives: readonly string[]
    }
  | { readonly say: 'lead' }
  | {
      readonly say: 'welcome'
      readonly tab: string
      readonly term: string
      readonly kept: readonly StreamRecord[]
      readonly before: string | undefined
      readonly at: string | undefined
      readonly lives: readonly string[]
      readonly state: State
    }
  | {
      readonly say: 'back'
      readonly term: string
      readonly to: string
      readonly lives: readonly string[]
    }
  | { readonly say: 'record'; readonly term: string; readonly record: StreamRecord }
  | { readonly say: 'state'; readonly term: string; readonly state: State }

/** How long who leads holds the lock when the service has ended the stream for good. */
const farewellMs = 1_000

/** Whether the browser has what sharing takes. */
export function canShare(): boolean {
  return 'BroadcastChannel' in globalThis && 'locks' in ((navigator as Navigator | undefined) ?? {})
}

/**
 * One connection for all tabs of an origin. They queue for a lock; who has it leads: it has the
 * connection, and says all that comes over it on a channel, whose messages keep their order. When its
 * tab closes, the next in the queue leads, from its own place. Others may have come further, or less
 * far: each says where it is, and takes only what is news to it. For one that is behind what the leader
 * kept, the connection goes back.
 */
export class SharedSource implements Source {
  readonly #parts: ConnectionParts
  readonly #cursor: Cursor
  readonly #last: number
  readonly #tab = crypto.randomUUID()
  readonly #channel: BroadcastChannel
  readonly #closing = new AbortController()
  readonly #kept: Kept
  /** Whose records this tab takes: its own while it leads, none until it was welcomed. */
  #term: string | undefined
  #connection: Connection | undefined
  #state: State = 'connecting'

  /**
   * @param name the same for all that may share.
   * @param last how many events a new tab wants to begin with.
   */
  constructor(parts: ConnectionParts, cursor: Cursor, name: string, last: number) {
    this.#parts = parts
    this.#cursor = cursor
    this.#last = last
    this.#kept = new Kept(last)
    this.#channel = new BroadcastChannel(name)
    this.#channel.onmessage = ({ data }: MessageEvent<Said>) => {
      this.#hear(data)
    }
    this.#sayHello()
    const { signal } = this.#closing
    navigator.locks
      .request(name, { signal }, () => this.#lead(signal))
      .catch((error: unknown) => {
        if (!signal.aborted) throw error
      })
  }

  close(): void {
    this.#connection?.close()
    this.#channel.close()
    const isOver = this.#connection !== undefined && this.#state === 'closed'
    // Who is next in the queue is to hear that the service does not want them back, before it leads.
    if (isOver) setTimeout(() => this.#closing.abort(), farewellMs)
    else this.#closing.abort()
  }

  /** Leads until it is closed. */
  #lead(signal: AbortSignal): Promise<void> {
    this.#term = this.#tab
    // A tab that was further than who led before has not all that is between: it begins anew.
    if (this.#kept.end !== this.#cursor.id) this.#kept.restart(this.#cursor.id)
    if (this.#cursor.id !== undefined) this.#cursor.connectionAt(this.#cursor.id)
    const receiver = {
      record: (record: StreamRecord) => {
        this.#kept.add(record)
        this.#say({ say: 'record', term: this.#tab, record })
        this.#take(record)
      },
      state: (state: State) => {
        this.#say({ say: 'state', term: this.#tab, state })
        this.#tell(state)
      },
    }
    this.#connection = new Connection({ ...this.#parts, receiver }, this.#cursor.id)
    this.#tell('connecting')
    this.#say({ say: 'lead' })
    this.#connection.open()
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve())
    })
  }

  #hear(said: Said): void {
    if (said.say === 'hello') this.#welcome(said)
    // What a leader that is gone had still said is news from before: it comes again.
    else if (this.#connection !== undefined) return
    else if (said.say === 'lead') this.#sayHello()
    else if (said.say === 'welcome') this.#join(said)
    else if (said.term !== this.#term) return
    else if (said.say === 'back') this.#wentBack(said.to, said.lives)
    else if (said.say === 'state') this.#tell(said.state)
    else {
      this.#kept.add(said.record)
      this.#take(said.record)
    }
  }

  /** Asks who leads to go on from this tab's place; nobody answers where nobody leads yet. */
  #sayHello(): void {
    this.#term = undefined
    const { id, lives } = this.#cursor
    this.#say({ say: 'hello', tab: this.#tab, at: id, lives: lives.names })
  }

  #welcome({ tab, at, lives }: Extract<Said, { say: 'hello' }>): void {
    if (this.#connection === undefined) return
    const known = this.#cursor.lives
    known.learnAll(lives)
    if (at !== undefined && !this.#kept.hasAllAfter(at, known)) this.#goBack(at)
    this.#say({
      say: 'welcome',
      tab,
      term: this.#tab,
      kept: this.#kept.records,
      before: this.#kept.before,
      at: this.#connection.lastId,
      lives: known.names,
      state: this.#state,
    })
  }

  #goBack(to: string): void {
    const { names } = this.#cursor.lives
    this.#wentBack(to, names)
    this.#say({ say: 'back', term: this.#tab, to, lives: names })
    this.#connection!.goBack(to)
  }

  #wentBack(to: string, lives: readonly string[]): void {
    this.#kept.restart(to)
    this.#cursor.lives.learnAll(lives)
    this.#cursor.connectionAt(to)
  }

  #join({ tab, term, kept, before, at, lives, state }: Extract<Said, { say: 'welcome' }>): void {
    if (tab !== this.#tab) return
    this.#term = term
    this.#cursor.lives.learnAll(lives)
    if (before !== undefined) this.#cursor.connectionAt(before)
    const place: StreamRecord = { kind: 'place', id: at }
    this.#kept.restart(before)
    for (const record of [...kept, place]) this.#kept.add(record)
    for (const record of this.#cursor.id === undefined ? this.#newest(kept) : kept)
      this.#take(record)
    this.#take(place)
    this.#tell(state)
  }

  /** What a new tab gets to begin with: the same as over a connection of its own. */
  #newest(kept: readonly StreamRecord[]): readonly StreamRecord[] {
    return this.#last === 0 ? [] : kept.filter(({ kind }) => kind === 'event').slice(-this.#last)
  }

  #take(record: StreamRecord): void {
    if (this.#cursor.takes(record)) this.#parts.receiver.record(record)
  }

  #tell(state: State): void {
    if (this.#state === state) return
    this.#state = state
    this.#parts.receiver.state(state)
  }

  #say(said: Said): void {
    this.#channel.postMessage(said)
  }
}
