/** What was measured of one row in one round, by the name of its column. */
export type Figures = Readonly<Record<string, number>>

/** One round of a shape: its rows by name. */
export type Rows = Readonly<Record<string, Figures>>

/** One part of a round: a server, or several that can only be measured together. */
export interface Case {
  readonly name: string
  /** Why it can't be run here; false where it can. */
  readonly missing: string | false
  run(): Promise<Rows>
}

/** What must be reached. */
export interface Target {
  /** In words, without the bound. */
  readonly what: string
  /** Read off the rows of one round; undefined where a row that it needs could not be had. */
  readonly value: (rows: Rows) => number | undefined
  readonly atMost?: number
  readonly atLeast?: number
}

/** A kind of load, on one or more servers. */
export interface Shape {
  readonly name: string
  /** What is done, in a sentence. */
  readonly what: string
  /** Run one after the other in each round. */
  readonly cases: readonly Case[]
  /** The columns of its table: a figure's name, and how it is headed. */
  readonly columns: Readonly<Record<string, string>>
  readonly targets: readonly Target[]
  /** How its rows are headed in the README, where that shows all of them. */
  readonly head?: string
  /** How many rounds it takes, where one is long and full of comparisons already. */
  readonly rounds?: number
}

/** A figure of a row; undefined where there is none. */
export function figure(rows: Rows, row: string, name: string): number | undefined {
  return rows[row]?.[name]
}

/** How many times as much one row has of a figure as another. */
export function ratio(name: string, row: string, to: string): Target['value'] {
  return (rows) => {
    const [a, b] = [figure(rows, row, name), figure(rows, to, name)]
    return a === undefined || b === undefined ? undefined : a / b
  }
}

/** The middle of some numbers. */
export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1 ? sorted[middle]! : (sorted[middle - 1]! + sorted[middle]!) / 2
}
