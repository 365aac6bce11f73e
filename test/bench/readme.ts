import { readFileSync, writeFileSync } from 'node:fs'
import { projectFolder } from './machine.js'
import { shown, type Result } from './report.js'

const begin = '<!-- bench: written by npm run bench -- --write -->'
const end = '<!-- bench: end -->'

/** Puts the results into the README, in the place that is for them. */
export function writeReadme(results: readonly Result[], machine: string): void {
  const path = `${projectFolder}README.md`
  const [before, rest] = readFileSync(path, 'utf8').split(begin)
  const after = rest?.split(end)[1]
  if (before === undefined || after === undefined) throw new Error('the README has no place for it')
  const text = [
    verdictTable(results),
    ...results.flatMap(wholeTable),
    ...results.flatMap(({ shape, failures }) =>
      failures.map((failure) => `Did not get through the ${shape}: ${failure}.`),
    ),
    `Measured on ${machine}; at most ${Math.max(...results.map(({ rounds }) => rounds))} rounds of each.`,
  ]
  writeFileSync(path, `${before}${begin}\n\n${text.join('\n\n')}\n\n${end}${after}`)
}

/** What was to be reached, and was or was not. */
function verdictTable(results: readonly Result[]): string {
  const rows = results.flatMap(({ shape, what, verdicts }) =>
    verdicts.map(({ what: figure, value, bound, reached }, index) => [
      index === 0 ? `**${shape}**: ${what}` : '',
      figure,
      reached === false ? `**${shown(value)}**` : shown(value),
      bound,
    ]),
  )
  return markdown(['shape', 'figure', 'measured', 'wanted'], rows)
}

/** All rows of a shape, where it is more than what was to be reached. */
function wholeTable({ shape, rows, columns, head, what }: Result): string[] {
  if (head === undefined) return []
  const cells = Object.entries(rows).map(([name, figures]) => [
    name
      .slice('ringcast, '.length)
      .replace(/^\d{4,}/, (count) => Number(count).toLocaleString('en')),
    ...Object.keys(columns).map((column) => shown(figures[column])),
  ])
  return [`**${shape}**: ${what}`, markdown([head, ...Object.values(columns)], cells)]
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
