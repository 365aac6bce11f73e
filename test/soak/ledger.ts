/** An event that the service has accepted: from its 202 on it is owed to all whom it concerns. */
export interface Accepted {
  readonly id: string
  /** The place that the id names. */
  readonly sequence: number
  /** Which of all events it is, in the order in which their pushes were begun. */
  readonly number: number
  readonly topics: readonly string[]
  readonly users: readonly string[]
}

/** Whom an event is for, as a publisher says it. */
export type Addressees = Pick<Accepted, 'topics' | 'users'>

/** What a subscriber asked for. */
export interface Wants {
  /** Exact topics and patterns. */
  readonly topics: readonly string[]
  readonly user?: string | undefined
}

/** The place that an id names (PROTOCOL section 1); NaN if it is none. */
export function sequenceOf(id: string): number {
  const match = /^[0-9a-z]+-([0-9a-z]+)$/.exec(id)
  return match === null ? NaN : Number.parseInt(match[1]!, 36)
}

/** The life of the log that an id is of. */
export function epochOf(id: string): string {
  return id.split('-')[0]!
}

/** All that was accepted, and what is wrong with that by itself. */
export class Ledger {
  readonly #byPlace = new Map<number, Accepted>()
  readonly #inOrderOfAnswers: Accepted[] = []
  #epoch: string | undefined
  /** How many events have been pushed, accepted or not: the next one's number. */
  begun = 0
  /** The newest place that is known to be taken. */
  newest = 0
  readonly failures: string[] = []

  /** Gives so many new events their numbers; answers the first. */
  begin(count: number): number {
    this.begun += count
    return this.begun - count
  }

  /**
   * Notes that an event was accepted.
   *
   * @param after the newest place that was known when its push was begun: one order means that it
   * comes later.
   */
  accept(event: Omit<Accepted, 'sequence'>, after: number): void {
    const { id, number } = event
    const sequence = sequenceOf(id)
    if (!(sequence > 0)) {
      this.failures.push(`event ${number} got the id ${id}, which is none`)
      return
    }
    this.#epoch ??= epochOf(id)
    const taken = this.#byPlace.get(sequence)
    if (epochOf(id) !== this.#epoch) this.failures.push(`${id} is not of the life ${this.#epoch}`)
    if (taken !== undefined) {
      this.failures.push(`the id ${id} was given to event ${number} and to event ${taken.number}`)
    }
    if (sequence <= after) {
      this.failures.push(`event ${number} got the place ${sequence}, though ${after} was known`)
    }
    const accepted = { ...event, sequence }
    this.#byPlace.set(sequence, accepted)
    this.#inOrderOfAnswers.push(accepted)
    this.newest = Math.max(this.newest, sequence)
  }

  /** How many were accepted. */
  get size(): number {
    return this.#byPlace.size
  }

  /** The life of the log; undefined before anything was accepted. */
  get epoch(): string | undefined {
    return this.#epoch
  }

  /** What has a place. */
  at(sequence: number): Accepted | undefined {
    return this.#byPlace.get(sequence)
  }

  /** All that a subscriber is owed, wherever it began, in order. */
  owed(wants: Wants): Accepted[] {
    const isOwed = matcher(wants)
    return this.#inOrderOfAnswers.filter(isOwed).sort((a, b) => a.sequence - b.sequence)
  }

  /** The newest place of what was accepted last and concerns a subscriber; 0 if it can't be told soon. */
  lately(isOwed: (event: Addressees) => boolean): number {
    const recent = this.#inOrderOfAnswers.slice(-200)
    return Math.max(0, ...recent.filter(isOwed).map(({ sequence }) => sequence))
  }
}

/**
 * Whether an event concerns a subscriber. Patterns as in PROTOCOL section 2, written anew: what is
 * to be proved is not asked.
 */
export function matcher({ topics, user }: Wants): (event: Addressees) => boolean {
  const patterns = topics.map(
    (topic) =>
      new RegExp(
        `^${topic
          .split('/')
          .map((part, index, { length }) => {
            if (part === '**' && index === length - 1) return '.+'
            return part === '*' ? '[^/]*' : part.replace(/[^\w]/g, '\\$&')
          })
          .join('/')}$`,
      ),
  )
  return (event) =>
    (user !== undefined && event.users.includes(user)) ||
    event.topics.some((topic) => patterns.some((pattern) => pattern.test(topic)))
}
