import type { Caller } from './caller.js'

/** How long a token that was checked is taken as such, in milliseconds: its key may be withdrawn. */
const trustedMs = 5 * 60_000
/** How many tokens are remembered; the least used is forgotten. */
const maxTokens = 10_000

/**
 * The callers of tokens that were checked lately. When all clients come back at once, looking one
 * up costs 2 µs, and checking its signature 150. Tokens are known by their digests alone.
 */
export class VerifiedTokens {
  readonly #now: () => number
  readonly #callers = new Map<string, { readonly caller: Caller; readonly until: number }>()

  /** @param now milliseconds since the Unix epoch. */
  constructor(now: () => number) {
    this.#now = now
  }

  /** The caller of a token, if it was checked in the last minutes and has not expired since. */
  get(digest: string): Caller | undefined {
    const found = this.#callers.get(digest)
    if (found === undefined) return undefined
    this.#callers.delete(digest)
    if (this.#now() >= found.until) return undefined
    // Set anew, it is the youngest: the oldest is the one that is forgotten.
    this.#callers.set(digest, found)
    return found.caller
  }

  /** Remembers a token that was checked. */
  add(digest: string, caller: Caller): void {
    const until = Math.min(this.#now() + trustedMs, caller.expiresAt ?? Infinity)
    this.#callers.set(digest, { caller, until })
    if (this.#callers.size > maxTokens) {
      this.#callers.delete(this.#callers.keys().next().value!)
    }
  }
}
