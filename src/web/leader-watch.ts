/** How many heartbeats may pass without a word from who leads before they are asked. */
const silentHeartbeats = 3
/** How long an answer may take; the spread lets one tab act before the others. */
const answerMs = 5_000
const answerSpreadMs = 1_000
/** A timer that is so late says that this tab itself was held up. */
const lateMs = 1_000

/** What is done about a leader that is not heard. */
export interface WatchActions {
  /** Ask whether they are there. */
  ask(): void
  /** They do not answer. */
  giveUp(): void
}

/**
 * Listens whether the leading tab is alive. It may be held up, by a debugger or an endless loop, or
 * frozen by the browser, and holds its lock all the same. Its own timers are no proof: in a tab that is
 * not seen they run once a minute. So it is asked, since messages come at once.
 */
export class LeaderWatch {
  readonly #actions: WatchActions
  #heardAt = 0
  #isAnswered = false
  #silentMs = silentHeartbeats * 15_000
  #timer: ReturnType<typeof setTimeout> | undefined

  constructor(actions: WatchActions) {
    this.#actions = actions
  }

  /** A word from who leads. */
  heard(): void {
    this.#heardAt = performance.now()
    this.#isAnswered = true
  }

  /** Begins to listen: they are there. */
  listen(heartbeatMs: number): void {
    this.#silentMs = silentHeartbeats * heartbeatMs
    this.heard()
    this.#wait()
  }

  /** Expects an answer to what was asked just now. */
  expect(again = false): void {
    clearTimeout(this.#timer)
    this.#isAnswered = false
    const askedAt = performance.now()
    const waitMs = answerMs + Math.random() * answerSpreadMs
    this.#timer = setTimeout(() => {
      if (this.#isAnswered) this.#wait()
      else if (!again && performance.now() - askedAt - waitMs > lateMs) {
        // The answer may be behind this timer in the queue of what is to be done.
        this.#actions.ask()
        this.expect(true)
      } else this.#actions.giveUp()
    }, waitMs)
  }

  stop(): void {
    clearTimeout(this.#timer)
  }

  #wait(): void {
    clearTimeout(this.#timer)
    const leftMs = this.#heardAt + this.#silentMs - performance.now()
    if (leftMs > 0) this.#timer = setTimeout(() => this.#wait(), leftMs)
    else {
      this.#actions.ask()
      this.expect()
    }
  }
}
