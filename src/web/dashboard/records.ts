import type { Envelope, Gap } from '../records.js'

/** A line of the tail: an event, or a hole. */
export type TailRecord =
  | { readonly kind: 'event'; readonly event: Envelope; text?: string }
  | { readonly kind: 'gap'; readonly gap: Gap; readonly at: string; text?: string }

/** How many are kept. */
export const mostRecords = 1_000

/**
 * What the tail has: the newest records, and, while it is paused, those that wait. Both are bounded:
 * of what waits, too, only the newest are kept, and all are counted.
 */
export class TailRecords {
  #shown: TailRecord[] = []
  #waiting: TailRecord[] = []
  #waitingCount = 0
  #paused = false

  get paused(): boolean {
    return this.#paused
  }

  /** How many came since it was paused. */
  get waiting(): number {
    return this.#waitingCount
  }

  /** Oldest first. */
  get shown(): readonly TailRecord[] {
    return this.#shown
  }

  /** Adds records; those that are shown at once. */
  add(records: readonly TailRecord[]): readonly TailRecord[] {
    if (this.#paused) {
      this.#waitingCount += records.length
      this.#waiting = newest([...this.#waiting, ...records])
      return []
    }
    this.#shown = newest([...this.#shown, ...records])
    return records
  }

  /** Pauses, or goes on; the records that had waited. */
  pause(paused: boolean): readonly TailRecord[] {
    this.#paused = paused
    if (paused) return []
    const waited = this.#waiting
    this.#waiting = []
    this.#waitingCount = 0
    return this.add(waited)
  }

  clear(): void {
    this.#shown = []
    this.#waiting = []
    this.#waitingCount = 0
  }

  /** As newline-delimited JSON, oldest first: each event as it came, each hole as its control event. */
  ndjson(wanted: (record: TailRecord) => boolean): string {
    return this.#shown
      .filter(wanted)
      .map((record) => `${jsonOf(record)}\n`)
      .join('')
  }
}

/** Whether a record has a text in it, in whatever case. */
export function matches(record: TailRecord, find: string): boolean {
  if (find === '') return true
  record.text ??= jsonOf(record).toLowerCase()
  return record.text.includes(find.toLowerCase())
}

function jsonOf(record: TailRecord): string {
  return JSON.stringify(record.kind === 'event' ? record.event : { type: 'gap', ...record.gap })
}

function newest(records: TailRecord[]): TailRecord[] {
  return records.length > mostRecords ? records.slice(-mostRecords) : records
}
