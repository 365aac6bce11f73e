/** Counts by their names, of which some may not be there. */
type Counts = Readonly<Partial<Record<string, number>>>

/** Adds up counts, name by name. */
export function addedUp<Some extends Counts>(all: readonly Some[]): Some {
  const sums: Record<string, number> = {}
  for (const each of all) {
    for (const [name, count = 0] of Object.entries(each)) sums[name] = (sums[name] ?? 0) + count
  }
  return sums as Some
}

/** All of the counts together. */
export function totalOf(counts: Counts): number {
  return Object.values(counts).reduce<number>((total, count = 0) => total + count, 0)
}
