/** Numbers that look random, the same ones for the same seed (mulberry32). */
export class Random {
  #state: number

  /** @param seed a number, and what it is for, so that no two uses draw the same numbers. */
  constructor(seed: number, use = '') {
    this.#state = seed
    for (const character of use) {
      this.#state = Math.imul(this.#state ^ character.charCodeAt(0), 0x01000193)
    }
  }

  /** From 0 to less than 1. */
  next(): number {
    this.#state = (this.#state + 0x6d2b79f5) | 0
    let mixed = Math.imul(this.#state ^ (this.#state >>> 15), 1 | this.#state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }

  /** From one number to less than another. */
  between(from: number, to: number): number {
    return from + this.next() * (to - from)
  }

  /** A whole number from 0 to less than `end`. */
  below(end: number): number {
    return Math.floor(this.next() * end)
  }

  /** One of some things; there has to be one. */
  of<T>(things: readonly T[]): T {
    return things[this.below(things.length)]!
  }

  /** So many of them, each at most once. */
  some<T>(things: readonly T[], count: number): T[] {
    return this.shuffled(things).slice(0, count)
  }

  /** All of them in another order. */
  shuffled<T>(things: readonly T[]): T[] {
    const left = [...things]
    return things.map(() => left.splice(this.below(left.length), 1)[0]!)
  }
}
