import { EventEmitter, once } from 'node:events'

/** Lets others wait for something that changes. */
export class Changes {
  readonly #emitter = new EventEmitter().setMaxListeners(0)

  /** To be called after each change. */
  tell(): void {
    this.#emitter.emit('change')
  }

  /** Waits until the condition holds, `over` holds, or so many milliseconds are over; whether it does. */
  async until(condition: () => boolean, over: () => boolean, ms: number): Promise<boolean> {
    const signal = AbortSignal.timeout(Math.max(0, Math.ceil(ms)))
    try {
      while (!condition() && !over()) await once(this.#emitter, 'change', { signal })
    } catch {
      // The time is over.
    }
    return condition()
  }
}
