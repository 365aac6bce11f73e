import { readFileSync, writeFileSync } from 'node:fs'
import { projectFolder } from './machine.js'
import { shown, type Result } from './report.js'

const begin = '<!-- bench: written by npm run bench -- --write -->'
const end = '<!-- bench: end -->'

/** Puts the results into the README, in the place that is for them. */
export function writeReadme(results: readonly Result[]): void {
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
    ...measuredOn(results),
  ]
  writeFileSync(path, `${before}${begin}\n\n${text.join('\n\n')}\n\n${end}${after}`)
}

/** Which machines it was; a ratio is of one, what stands in one table need not be. */
function measuredOn(results: readonly Result[]): string[] {
  const machines = [...new Set(results.map(({ machine }) => machine))]
  return machines.map((machine) => {
    const ofIt = results.filter((result) => result.machine === machine)
    const which = machines.length === 1 ? '' : ` (${ofIt.map(({ shape }) => shape).join(', ')})`
    const rounds = Math.max(...ofIt.map((result) => result.rounds))
    return `Measured${which} on ${machine}; at most ${rounds} rounds of each.`
  })
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

/** What the rows of a table begin with that has no peers. */
const own = 'ringcast, '

/** All rows of a shape, where it is more than what was to be reached. */
function wholeTable({ shape, rows, columns, head, what }: Result): string[] {
  if (head === undefined) return []
  const names = Object.keys(rows)
  const prefix = names.every((name) => name.startsWith(own)) ? own : ''
  const cells = Object.entries(rows).map(([name, figures]) => [
    name.slice(prefix.length).replace(/^\d{4,}/, (count) => Number(count).toLocaleString('en')),
    ...Object.keys(columns).map((column) => shown(figures[column])),
  ])
  return [`**${shape}**: ${what}`, markdown([head, ...Object.values(columns)], cells)]
}

function markdown(head: readonly string[], rows: readonly (readonly string[])[]): string {
  return [head, head.map(() => '---'), ...rows].map((row) => `| ${row.join(' | ')} |`).join('\n')
}
