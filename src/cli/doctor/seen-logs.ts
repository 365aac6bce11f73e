import { parseEventId } from '../../hub/event-id.js'

/**
 * Which logs answered: the epochs of the ids that openings, pushes and history gave. Behind one address
 * there is one, however many nodes there are.
 */
export class SeenLogs {
  readonly #times = new Map<string, number>()

  /** Notes an id, as it came. */
  note(id: unknown): void {
    const epoch = epochOf(id)
    if (epoch !== undefined) this.#times.set(epoch, (this.#times.get(epoch) ?? 0) + 1)
  }

  /** How often each of them did. */
  get times(): readonly number[] {
    return [...this.#times.values()]
  }
}

/** The life of a log that an id is of; undefined for what is no id. */
export function epochOf(id: unknown): string | undefined {
  return typeof id === 'string' ? parseEventId(id)?.epoch : undefined
}
