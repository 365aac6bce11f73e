import { median, type Figures, type Rows, type Shape, type Target } from './shape.js'

/** A target and what came of it. */
export interface Verdict {
  readonly what: string
  /** As `at most 1.15`. */
  readonly bound: string
  /** The middle of all rounds; undefined where it could not be measured. */
  readonly value: number | undefined
  readonly reached: boolean | undefined
}

/** What all rounds of a shape gave. */
export interface Result {
  readonly shape: string
  readonly what: string
  readonly rounds: number
  readonly columns: Readonly<Record<string, string>>
  readonly head?: string | undefined
  /** The middle of all rounds. */
  readonly rows: Rows
  readonly verdicts: readonly Verdict[]
  /** What could not be run here, and why. */
  readonly missing: readonly string[]
  /** What was run, and failed, and why. */
  readonly failures: readonly string[]
  /** What it was measured on, in one line. */
  readonly machine: string
}

/** Sums up the rounds of a shape. Ratios are taken within each round, and then their middle. */
export function summarize(
  shape: Shape,
  rounds: readonly Rows[],
  failures: readonly string[],
  machine: string,
): Result {
  const names = [...new Set(rounds.flatMap((round) => Object.keys(round)))]
  return {
    shape: shape.name,
    what: shape.what,
    rounds: rounds.length,
    columns: shape.columns,
    head: shape.head,
    rows: Object.fromEntries(names.map((name) => [name, middleOf(rounds, name)])),
    verdicts: shape.targets.map((target) => judge(target, rounds)),
    missing: shape.cases.flatMap(({ name, missing }) =>
      missing === false ? [] : [`${name}: ${missing}`],
    ),
    failures,
    machine,
  }
}

function middleOf(rounds: readonly Rows[], row: string): Figures {
  const figures: Record<string, number> = {}
  const measured = rounds.map((round) => round[row] ?? {})
  for (const name of new Set(measured.flatMap(Object.keys))) {
    figures[name] = median(measured.flatMap((each) => each[name] ?? []))
  }
  return figures
}

function judge({ what, value, atMost, atLeast }: Target, rounds: readonly Rows[]): Verdict {
  const bound = atMost === undefined ? `at least ${atLeast ?? 0}` : `at most ${atMost}`
  const values = rounds.flatMap((round) => value(round) ?? [])
  if (values.length === 0) return { what, bound, value: undefined, reached: undefined }
  const middle = median(values)
  const reached = middle <= (atMost ?? Infinity) && middle >= (atLeast ?? -Infinity)
  return { what, bound, value: middle, reached }
}

/** A result as text for a terminal. */
export function table(result: Result): string {
  const { shape, what, rounds, columns, rows, verdicts, missing, failures } = result
  const names = Object.keys(columns)
  const lines = [
    ['', ...Object.values(columns)],
    ...Object.entries(rows).map(([row, figures]) => [
      row,
      ...names.map((name) => shown(figures[name])),
    ]),
  ]
  const widths = lines[0]!.map((_, column) =>
    Math.max(...lines.map((line) => line[column]!.length)),
  )
  const text = lines.map((line) =>
    line
      .map((cell, column) =>
        column === 0 ? cell.padEnd(widths[0]!) : cell.padStart(widths[column]!),
      )
      .join('  '),
  )
  const marks = verdicts.map(
    (verdict) => `  ${mark(verdict)} ${verdict.what}: ${shown(verdict.value)} (${verdict.bound})`,
  )
  const gone = [
    ...missing.map((each) => `  not run: ${each}`),
    ...failures.map((each) => `  failed: ${each}`),
  ]
  const title = `${shape}: ${what} (${rounds === 1 ? 'one round' : `middle of ${rounds} rounds`})`
  return [title, ...text.map((line) => `  ${line}`), ...marks, ...gone, ''].join('\n')
}

function mark({ reached }: Verdict): string {
  if (reached === undefined) return '?'
  return reached ? '✓' : '✗'
}

/** A figure to three digits or whole thousands, with nothing after what is not measured. */
export function shown(value: number | undefined): string {
  if (value === undefined) return '–'
  if (value >= 1000) return Math.round(value).toLocaleString('en')
  return value.toPrecision(3)
}
