import type { StreamChanges, StreamRow } from './figures.js'

/** Which streams are wanted; all, where nothing is said. */
export interface StreamFilter {
  readonly user?: string
  readonly topic?: string
  readonly node?: string
}

/** How many rows `$sys/stats` names as the slowest, at most. */
const mostSlowest = 20
/** How many rows are kept, so that a page that is open for long does not grow. */
const mostKept = 400

/** The streams that the page knows of: a page of the list, kept up by what is told since. */
export class StreamList {
  readonly #rows = new Map<string, StreamRow>()
  #filter: StreamFilter = {}
  #sort = '-lag'
  #total = 0

  /** How many there are, those that the page has no row of counted. */
  get total(): number {
    return Math.max(this.#total, this.#rows.size)
  }

  /** Begins with what the service has listed. */
  begin(rows: readonly StreamRow[], total: number, filter: StreamFilter, sort: string): void {
    this.#rows.clear()
    for (const row of rows) this.#rows.set(row.id, row)
    this.#total = total
    this.#filter = filter
    this.#sort = sort
  }

  /** Takes what was told; false where not all was, and the list has to be asked for. */
  apply({ opened, openedCount, closed, closedCount, changed }: StreamChanges): boolean {
    if (openedCount > opened.length || closedCount > closed.length) return false
    for (const row of opened) this.#add(row)
    for (const row of changed) {
      if (this.#rows.has(row.id)) this.#total--
      this.#rows.delete(row.id)
      this.#add(row)
    }
    for (const row of closed) {
      if (this.#rows.delete(row.id) || this.#isWanted(row)) this.#total--
    }
    this.#trim()
    return true
  }

  /** Takes how far the slowest of a node are behind. */
  slowest(node: string, rows: readonly StreamRow[]): void {
    // Who is not among them has caught up, unless there are more of them than were told.
    for (const row of rows.length < mostSlowest ? this.#rows.values() : []) {
      if (row.node === node && row.lag > 0)
        this.#rows.set(row.id, { ...row, lag: 0, state: 'idle' })
    }
    for (const row of rows) if (this.#isWanted(row)) this.#rows.set(row.id, row)
  }

  remove(id: string): void {
    if (this.#rows.delete(id)) this.#total--
  }

  /** In the order that was asked for. */
  sorted(): StreamRow[] {
    const field = this.#sort.replace('-', '') as 'lag' | 'bytes' | 'since'
    const sign = this.#sort.startsWith('-') ? -1 : 1
    return [...this.#rows.values()].sort(
      (a, b) => sign * compare(a[field], b[field]) || compare(a.id, b.id),
    )
  }

  #add(row: StreamRow): void {
    if (!this.#isWanted(row) || this.#rows.has(row.id)) return
    this.#rows.set(row.id, row)
    this.#total++
  }

  #trim(): void {
    if (this.#rows.size <= mostKept) return
    for (const { id } of this.sorted().slice(mostKept / 2)) this.#rows.delete(id)
  }

  #isWanted({ user, topics, node }: StreamRow): boolean {
    const filter = this.#filter
    return (
      (filter.user === undefined || filter.user === user) &&
      (filter.topic === undefined || topics.includes(filter.topic)) &&
      (filter.node === undefined || filter.node === node)
    )
  }
}

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0
}
