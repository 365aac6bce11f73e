import type { StreamRecord } from './records.js'

/**
 * Whether a place is at or behind another, so far as ids tell: those of one life of the log are in the
 * order of their sequences, those of different lives in none.
 */
export function reaches(id: string, other: string): boolean {
  return epochOf(id) === epochOf(other) && sequenceOf(id) >= sequenceOf(other)
}

/**
 * How far a tab has come. Where tabs share a connection they are at different places, and each takes
 * what is news to it: an event that one of them needs again is none to the others.
 */
export class Cursor {
  readonly #storageKey: string | undefined
  /** The lives of the log that are over, so far as this tab has seen. */
  readonly #past = new Set<string>()
  #id: string | undefined

  /** @param storageKey where the place is kept over a reload; undefined: nowhere. */
  constructor(storageKey: string | undefined) {
    this.#storageKey = storageKey
    this.#id = load(storageKey)
  }

  /** The id to go on from; undefined before the first. */
  get id(): string | undefined {
    return this.#id
  }

  /** Takes a record, if it is news: moves on to it. */
  takes(record: StreamRecord): boolean {
    const { id } = record
    // What has no place is not in the log, and comes once.
    if (id === undefined) return true
    if (!this.#isNews(id) && !(record.kind === 'gap' && record.detail.after === this.#id))
      return false
    this.#moveTo(id)
    return true
  }

  /** Learns that the connection goes back to a place of another life: what is of that life is old. */
  wentBack(id: string): void {
    if (this.#id !== undefined && epochOf(id) !== epochOf(this.#id)) this.#past.add(epochOf(id))
  }

  #isNews(id: string): boolean {
    return this.#id === undefined || !(this.#past.has(epochOf(id)) || reaches(this.#id, id))
  }

  #moveTo(id: string): void {
    if (this.#id !== undefined && epochOf(this.#id) !== epochOf(id))
      this.#past.add(epochOf(this.#id))
    this.#id = id
    save(this.#storageKey, id)
  }
}

function epochOf(id: string): string {
  return id.slice(0, id.lastIndexOf('-'))
}

function sequenceOf(id: string): number {
  return parseInt(id.slice(id.lastIndexOf('-') + 1), 36)
}

function load(key: string | undefined): string | undefined {
  if (key === undefined) return undefined
  try {
    return sessionStorage.getItem(key) ?? undefined
  } catch {
    // The page may not use storage: it begins anew after a reload.
    return undefined
  }
}

function save(key: string | undefined, id: string): void {
  if (key === undefined) return
  try {
    sessionStorage.setItem(key, id)
  } catch {
    // As above, or the storage is full.
  }
}
