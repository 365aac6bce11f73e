/**
 * The items of the largest values, at most `count`, the largest first; of equal ones those that came
 * first. It takes one look at each item: sorting ten thousand takes longer than all figures together.
 */
export function largest<T>(items: Iterable<T>, valueOf: (item: T) => number, count: number): T[] {
  const found: { readonly item: T; readonly value: number }[] = []
  for (const item of items) {
    const value = valueOf(item)
    if (found.length === count && value <= found[count - 1]!.value) continue
    if (found.length === count) found.pop()
    let at = found.length
    while (at > 0 && found[at - 1]!.value < value) at--
    found.splice(at, 0, { item, value })
  }
  return found.map(({ item }) => item)
}
