import { logUnavailable } from '../errors.js'
import type { RevocationChanges, RevocationStore } from '../hub/event-log.js'
import { revokeScript } from './redis-scripts.js'
import type { LiveLog } from './redis-retained.js'

/** Under which name what is asked of all is kept. */
const everybody = ''

/** Revocations that all nodes share. Each node holds them all, so that a Redis that lost them gets them back. */
export class RedisRevocations implements RevocationStore {
  readonly #live: () => LiveLog
  readonly #seconds = new Map<string, number>()
  #listener: (changes: RevocationChanges) => void = () => {}

  /** @param live the log; throws `RINGCAST_LOG_UNAVAILABLE` where it cannot be reached. */
  constructor(live: () => LiveLog) {
    this.#live = live
  }

  get kept(): [user: string, second: number][] {
    return [...this.#seconds].sort(([, a], [, b]) => a - b)
  }

  onChange(listener: (changes: RevocationChanges) => void): void {
    this.#listener = listener
  }

  async keep(changes: RevocationChanges): Promise<void> {
    try {
      await this.#write(this.#live(), changes)
    } catch (error) {
      throw logUnavailable(`the revocation could not be kept (${(error as Error).message})`)
    }
    this.#note(changes)
  }

  /** Takes in what Redis has, and gives it what it has not. */
  async load(live: Pick<LiveLog, 'connection' | 'prefix'>): Promise<void> {
    const flat = (await live.connection.send(['HGETALL', `${live.prefix}revoked`])) as string[]
    const stored = readChanges(flat)
    const missing = this.kept.filter(
      ([user, second]) =>
        (stored.get(user) ?? -1) < second && (stored.get(everybody) ?? -1) < second,
    )
    this.noted(stored)
    if (missing.length > 0) await this.#write(live, new Map(missing))
  }

  /** Takes in what a node has told, and tells it on where it is new. */
  noted(changes: RevocationChanges): void {
    const news = [...changes].filter(
      ([user, second]) => this.#seconds.get(user) !== second && this.#isNewer(user, second),
    )
    if (news.length === 0) return
    this.#note(new Map(news))
    this.#listener(new Map(news))
  }

  #isNewer(user: string, second: number | undefined): boolean {
    return second === undefined || second > (this.#seconds.get(user) ?? -1)
  }

  #note(changes: RevocationChanges): void {
    for (const [user, second] of changes) {
      if (second === undefined) this.#seconds.delete(user)
      else this.#seconds.set(user, second)
    }
  }

  async #write(
    { connection, prefix }: Pick<LiveLog, 'connection' | 'prefix'>,
    changes: RevocationChanges,
  ): Promise<void> {
    const args = [...changes].flatMap(([user, second]) => [user, second?.toString() ?? ''])
    await revokeScript.run(connection, [prefix, ...args])
  }
}

/** Reads users and seconds, one after the other; none is written as an empty text. */
export function readChanges(flat: readonly string[]): Map<string, number | undefined> {
  const changes = new Map<string, number | undefined>()
  for (let at = 0; at < flat.length; at += 2) {
    changes.set(flat[at]!, flat[at + 1] === '' ? undefined : Number(flat[at + 1]))
  }
  return changes
}
