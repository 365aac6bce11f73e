/** How much may be held at once by all who ask, in bytes. */
export class ByteBudget {
  readonly #bytes: number
  #claimed = 0

  constructor(bytes: number) {
    this.#bytes = bytes
  }

  /** Claims so many bytes; false, and nothing is claimed, if they are not to be had. */
  claim(bytes: number): boolean {
    if (this.#claimed + bytes > this.#bytes) return false
    this.#claimed += bytes
    return true
  }

  /** Gives back what was claimed. */
  release(bytes: number): void {
    this.#claimed -= bytes
  }
}
