import type { Hub } from '../hub/hub.js'

/** What `$sys/streams` names one by one in a second; beyond it only counts. */
const maxNamed = 200
const periodMs = 1000

/**
 * Feeds the `$sys` topics: once a second the figures, and what streams opened, closed and subscribed
 * to something else. Nothing is made up while nobody listens.
 */
export class SystemFeed {
  readonly #system: Hub
  #timer: NodeJS.Timeout | undefined
  /** Asked when they are told: a WebSocket client says what it wants only once it is connected. */
  #opened = new Map<object, () => unknown>()
  #closed: unknown[] = []
  #changed = new Map<object, () => unknown>()
  #openedCount = 0
  #closedCount = 0

  constructor(system: Hub) {
    this.#system = system
  }

  /** Begins to feed, once a second, until `stop`. */
  start(figures: () => Promise<object>): void {
    let asking = false
    this.#timer = setInterval(() => {
      if (asking || this.#system.streams.size === 0 || this.#system.draining) return
      asking = true
      void figures()
        .then((latest) => {
          this.#publish('$sys/stats', latest)
          this.#publishStreams()
        })
        .finally(() => (asking = false))
    }, periodMs).unref()
  }

  stop(): void {
    clearInterval(this.#timer)
  }

  /** Notes a stream that opened. */
  opened(stream: object, row: () => unknown): void {
    if (this.#system.streams.size === 0) return
    this.#openedCount++
    if (this.#opened.size < maxNamed) this.#opened.set(stream, row)
  }

  /** Notes a stream that closed. */
  closed(stream: object, row: () => unknown): void {
    if (this.#system.streams.size === 0) {
      // Who listens next hears nothing of what was not told by now.
      this.#forget()
      return
    }
    this.#changed.delete(stream)
    this.#closedCount++
    if (this.#closed.length < maxNamed) this.#closed.push(row())
  }

  /** Notes a stream that is subscribed to something else than it was told to be. */
  changed(stream: object, row: () => unknown): void {
    if (this.#system.streams.size === 0 || this.#opened.has(stream)) return
    if (this.#changed.size < maxNamed) this.#changed.set(stream, row)
  }

  #publishStreams(): void {
    if (this.#openedCount + this.#closedCount + this.#changed.size === 0) return
    this.#publish('$sys/streams', {
      opened: Array.from(this.#opened.values(), (row) => row()),
      openedCount: this.#openedCount,
      closed: this.#closed,
      closedCount: this.#closedCount,
      changed: Array.from(this.#changed.values(), (row) => row()),
    })
    this.#forget()
  }

  #forget(): void {
    this.#opened = new Map()
    this.#closed = []
    this.#changed = new Map()
    this.#openedCount = 0
    this.#closedCount = 0
  }

  #publish(topic: string, data: object): void {
    const draft = { topics: [topic], users: [], event: undefined, key: undefined, json: true }
    // A full ring means that its readers are behind: they have no use for older figures either.
    this.#system.publish([{ ...draft, data: JSON.stringify(data) }]).catch(() => {})
  }
}
