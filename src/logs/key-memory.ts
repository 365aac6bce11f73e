import { createHash } from 'node:crypto'
import { RingcastError } from '../errors.js'
import type { Receipt } from '../hub/event-log.js'
import type { AcceptedEvent, EventDraft } from '../hub/event.js'
import { keptKeys, keptMs } from './log-limits.js'

interface Known {
  readonly epoch: string
  readonly sequence: number
  readonly content: string
  readonly at: number
}

/** The keys of the newest events, so that a push which is repeated is not appended again. */
export class KeyMemory {
  readonly #now: () => number
  readonly #known = new Map<string, Known>()

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
    this.#forgetOld()
    const contents = batch.map((draft) => (draft.key === undefined ? '' : contentDigest(draft)))
    this.#checkConflicts(batch, contents)
    return batch.map((draft, index) => {
      const { key } = draft
      const known = key === undefined ? undefined : this.#known.get(key)
      if (known !== undefined) {
        return { epoch: known.epoch, sequence: known.sequence, duplicate: true }
      }
      const place = append(draft)
      if (key !== undefined) {
        const { epoch, sequence } = place
        // Field by field: V8 gives what is spread and added to a shape of its own, 200 bytes a key.
        this.#known.set(key, { epoch, sequence, content: contents[index]!, at: this.#now() })
      }
      return newReceipt(place)
    })
  }

  /** Knows an event that was appended by another process, or before this one. They come in their order. */
  remember(event: AcceptedEvent): void {
    const { key, epoch, sequence, time } = event
    if (key === undefined || this.#known.get(key)?.sequence === sequence) return
    const at = Date.parse(time)
    this.#known.delete(key)
    this.#known.set(copied(key), { epoch, sequence, content: contentDigest(event), at })
    // Who appends nothing itself has nobody else to forget for it.
    this.#forgetOld()
  }

  /** How far back keys are known: from which time on, in milliseconds, and how many at most. */
  get reach(): { since: number; keys: number } {
    return { since: this.#now() - keptMs, keys: keptKeys }
  }

  /** Forgets the keys of events that came to nothing. */
  forget(events: readonly AcceptedEvent[]): void {
    for (const { key } of events) if (key !== undefined) this.#known.delete(key)
  }

  #checkConflicts(batch: readonly EventDraft[], contents: readonly string[]): void {
    const inBatch = new Map<string, string>()
    for (const [index, { key }] of batch.entries()) {
      if (key === undefined) continue
      const content = this.#known.get(key)?.content ?? inBatch.get(key)
      if (content !== undefined && content !== contents[index]) {
        throw keyConflict(index)
      }
      inBatch.set(key, contents[index]!)
    }
  }

  #forgetOld(): void {
    const oldest = this.#now() - keptMs
    for (const [key, { at }] of this.#known) {
      if (this.#known.size <= keptKeys && at >= oldest) break
      this.#known.delete(key)
    }
  }
}

/**
 * A text of its own. A key that a log has cut out of all that it read at once is, to V8, a part of that,
 * and would hold it for as long as it is known: the data of all events beside it.
 */
function copied(text: string): string {
  return Buffer.from(text).toString()
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

/** What must be the same for a repeat to be one; the order of topics and users does not matter. */
export function contentDigest({ topics, users, event, data, json }: EventDraft): string {
  const content = JSON.stringify([[...topics].sort(), [...users].sort(), event, json, data])
  return createHash('sha256').update(content).digest('base64')
}
