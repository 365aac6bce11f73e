import { visible } from '../visible.js'
import type { Examined } from './examine.js'
import type { Finding } from './finding.js'
import { problems, type ProblemCode, type ProblemKind } from './problems.js'
import { proxyNames, type ProxyName } from './proxies.js'
import { remediesFor, type Remedy } from './remedies.js'

/** A problem with all that mends it. */
interface Advice extends ProblemKind {
  readonly problem: ProblemCode
  readonly remedies: readonly { readonly proxy: ProxyName; readonly changes: readonly Remedy[] }[]
}

const marks = { ok: 'ok      ', problem: 'PROBLEM ', unknown: '?       ' } as const
const checkWidth = 15

/** The report for people: a line for each check, then what mends what is wrong. */
export function humanReport(
  url: string,
  examined: Examined,
  proxies: readonly ProxyName[],
): string {
  const { findings } = examined
  const advices = advicesOf(findings, proxies)
  const lines = [
    `${url}${between(examined)}`,
    '',
    ...findings.map(lineOf),
    ...advices.flatMap(linesOf),
    '',
    summary(findings, advices.length),
  ]
  return `${lines.map(visible).join('\n')}\n`
}

/** The report for machines: one JSON object, on one line. */
export function jsonReport(url: string, examined: Examined, proxies: readonly ProxyName[]): string {
  const { findings } = examined
  const report = {
    url,
    ok: findings.every(({ verdict }) => verdict !== 'problem'),
    proxies: [...examined.proxies],
    findings,
    problems: advicesOf(findings, proxies),
  }
  return `${JSON.stringify(report)}\n`
}

function advicesOf(findings: readonly Finding[], proxies: readonly ProxyName[]): Advice[] {
  const codes = new Set(findings.flatMap(({ problem }) => problem ?? []))
  return [...codes].map((problem) => ({
    problem,
    ...problems[problem],
    remedies: proxies
      .map((proxy) => ({ proxy, changes: remediesFor(proxy, problem) }))
      .filter(({ changes }) => changes.length > 0),
  }))
}

function between({ proxies }: Examined): string {
  const names = [...proxies].map((name) => proxyNames[name])
  return names.length === 0 ? '' : `, through ${names.join(' and ')}`
}

function lineOf({ check, verdict, text }: Finding): string {
  return `${marks[verdict]}${check.padEnd(checkWidth)} ${text}`
}

function linesOf({ problem, effect, mend = [], remedies }: Advice): string[] {
  return [
    '',
    `${problem}: ${effect}`,
    ...remedies.flatMap(({ proxy, changes }) =>
      changes.flatMap((change) => [
        `  ${proxyNames[proxy]}, ${change.place}:`,
        ...changeLines(change),
      ]),
    ),
    ...mend.map((line) => `  ${line}`),
  ]
}

function changeLines({ put = [], drop = [], note }: Remedy): string[] {
  return [
    ...put.map((line) => `      ${line}`),
    ...drop.map((line) => `      take out: ${line}`),
    ...(note === undefined ? [] : [`      (${note})`]),
  ]
}

function summary(findings: readonly Finding[], count: number): string {
  const open = findings.filter(({ verdict }) => verdict === 'unknown').length
  const rest = open === 0 ? '' : `; ${open} could not be told`
  if (count === 0) return `No problem found${rest}.`
  return `${count} ${count === 1 ? 'problem' : 'problems'} found${rest}.`
}
