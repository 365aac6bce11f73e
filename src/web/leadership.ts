/** Who is told how it stands with the lock. */
export interface Candidate {
  /** This tab leads from now on. */
  leads(): void
  /** Another tab has taken the lead from this one. */
  isDeposed(): void
}

/** The lock that the leading one of several tabs holds; the others stand in its queue. */
export class Leadership {
  readonly #name: string
  readonly #candidate: Candidate
  /** Aborted when the newest request for the lock is given up, or the lock given back. */
  #request = new AbortController()

  constructor(name: string, candidate: Candidate) {
    this.#name = name
    this.#candidate = candidate
  }

  /** Waits to be next. */
  queue(): void {
    this.#ask((signal) => ({ signal }))
  }

  /** Takes the lock from who has it, at once; a place in the queue is given up. */
  steal(): void {
    this.#ask(() => ({ steal: true }))
  }

  /** Leaves the queue, or gives the lock back. */
  leave(): void {
    this.#request.abort()
  }

  #ask(options: (signal: AbortSignal) => LockOptions): void {
    this.leave()
    const request = new AbortController()
    const { signal } = request
    this.#request = request
    let holds = false
    const hold = (): Promise<void> => {
      if (signal.aborted) return Promise.resolve()
      holds = true
      this.#candidate.leads()
      return new Promise((resolve) => {
        signal.addEventListener('abort', () => resolve())
      })
    }
    navigator.locks.request(this.#name, options(signal), hold).catch(() => {
      if (signal.aborted) return
      request.abort()
      // A page that may not use locks, in a sandboxed frame for example, has no others to lead.
      if (holds) this.#candidate.isDeposed()
      else this.#candidate.leads()
    })
  }
}
