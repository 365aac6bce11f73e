/** How many lives are remembered: a log begins a new one when it was lost, which is seldom. */
const mostLives = 16

/**
 * The lives of the log, oldest first, so far as they are known: what orders the places of different
 * lives, which their sequences do not. What came over one connection is in their order; where tabs
 * know of different lives, the names decide, which begin with the time that a life began.
 */
export class Lives {
  #names: string[] = []

  get names(): readonly string[] {
    return this.#names
  }

  /**
   * Learns of a life that came after another. Known ones stay where they are.
   *
   * @param after undefined where it is not known what it came after.
   * @param before what came after it, if that is known.
   */
  learn(life: string, after?: string, before?: string): void {
    if (this.#names.includes(life)) return
    let at = after === undefined ? 0 : this.#names.indexOf(after) + 1
    const end = before === undefined ? this.#names.length : this.#names.indexOf(before)
    // A life between the two may have had nothing for this stream.
    while (at < end && this.#names[at]! < life) at++
    this.#names.splice(at, 0, life)
    if (this.#names.length > mostLives) this.#names.shift()
  }

  /** Learns what another tab knows. */
  learnAll(names: readonly string[]): void {
    names.forEach((life, index) => {
      const before = names.slice(index + 1).find((later) => this.#names.includes(later))
      this.learn(life, names[index - 1], before)
    })
  }

  /** Learns that a life goes on which was taken to be over. */
  renew(life: string): void {
    this.#names = [...this.#names.filter((name) => name !== life), life]
  }

  /** Whether a place is at or behind another. */
  reaches(id: string, other: string): boolean {
    const [life, otherLife] = [lifeOf(id), lifeOf(other)]
    if (life === otherLife) return sequenceOf(id) >= sequenceOf(other)
    return this.#names.indexOf(life) > this.#names.indexOf(otherLife)
  }
}

/** The life of the log that an id is of. */
export function lifeOf(id: string): string {
  return id.slice(0, id.lastIndexOf('-'))
}

function sequenceOf(id: string): number {
  return parseInt(id.slice(id.lastIndexOf('-') + 1), 36)
}
