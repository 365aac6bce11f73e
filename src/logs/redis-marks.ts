import type { LogEntry } from './redis-entries.js'

/** How many groups of events are told apart: as many as a ring usually has events. */
const keptGroups = 65_536

/**
 * Which entries a node has had, each with its mark, so that it can tell whether the log still has
 * the same. What was appended together has one mark.
 */
export class Marks {
  /** Where each group begins, and its mark. */
  #groups: { first: number; mark: string }[] = []
  #head = 0

  /** The oldest sequence that it knows of. */
  get first(): number {
    return this.#groups[0]?.first ?? this.#head + 1
  }

  /** Notes entries in their order. */
  add(entries: readonly LogEntry[]): void {
    for (const { event, mark } of entries) {
      this.#head = event.sequence
      if (this.#groups.at(-1)?.mark !== mark) this.#groups.push({ first: event.sequence, mark })
    }
    // Seldom, so that it costs nothing by the event.
    if (this.#groups.length > 2 * keptGroups) this.#groups = this.#groups.slice(-keptGroups)
  }

  /** Begins anew behind a sequence. */
  clear(head: number): void {
    this.#groups = []
    this.#head = head
  }

  /** The mark of a sequence that it knows of. */
  of(sequence: number): string | undefined {
    let [low, high] = [0, this.#groups.length]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#groups[middle]!.first <= sequence) low = middle + 1
      else high = middle
    }
    return sequence > this.#head ? undefined : this.#groups[low - 1]?.mark
  }
}
