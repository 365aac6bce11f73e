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
    ...results.flatMap(growthTable),
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

/** How the cost grows with the number of streams. */
function growthTable({ shape, rows, columns }: Result): string[] {
  if (shape !== 'growth') return []
  const cells = Object.entries(rows).map(([name, figures]) => [
    Number(name.split(', ')[1]).toLocaleString('en'),
    ...Object.keys(columns).map((column) => shown(figures[column])),
  ])
  return [markdown(['streams', ...Object.values(columns)], cells)]
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
