import type { RevocationChanges, RevocationStore } from '../hub/event-log.js'
import type { Caller } from './caller.js'

/** The most users whose revocations are kept one by one. */
const maxUsers = 100_000
/** Under which name what is asked of all is kept; no user has it. */
const everybody = ''

/**
 * Whose tokens were revoked, and until when these were issued. Kept in memory, with the log too if
 * that is durable, and for good: how long a token lives is its issuer's to say.
 */
export class Revocations {
  readonly #now: () => number
  /** Up to which second tokens of a user are refused, inclusive; the oldest revocation first. */
  readonly #users = new Map<string, number>()
  /** The same of everybody. */
  #all: number | undefined
  readonly #store: RevocationStore | undefined
  #onRevoked: (user: string) => void = () => {}

  /**
   * @param now milliseconds since the Unix epoch.
   * @param store where they outlive the process, if they do.
   */
  constructor(now: () => number, store?: RevocationStore) {
    this.#now = now
    this.#store = store
    this.#takeIn(new Map(store?.kept ?? []))
    store?.onChange?.((changes) => {
      this.#takeIn(changes)
      for (const [user, second] of changes) {
        if (user !== everybody && second !== undefined) this.#onRevoked(user)
      }
    })
  }

  /** Names the one listener that is told whose credentials were revoked on another node. */
  onRevoked(listener: (user: string) => void): void {
    this.#onRevoked = listener
  }

  /** This second, since the Unix epoch: tokens of it and before are those that were issued before now. */
  get second(): number {
    return Math.floor(this.#now() / 1000)
  }

  /**
   * Refuses from now on a user's tokens that were issued before now. Tokens tell when in whole
   * seconds: one of this second counts as issued before.
   *
   * @returns when it is kept as safely as the log keeps events; it counts at once.
   * @throws RingcastError `RINGCAST_LOG_UNAVAILABLE` if it would not outlive the process.
   */
  async revoke(user: string, until = this.second): Promise<void> {
    const changes = this.refuse(user, until)
    await this.#store?.keep(changes)
  }

  /**
   * The same for this process, where another one sees to it that it is kept.
   *
   * @returns what there is to be kept.
   */
  refuse(user: string, until: number): ReadonlyMap<string, number | undefined> {
    const changes = new Map<string, number | undefined>([[user, until]])
    this.#users.delete(user)
    this.#users.set(user, until)
    if (this.#users.size > maxUsers) this.#forgetOldest(changes)
    return changes
  }

  #takeIn(changes: RevocationChanges): void {
    for (const [user, second] of changes) {
      if (user === everybody) this.#all = second
      else {
        this.#users.delete(user)
        if (second !== undefined) this.#users.set(user, second)
      }
    }
  }

  #forgetOldest(changes: Map<string, number | undefined>): void {
    // What is forgotten of one is asked of all: a revoked token never comes to be good again.
    const [oldest, second] = this.#users.entries().next().value!
    this.#users.delete(oldest)
    this.#all = second
    changes.set(oldest, undefined).set(everybody, second)
  }

  /** Whether a caller's credential was revoked; one that does not tell its age counts as old. */
  has({ user, issuedAt }: Caller): boolean {
    if (user === undefined) return false
    const second = this.#users.get(user) ?? this.#all
    if (second === undefined) return false
    return issuedAt === undefined || Math.floor(issuedAt) <= second
  }
}
