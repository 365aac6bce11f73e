interface Wait {
  readonly sequence: number
  readonly until: number
  readonly resolve: () => void
}

/** Who waits until a log has told a sequence, or has not for too long. */
export class ToldWaits {
  #waits: Wait[] = []

  /** Waits for a sequence, `ms` at most; whether it was told by then is for the caller to look. */
  for(sequence: number, ms: number): Promise<void> {
    const until = performance.now() + ms
    return new Promise((resolve) => this.#waits.push({ sequence, until, resolve }))
  }

  /** Ends the waits for what was told, up to `head`, and those that were to end by `now`. */
  end(head: number, now = performance.now()): void {
    if (this.#waits.length === 0) return
    const isOver = ({ sequence, until }: Wait): boolean => sequence <= head || until <= now
    for (const wait of this.#waits) if (isOver(wait)) wait.resolve()
    this.#waits = this.#waits.filter((wait) => !isOver(wait))
  }
}
