import { Connection, type ConnectionParts } from './connection.js'
import type { Cursor } from './cursor.js'
import { Kept } from './kept.js'
import { LeaderWatch } from './leader-watch.js'
import { Leadership } from './leadership.js'
import type { Source } from './own-source.js'
import type { State, StreamRecord } from './records.js'
import type { Hello, Said, Welcome } from './said.js'
import type { WakeUp } from './wake-ups.js'

/** How long who leads holds the lock when the service has ended the stream for good. */
const farewellMs = 1_000

/** Whether the browser has what sharing takes. */
export function canShare(): boolean {
  return 'BroadcastChannel' in globalThis && 'locks' in ((navigator as Navigator | undefined) ?? {})
}

/**
 * One connection for all tabs of an origin. They queue for a lock; who has it leads: it has the
 * connection, and says all that comes over it on a channel, whose messages keep their order. When its
 * tab closes, the next in the queue leads, from its own place; when it answers no more, another takes
 * the lock from it, and it is one of the others once it wakes up. Tabs may be at different places: each
 * says where it is, and takes only what is news to it. For one that is behind what the leader kept, the
 * connection goes back.
 */
export class SharedSource implements Source {
  readonly #parts: ConnectionParts
  readonly #cursor: Cursor
  readonly #last: number
  readonly #tab = crypto.randomUUID()
  readonly #channel: BroadcastChannel
  readonly #leadership: Leadership
  readonly #watch: LeaderWatch
  readonly #kept: Kept
  /** Whose records this tab takes: its own while it leads, none until it was welcomed. */
  #term: string | undefined
  #connection: Connection | undefined
  /** Whether this tab, while it leads, has welcomed any other: before, nobody takes its records. */
  #hasOthers = false
  #state: State = 'connecting'
  #isClosed = false

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
    this.#leadership = new Leadership(name, {
      leads: () => this.#lead(),
      isDeposed: () => this.#stepDown(),
    })
    this.#watch = new LeaderWatch({
      ask: () => this.#ask(),
      giveUp: () => this.#leadership.steal(),
    })
    this.#sayHello()
    this.#leadership.queue()
  }

  wakeUp(why: WakeUp): void {
    if (this.#connection !== undefined) this.#connection.wakeUp(why)
    // That the network is there again, who leads hears too.
    else if (why === 'seen') {
      this.#ask(why)
      this.#watch.expect()
    }
  }

  close(): void {
    this.#isClosed = true
    this.#watch.stop()
    this.#connection?.close()
    this.#channel.close()
    const isOver = this.#connection !== undefined && this.#state === 'closed'
    // Who is next in the queue is to hear that the service does not want them back, before it leads.
    if (isOver) setTimeout(() => this.#leadership.leave(), farewellMs)
    else this.#leadership.leave()
  }

  #lead(): void {
    this.#watch.stop()
    this.#term = this.#tab
    this.#hasOthers = false
    const { id } = this.#cursor
    // A tab that was further than who led before has not all that is between: it begins anew.
    if (this.#kept.end !== id) this.#kept.restart(id)
    if (id !== undefined) this.#cursor.connectionAt(id)
    const receiver = {
      record: (record: StreamRecord) => {
        this.#kept.add(record)
        if (this.#hasOthers) this.#say({ say: 'record', term: this.#tab, record })
        this.#take(record)
      },
      state: (state: State) => {
        this.#say({ say: 'state', term: this.#tab, state })
        this.#tell(state)
      },
    }
    this.#connection = new Connection({ ...this.#parts, receiver }, id)
    this.#tell('connecting')
    this.#say({ say: 'lead' })
    this.#connection.open()
  }

  /** Another tab leads, since this one was held up; what it has not heard meanwhile comes again. */
  #stepDown(): void {
    if (this.#isClosed) return
    this.#connection?.close()
    this.#connection = undefined
    // Those that this tab has welcomed since it woke up are to join the other.
    this.#say({ say: 'lead' })
    this.#sayHello()
    this.#leadership.queue()
  }

  #hear(said: Said): void {
    if (said.say === 'hello') this.#welcome(said)
    else if (said.say === 'ask') this.#answer(said.why)
    // What a leader that is gone had still said is news from before: it comes again.
    else if (this.#connection !== undefined) return
    else if (said.say === 'lead') this.#sayHello()
    else if (said.say === 'welcome') this.#join(said)
    else if (said.term === this.#term) this.#follow(said)
  }

  #follow(said: Extract<Said, { term: string }>): void {
    this.#watch.heard()
    if (said.say === 'back') this.#wentBack(said.to, said.lives)
    else if (said.say === 'state') this.#tell(said.state)
    else if (said.say === 'record') {
      this.#kept.add(said.record)
      this.#take(said.record)
    }
  }

  /** Asks who leads to go on from this tab's place; nobody answers where nobody leads yet. */
  #sayHello(): void {
    this.#term = undefined
    const { id, lives } = this.#cursor
    this.#say({ say: 'hello', tab: this.#tab, at: id, lives: lives.names })
    this.#watch.expect()
  }

  #ask(why?: WakeUp): void {
    this.#say({ say: 'ask', why })
  }

  #answer(why: WakeUp | undefined): void {
    if (this.#connection === undefined) return
    this.#say({ say: 'alive', term: this.#tab })
    if (why !== undefined) this.#connection.wakeUp(why)
  }

  #welcome({ tab, at, lives }: Hello): void {
    if (this.#connection === undefined) return
    const known = this.#cursor.lives
    known.learnAll(lives)
    if (at !== undefined && !this.#kept.hasAllAfter(at, known)) this.#goBack(at)
    this.#hasOthers = true
    this.#say({
      say: 'welcome',
      tab,
      term: this.#tab,
      kept: this.#kept.records,
      before: this.#kept.before,
      at: this.#connection.lastId,
      lives: known.names,
      state: this.#state,
      heartbeatMs: this.#connection.heartbeatMs,
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

  #join({ tab, term, kept, before, at, lives, state, heartbeatMs }: Welcome): void {
    if (tab !== this.#tab) return
    this.#term = term
    this.#watch.listen(heartbeatMs)
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
