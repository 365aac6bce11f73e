import type { Caller } from './caller.js'

/** The most users whose revocations are kept one by one. */
const maxUsers = 100_000

/**
 * Whose tokens were revoked, and until when these were issued. Kept in memory, and for good: how
 * long a token lives is its issuer's to say.
 */
export class Revocations {
  readonly #now: () => number
  /** Up to which second tokens of a user are refused, inclusive; the oldest revocation first. */
  readonly #users = new Map<string, number>()
  /** The same of everybody. */
  #all: number | undefined

  /** @param now milliseconds since the Unix epoch. */
  constructor(now: () => number) {
    this.#now = now
  }

  /**
   * Refuses from now on a user's tokens that were issued before now. Tokens tell when in whole
   * seconds: one of this second counts as issued before.
   */
  revoke(user: string): void {
    this.#users.delete(user)
    this.#users.set(user, Math.floor(this.#now() / 1000))
    if (this.#users.size <= maxUsers) return
    // What is forgotten of one is asked of all: a revoked token never comes to be good again.
    const [oldest, second] = this.#users.entries().next().value!
    this.#users.delete(oldest)
    this.#all = second
  }

  /** Whether a caller's credential was revoked; one that does not tell its age counts as old. */
  has({ user, issuedAt }: Caller): boolean {
    if (user === undefined) return false
    const second = this.#users.get(user) ?? this.#all
    if (second === undefined) return false
    return issuedAt === undefined || Math.floor(issuedAt) <= second
  }
}
