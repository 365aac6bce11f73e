import { parser } from '@prometheus-io/lezer-promql'

/** What an expression of PromQL reads. */
export interface Reads {
  /** The metrics that it names. */
  readonly metrics: readonly string[]
  /** The labels that it matches, groups or joins by. */
  readonly labels: readonly string[]
}

/** Reads an expression by Prometheus' own grammar; throws where it is none. */
export function readsOf(expression: string): Reads {
  const metrics = new Set<string>()
  const labels = new Set<string>()
  parser.parse(expression).iterate({
    enter: ({ name, type, from, to, node }) => {
      const text = expression.slice(from, to)
      if (type.isError) throw new Error(`no PromQL at ${from}: ${expression}`)
      if (name === 'LabelName') labels.add(text)
      if (name === 'Identifier' && node.parent?.name === 'VectorSelector') metrics.add(text)
    },
  })
  return { metrics: [...metrics], labels: [...labels] }
}
