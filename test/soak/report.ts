import type { Holdings, ServedNode } from './node.js'

/** A process that lives from the rest to the end, and what it held at both. */
export interface Held {
  readonly node: ServedNode
  readonly name: string
  readonly pid: number
  /** Its heap in between, under load, in bytes. */
  readonly samples: number[]
  atRest?: Holdings | undefined
  atEnd?: Holdings | undefined
}

/** What came of a scenario. Times say their unit, sizes are in bytes. */
export interface Outcome {
  readonly scenario: string
  readonly what: string
  readonly seconds: number
  readonly streamsOpened: number
  /** Connections that came with a last id. */
  readonly resumed: number
  /** Connections that a client gave up since nothing came over them. */
  readonly silences: number
  /** Events that were accepted. */
  readonly pushed: number
  /** Attempts to push that were refused, or not answered, and made again. */
  readonly repeated: number
  readonly delivered: number
  readonly gaps: number
  /** Events in those gaps. */
  readonly inGaps: number
  readonly longestCatchUpMs: number
  /** How long somebody had no connection at most, since no node answered. */
  readonly longestAwayMs: number
  /** How long it took, at the end, until everyone had everything. */
  readonly longestSettleMs: number
  /** How many faults of each kind were injected. */
  readonly faults: Readonly<Record<string, number>>
  readonly held: readonly Omit<Held, 'node'>[]
  readonly streamsLeft: number
  readonly descriptorsBefore: number
  readonly descriptorsAfter: number
  /** What broke the promise, or anything else that was to hold; nothing if all is well. */
  readonly failures: readonly string[]
}

/** By how much the heap after GC, without compiled code, and the buffers may grow from the rest to the end. */
const mostGrowth = 1.05
/** So many descriptors may be more at the end: what a process opens on first need. */
const moreDescriptors = 8

/** What is wrong with what processes hold. */
export function judgeHeld(held: readonly Held[], before: number, after: number): string[] {
  const grown = held.flatMap((each) => {
    const growths = { heap: growthOf(each, 'heap'), buffers: growthOf(each, 'buffers') }
    return Object.entries(growths)
      .filter(([, growth]) => !(growth <= mostGrowth))
      .map(([what, growth]) => `${what} of ${each.name} grew by the factor ${growth.toFixed(3)}`)
  })
  if (after <= before + moreDescriptors) return grown
  return [...grown, `${after} descriptors are open after all, and were ${before} before`]
}

/** By which factor the heap or the buffers grew, from the rest to the end. */
function growthOf(
  { atRest, atEnd }: Pick<Held, 'atRest' | 'atEnd'>,
  of: 'heap' | 'buffers',
): number {
  return atRest === undefined || atEnd === undefined ? NaN : atEnd[of] / atRest[of]
}

/** Bytes in megabytes, to a tenth. */
export function inMb(bytes: number): string {
  return (bytes / 1e6).toFixed(1)
}

/** The outcomes as text for a terminal. */
export function report(outcomes: readonly Outcome[], seed: number): string {
  const rows: [string, (outcome: Outcome) => number | string][] = [
    ['seconds', ({ seconds }) => Math.round(seconds)],
    ['streams opened', ({ streamsOpened }) => streamsOpened],
    ['of these with a last id', ({ resumed }) => resumed],
    ['given up as silent', ({ silences }) => silences],
    ['events pushed', ({ pushed }) => pushed],
    ['pushes repeated', ({ repeated }) => repeated],
    ['events delivered', ({ delivered }) => delivered],
    ['gaps told', ({ gaps }) => gaps],
    ['events in gaps', ({ inGaps }) => inGaps],
    ['longest without a node, ms', ({ longestAwayMs }) => Math.round(longestAwayMs)],
    ['longest catch-up, ms', ({ longestCatchUpMs }) => Math.round(longestCatchUpMs)],
    ['all up to date at the end, ms', ({ longestSettleMs }) => Math.round(longestSettleMs)],
    ['streams left', ({ streamsLeft }) => streamsLeft],
    ['descriptors, before', ({ descriptorsBefore }) => descriptorsBefore],
    ['descriptors, after', ({ descriptorsAfter }) => descriptorsAfter],
    ...[...new Set(outcomes.flatMap(({ faults }) => Object.keys(faults)))].map(
      (name): [string, (outcome: Outcome) => number | string] => [
        `fault: ${name}`,
        ({ faults }) => faults[name] ?? '–',
      ],
    ),
    ['failures', ({ failures }) => failures.length],
  ]
  const lines = [
    ['', ...outcomes.map(({ scenario }) => scenario)],
    ...rows.map(([name, value]) => [
      name,
      ...outcomes.map((outcome) => value(outcome).toLocaleString('en')),
    ]),
  ]
  const text = lines.map(([name, ...cells]) =>
    [name!.padEnd(34), ...cells.map((cell) => cell.padStart(10))].join(''),
  )
  const failures = outcomes.flatMap(({ scenario, failures: all }) =>
    all.map((failure) => `✗ ${scenario}, seed ${seed}: ${failure}`),
  )
  return [...text, '', ...outcomes.flatMap(heldLines), '', ...failures, ''].join('\n')
}

function heldLines({ scenario, held }: Outcome): string[] {
  return held.map((each) => {
    const { name, samples, atRest, atEnd } = each
    const both = (of: (holdings: Holdings) => number): string =>
      [atRest, atEnd].map((holdings) => inMb(holdings ? of(holdings) : NaN)).join(' → ')
    return (
      `${scenario}, ${name}: heap after GC, without compiled code, ${both(({ heap }) => heap)} MB ` +
      `(× ${growthOf(each, 'heap').toFixed(3)}; in between, under load, ${samples.map(inMb).join(' ')}), ` +
      `with it ${both(({ heapWithCode }) => heapWithCode)} MB, ` +
      `buffers ${both(({ buffers }) => buffers)} MB, RSS without files ${both(({ rss }) => rss)} MB`
    )
  })
}
