import { hash } from 'node:crypto'
import { RingcastError } from '../errors.js'
import type { Receipt } from '../hub/event-log.js'
import type { AcceptedEvent, EventDraft } from '../hub/event.js'
import { keptKeys, keptMs } from './log-limits.js'
import { RecentKeys, type KnownKey } from './recent-keys.js'

/** An event with a key: what the key is known by, and a digest of what it names. */
interface Keyed {
  readonly id: Buffer
  readonly content: Buffer
}

/** The keys of the newest events, so that a push which is repeated is not appended again. */
export class KeyMemory {
  readonly #now: () => number
  readonly #known = new RecentKeys(keptKeys)

  /** @param now the clock by which keys age, in milliseconds. */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * The receipts of a batch: for an event whose key is known (or came earlier in the batch) that of
   * the first, for any other what `append` gives it a place by.
   *
   * @throws RingcastError `RINGCAST_KEY_CONFLICT` with the `index`, before anything was appended.
   */
  receipts(
    batch: readonly EventDraft[],
    append: (draft: EventDraft) => { epoch: string; sequence: number },
  ): readonly Receipt[] {
    if (batch.every(({ key }) => key === undefined)) {
      return batch.map((draft) => newReceipt(append(draft)))
    }
    const now = this.#now()
    this.#known.forgetBefore(now - keptMs)
    const keyed = batch.map((draft) => this.#keyed(draft))
    const first = this.#firsts(keyed)
    return batch.map((draft, index) => {
      const event = keyed[index]
      const known = first[index] ?? (event && this.#known.get(event.id))
      if (known !== undefined) {
        return { epoch: known.epoch, sequence: known.sequence, duplicate: true }
      }
      const place = append(draft)
      if (event !== undefined) {
        const { epoch, sequence } = place
        this.#known.set(event.id, { epoch, sequence, content: event.content, at: now })
      }
      return newReceipt(place)
    })
  }

  /** Knows an event that was appended by another process, or before this one. They come in their order. */
  remember(event: AcceptedEvent): void {
    const keyed = this.#keyed(event)
    if (keyed === undefined) return
    const { epoch, sequence, time } = event
    if (this.#known.get(keyed.id)?.sequence === sequence) return
    this.#known.set(keyed.id, { epoch, sequence, content: keyed.content, at: Date.parse(time) })
    // Who appends nothing itself has nobody else to forget for it.
    this.#known.forgetBefore(this.#now() - keptMs)
  }

  /** How far back keys are known: from which time on, in milliseconds, and how many at most. */
  get reach(): { since: number; keys: number } {
    return { since: this.#now() - keptMs, keys: keptKeys }
  }

  /** Forgets the keys of events that came to nothing. */
  forget(events: readonly AcceptedEvent[]): void {
    for (const { key } of events) if (key !== undefined) this.#known.delete(this.#known.idOf(key))
  }

  #keyed(draft: EventDraft): Keyed | undefined {
    const { key } = draft
    if (key === undefined) return undefined
    return { id: this.#known.idOf(key), content: hash('sha256', contentOf(draft), 'buffer') }
  }

  /** What is known of the keys of a batch before it: what it adds may push that out. */
  #firsts(keyed: readonly (Keyed | undefined)[]): (KnownKey | undefined)[] {
    const inBatch = new Map<string, Buffer>()
    return keyed.map((event, index) => {
      if (event === undefined) return undefined
      const { id, content } = event
      const name = id.toString('latin1')
      const known = this.#known.get(id)
      const first = known?.content ?? inBatch.get(name)
      if (first !== undefined && !first.equals(content)) throw keyConflict(index)
      inBatch.set(name, content)
      return known
    })
  }
}

/** That the event at an index of a batch has a key that was used for another. */
export function keyConflict(index: number): RingcastError {
  return new RingcastError(
    'RINGCAST_KEY_CONFLICT',
    'this key was used for another event: a key names one event, with its topics, user, event and data',
    { index, path: 'key' },
  )
}

function newReceipt({ epoch, sequence }: { epoch: string; sequence: number }): Receipt {
  return { epoch, sequence, duplicate: false }
}

/** By what a repeat is told from another event with its key, as Redis has it. */
export function contentDigest(draft: EventDraft): string {
  return hash('sha256', contentOf(draft), 'base64')
}

/** What must be the same for a repeat to be one; the order of topics and users does not matter. */
function contentOf({ topics, users, event, data, json }: EventDraft): string {
  return JSON.stringify([[...topics].sort(), [...users].sort(), event, json, data])
}
