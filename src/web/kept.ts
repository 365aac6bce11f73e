import type { Lives } from './lives.js'
import type { StreamRecord } from './records.js'

/** How many records are kept at least, for tabs that are a little behind. */
const leastKept = 64

/**
 * The newest records that a tab has taken, and the place before them: what it gives to tabs that are
 * behind or new, while it has the connection.
 */
export class Kept {
  readonly #most: number
  #records: StreamRecord[] = []
  #before: string | undefined
  #end: string | undefined

  /** @param last how many events a new tab wants. */
  constructor(last: number) {
    this.#most = Math.max(last, leastKept)
  }

  get records(): readonly StreamRecord[] {
    return this.#records
  }

  /** The place before them; undefined while it is not known. */
  get before(): string | undefined {
    return this.#before
  }

  /** Up to where they go. */
  get end(): string | undefined {
    return this.#end
  }

  /** Keeps a record behind the others. One without a place can't be told from one that came already. */
  add(record: StreamRecord): void {
    if (record.id === undefined) return
    this.#end = record.id
    if (record.kind === 'place') this.#before ??= record.id
    else this.#records.push(record)
    while (this.#records.length > this.#most) this.#before = this.#records.shift()!.id
  }

  /** Whether all after a place is kept, or still to come. */
  hasAllAfter(id: string, lives: Lives): boolean {
    return this.#before !== undefined && lives.reaches(id, this.#before)
  }

  /** Begins anew behind a place. */
  restart(before: string | undefined): void {
    this.#records = []
    this.#before = before
    this.#end = before
  }
}
