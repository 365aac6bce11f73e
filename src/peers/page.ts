import { RingcastError } from '../errors.js'

/** A page of a list, and what to ask with for the next one. */
export interface Page<T> {
  readonly items: readonly T[]
  /** How many there are on all pages. */
  readonly total: number
  /** The `after` of the next page; null on the last. */
  readonly after: string | null
}

/** Which page is asked for. */
export interface PageRequest {
  /** The field that it is sorted by; `-` before it: largest first. */
  readonly sort: string
  /** The most rows on it. */
  readonly limit: number
  /** The `after` of the page before; undefined for the first. */
  readonly after: string | undefined
}

/**
 * A page of rows, sorted. It goes on behind the place of the row that the last one ended with, whether
 * that row is still there or not.
 *
 * @param nameOf what tells rows of equal value apart, and orders them.
 */
export function page<T>(
  rows: readonly T[],
  nameOf: (row: T) => string,
  { sort, limit, after }: PageRequest,
): Page<T> {
  const descending = sort.startsWith('-')
  const field = sort.replace('-', '') as keyof T
  const placeOf = (row: T): Place => [row[field] as string | number, nameOf(row)]
  const order = (a: Place, b: Place): number =>
    (descending ? -1 : 1) * compare(a[0], b[0]) || compare(a[1], b[1])
  const sorted = rows.map((row) => ({ row, place: placeOf(row) }))
  sorted.sort((a, b) => order(a.place, b.place))
  const behind = after === undefined ? undefined : readPlace(after)
  const rest =
    behind === undefined ? sorted : sorted.filter(({ place }) => order(place, behind) > 0)
  const items = rest.slice(0, limit)
  return {
    items: items.map(({ row }) => row),
    total: rows.length,
    after: rest.length > limit ? writePlace(items.at(-1)!.place) : null,
  }
}

type Place = readonly [value: string | number, name: string]

function compare(a: string | number, b: string | number): number {
  return a < b ? -1 : a > b ? 1 : 0
}

function writePlace(place: Place): string {
  return Buffer.from(JSON.stringify(place)).toString('base64url')
}

function readPlace(after: string): Place {
  try {
    const place: unknown = JSON.parse(Buffer.from(after, 'base64url').toString())
    if (isPlace(place)) return place
  } catch {
    // It is not what writePlace wrote.
  }
  throw new RingcastError(
    'RINGCAST_INVALID_QUERY',
    '"after" is what the last page gave as "after"',
    { path: 'after' },
  )
}

function isPlace(value: unknown): value is Place {
  if (!Array.isArray(value) || value.length !== 2) return false
  return ['string', 'number'].includes(typeof value[0]) && typeof value[1] === 'string'
}
