import { lifeOf, Lives } from './lives.js'
import type { StreamRecord } from './records.js'

/** Where a tab keeps its place over a reload. */
export interface Place {
  /** The id that was kept last, if there is one. */
  load(): string | undefined
  save(id: string): void
}

/**
 * How far a tab has come. Where tabs share a connection they are at different places, and each takes
 * what is news to it: an event that one of them needs again is none to the others.
 */
export class Cursor {
  readonly #place: Place | undefined
  readonly #lives = new Lives()
  #id: string | undefined
  /** The life of the log that the connection has come to, which may be one that this tab has passed. */
  #life: string | undefined

  /** @param place where the id is kept over a reload; undefined: nowhere. */
  constructor(place?: Place) {
    this.#place = place
    this.#id = place?.load()
    if (this.#id !== undefined) this.connectionAt(this.#id)
  }

  /** The id to go on from; undefined before the first. */
  get id(): string | undefined {
    return this.#id
  }

  /** The lives of the log that this tab knows. */
  get lives(): Lives {
    return this.#lives
  }

  /** Learns from where the connection goes on, be it a place that this tab has passed. */
  connectionAt(id: string): void {
    this.#lives.learn(lifeOf(id))
    this.#life = lifeOf(id)
  }

  /** Takes the next record of the connection, if it is news: moves on to it. */
  takes(record: StreamRecord): boolean {
    const { id } = record
    // What has no place is not in the log, and comes once.
    if (id === undefined) return true
    this.#lives.learn(lifeOf(id), this.#life)
    this.#life = lifeOf(id)
    // The log has lost this tab's own place: however it is called, what follows is behind it.
    const isOwnGap = record.kind === 'gap' && record.detail.after === this.#id
    if (isOwnGap && this.#life !== lifeOf(this.#id!)) this.#lives.renew(this.#life)
    if (!isOwnGap && this.#id !== undefined && this.#lives.reaches(this.#id, id)) return false
    this.#id = id
    this.#place?.save(id)
    return true
  }
}
