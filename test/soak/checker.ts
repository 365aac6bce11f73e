import { epochOf, sequenceOf, type Accepted, type Ledger, type Wants } from './ledger.js'

/** One thing that happened to a subscriber, in the order in which it happened. */
export type Told =
  /** It connected, with its last id if it had one. */
  | { readonly type: 'connect'; readonly lastEventId?: string | undefined; readonly to: string }
  /** The service began; so many events had been pushed before that was heard. */
  | { readonly type: 'open'; readonly id?: string | undefined; readonly begun: number }
  | { readonly type: 'event'; readonly id: string; readonly number: number }
  | { readonly type: 'cursor'; readonly id?: string | undefined }
  | {
      readonly type: 'gap'
      readonly id?: string | undefined
      readonly reason: string
      readonly after: string
    }

/** One subscriber over all its connections, and all that it was told. */
export interface History {
  readonly name: string
  readonly wants: Wants
  readonly told: readonly Told[]
}

/** What was proved of a subscriber, or not. */
export interface Verdict {
  /** Each with its neighbourhood; at most {@link mostFailures}. */
  readonly failures: readonly string[]
  readonly delivered: number
  readonly gaps: number
  /** How many events were in the gaps: lost, and told. */
  readonly inGaps: number
}

/** A subscriber with one hole has many things wrong after it. */
const mostFailures = 3

/**
 * Proves the promise (PROTOCOL section 2) for one subscriber: from the place where it began to the end
 * of the ledger, events come in order, none twice, none missing, unless a `gap` says so in its place.
 *
 * @param mayHaveGaps false where the log retains everything: then a gap is a failure too.
 */
export function check(history: History, ledger: Ledger, mayHaveGaps: boolean): Verdict {
  const checker = new Checker(history, ledger, mayHaveGaps)
  for (const [index, told] of history.told.entries()) checker.take(told, index)
  checker.end()
  return checker
}

class Checker implements Verdict {
  readonly failures: string[] = []
  delivered = 0
  gaps = 0
  inGaps = 0
  readonly #history: History
  readonly #ledger: Ledger
  readonly #mayHaveGaps: boolean
  readonly #owed: readonly Accepted[]
  /** The first of what is owed that has not been had, or been passed. */
  #next = 0
  /** Up to where it has all; undefined before it was told of a place. */
  #place: number | undefined
  #lastId: string | undefined
  /** Whether a connection was opened with no place, which a gap has to tell then. */
  #awaitsGap = false
  #isOpen = false
  #index = 0

  constructor(history: History, ledger: Ledger, mayHaveGaps: boolean) {
    this.#history = history
    this.#ledger = ledger
    this.#mayHaveGaps = mayHaveGaps
    this.#owed = ledger.owed(history.wants)
  }

  take(told: Told, index: number): void {
    this.#index = index
    if (told.type === 'connect') {
      this.#connect(told)
      return
    }
    if (told.type === 'open') {
      this.#open(told)
      return
    }
    if (!this.#isOpen) this.#fail(`${told.type} before open`)
    if (this.#awaitsGap && told.type !== 'gap')
      this.#fail('open named no place, and no gap followed')
    this.#awaitsGap = false
    if (told.type === 'event') this.#event(told)
    else if (told.type === 'gap') this.#gap(told)
    else if (told.id !== undefined) this.#passTo(told.id, 'a cursor')
  }

  /** Nothing may be owed any more. */
  end(): void {
    this.#index = this.#history.told.length
    if (this.#place === undefined) this.#fail('it never was told where it began')
    else this.#missing(Infinity, 'the end')
  }

  #connect({ lastEventId }: Extract<Told, { type: 'connect' }>): void {
    this.#isOpen = false
    this.#awaitsGap = false
    // The first connection may end before it is told anything, and be made again.
    if (this.#lastId === undefined && lastEventId === 'earliest') {
      if (!this.#mayHaveGaps) this.#place = 0
    } else if (this.#place === undefined && lastEventId !== undefined) {
      this.#pass(this.#placeOf(lastEventId))
      this.#lastId = lastEventId
    } else if (lastEventId !== this.#lastId) {
      this.#fail(`it came back with ${lastEventId ?? 'no id'}, and had ${this.#lastId ?? 'none'}`)
    }
  }

  #open({ id, begun }: Extract<Told, { type: 'open' }>): void {
    this.#isOpen = true
    if (id === undefined) {
      this.#awaitsGap = true
      return
    }
    if (this.#lastId !== undefined) {
      if (id !== this.#lastId) this.#fail(`open goes on from ${id}, not from ${this.#lastId}`)
      return
    }
    if (this.#place === undefined) this.#begin(id, begun)
    else this.#passTo(id, 'open')
    this.#lastId = id
  }

  /** Its first place: what is pushed after it heard of that has to come later. */
  #begin(id: string, begun: number): void {
    const place = this.#placeOf(id)
    const late = this.#owed.find(({ sequence, number }) => sequence <= place && number >= begun)
    if (late !== undefined) this.#fail(`it began at ${id}, behind ${late.id}, pushed later`)
    this.#pass(place)
  }

  #event({ id, number }: Extract<Told, { type: 'event' }>): void {
    this.delivered++
    const sequence = this.#placeOf(id)
    const accepted = this.#ledger.at(sequence)
    if (accepted?.number !== number) {
      this.#fail(`${id} came with event ${number}, and is that of ${accepted?.number ?? 'none'}`)
    }
    if (sequence <= (this.#place ?? -1)) {
      this.#fail(`${id} came twice, or out of order: it had all up to ${this.#place ?? 0}`)
      return
    }
    this.#missing(sequence, id)
    if (this.#owed[this.#next]?.sequence !== sequence) this.#fail(`${id} is none of its own`)
    this.#pass(sequence)
    this.#lastId = id
  }

  #gap({ id, reason, after }: Extract<Told, { type: 'gap' }>): void {
    this.gaps++
    if (!this.#mayHaveGaps) this.#fail(`a gap (${reason}), though nothing was to be lost`)
    if (after !== this.#lastId)
      this.#fail(`a gap after ${after}: its last id was ${this.#lastId ?? ''}`)
    if (reason !== 'evicted' && reason !== 'lagged') this.#fail(`a gap with the reason ${reason}`)
    if (id === undefined) {
      this.#fail('a gap that does not say where it ends')
      return
    }
    const place = this.#placeOf(id)
    if (place < (this.#place ?? 0)) this.#fail(`a gap that ends at ${id}, before it began`)
    const before = this.#next
    this.#pass(place)
    this.inGaps += this.#next - before
    this.#lastId = id
  }

  /** A place without an event: nothing that is owed may lie before it. */
  #passTo(id: string, what: string): void {
    const place = this.#placeOf(id)
    if (place < (this.#place ?? 0)) this.#fail(`${what} went back to ${id}`)
    this.#missing(place + 1, what)
    this.#pass(place)
    this.#lastId = id
  }

  /** Tells of what is owed before a place and has not come. */
  #missing(before: number, at: string): void {
    const lost: Accepted[] = []
    while (this.#next < this.#owed.length && this.#owed[this.#next]!.sequence < before) {
      lost.push(this.#owed[this.#next]!)
      this.#next++
    }
    if (lost.length === 0) return
    const ids = lost.slice(0, 5).map(({ id }) => id)
    this.#fail(
      `${lost.length} missing before ${at}: ${ids.join(' ')}${lost.length > 5 ? ' …' : ''}`,
    )
  }

  #pass(place: number): void {
    this.#place = Math.max(place, this.#place ?? 0)
    while (this.#next < this.#owed.length && this.#owed[this.#next]!.sequence <= place) this.#next++
  }

  #placeOf(id: string): number {
    if (epochOf(id) !== this.#ledger.epoch) this.#fail(`${id} is of another life of the log`)
    return sequenceOf(id)
  }

  #fail(what: string): void {
    if (this.failures.length === mostFailures) return
    const { name, wants, told } = this.#history
    const around = told.slice(Math.max(0, this.#index - 4), this.#index + 3).map((each, offset) => {
      const mark = Math.max(0, this.#index - 4) + offset === this.#index ? '>' : ' '
      return `\n    ${mark} ${JSON.stringify(each)}`
    })
    const owed = this.#owed.slice(Math.max(0, this.#next - 2), this.#next + 3)
    this.failures.push(
      `${name} (${JSON.stringify(wants)}): ${what}${around.join('')}` +
        `\n    owed around there: ${owed.map(({ id, number }) => `${id} (${number})`).join(', ')}`,
    )
  }
}
