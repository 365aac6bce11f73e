import type { Test } from 'tap'
import { push, startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { samplesOf } from '../helpers/exposition.js'
import { readsOf } from '../helpers/promql.js'
import { openStream } from '../helpers/sse-client.js'

/** The labels of each series that Prometheus has of a node, by the name of the series. */
export type Scraped = ReadonlyMap<string, ReadonlySet<string>>

/** What a service that has a stream and got a push is scraped, and what Prometheus adds to it. */
export async function scraped(t: Test): Promise<Scraped> {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events')
  await push(app.url, { data: 1 })
  await stream.received(1)
  const { text } = await ask(`${app.url}/metrics`)
  const series = new Map<string, Set<string>>([['up', new Set(['job', 'instance'])]])
  for (const { name, labels } of samplesOf(text)) {
    const known = series.get(name) ?? new Set(['job', 'instance'])
    for (const label of Object.keys(labels)) known.add(label)
    series.set(name, known)
  }
  return series
}

/** Tests that an expression reads only series that there are, by labels that one of them has. */
export function readsWhatThereIs(t: Test, expression: string, series: Scraped): void {
  const { metrics, labels } = readsOf(expression)
  t.ok(metrics.length > 0, `${expression} reads a metric`)
  for (const metric of metrics) t.ok(series.has(metric), `${metric} is scraped`)
  for (const label of labels) {
    t.ok(
      metrics.some((metric) => series.get(metric)?.has(label)),
      `${label} is a label of what is read by ${expression}`,
    )
  }
}
