import t from 'tap'
import { errorCodes } from '../../dist/errors.js'
import { newHubStats } from '../../dist/hub/stats.js'
import { metricsTable, type MetricKind } from '../../dist/metrics/metrics-table.js'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { samplesOf, type Sample } from '../helpers/exposition.js'
import { named, rows, wordsIn } from '../helpers/readme-tables.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'
import { openWebSocket } from '../helpers/web-socket-client.js'

const kinds = Object.entries<MetricKind>(metricsTable)

async function scrape({ url }: RunningApp): Promise<{ text: string; samples: Sample[] }> {
  const { text } = await ask(`${url}/metrics`)
  return { text, samples: samplesOf(text) }
}

/** Has a service do a little of all that is counted. */
async function keepBusy(t: Parameters<typeof openStream>[0], app: RunningApp): Promise<void> {
  const sse = await openStream(t, app.port, '/events?topic=a')
  const webSocket = await openWebSocket(t, app.port, '/ws?topic=a')
  await until(() => webSocket.control.length > 0, 'its open')
  const first = await push(app.url, { topic: 'a', data: 1 })
  await push(app.url, { topic: 'a', data: 2 })
  await sse.received(2)
  await webSocket.received(2)
  await ask(`${app.url}/api/push`, { method: 'POST' })
  const [epoch, sequence] = first[0]!.split('-')
  for (const lastEventId of ['none-of-ours', `x${epoch!}-${sequence!}`]) {
    const resumed = await openStream(t, app.port, '/events?topic=a', { lastEventId })
    await resumed.told('gap')
    resumed.cut()
  }
  for (let n = 0; n < 20; n++) await push(app.url, { topic: 'a', data: n })
  const late = await openStream(t, app.port, '/events?topic=a', { lastEventId: first[0]! })
  await late.told('gap')
  late.cut()
  await until(() => sse.events.length === 22 && webSocket.events.length === 22, 'all of them')
}

t.test('what is scraped of a busy service is what README and code name', async (t) => {
  const app = await startApp(t, { ringEvents: 8 })
  await keepBusy(t, app)
  const closed = (samples: Sample[]) =>
    samples.find(({ labels }) => labels['reason'] === 'client')!.value
  await until(async () => closed((await scrape(app)).samples) >= 3, 'the end of three streams')
  const { text, samples } = await scrape(app)

  t.test('names and types', async (t) => {
    const told = [...text.matchAll(/^# TYPE (\S+) (\w+)$/gm)].map(([, name, type]) => [name, type])
    const own = told.filter(([name]) => name!.startsWith('ringcast_'))
    t.same(
      own,
      kinds.map(([name, { type }]) => [name, type]),
    )
    t.same(
      own,
      named(/^`ringcast_/).map(([name, type]) => [/\w+/.exec(name!)![0], type]),
    )
    for (const [name] of told) t.match(name, /^(ringcast|process|nodejs)_/)
  })

  t.test('labels, on every series of every metric', async (t) => {
    for (const [name, { label, type }] of kinds) {
      const own = samples.filter((each) => familyOf(each) === name)
      t.ok(own.length > 0, `${name} has series`)
      for (const { labels, name: series } of own) {
        const names = Object.keys(labels).filter((each) => each !== 'le')
        t.same(names, label === undefined ? [] : [label], series)
        if ('le' in labels) t.equal(series, `${name}_bucket`, type)
      }
    }
  })

  t.test('values of labels, from the start and in both directions', async (t) => {
    const { transports, closed, gaps } = newHubStats()
    const valuesOf = (name: string, label: string): string[] =>
      samples.filter((each) => each.name === name).map(({ labels }) => labels[label]!)
    const told = (label: string): string[] =>
      wordsIn(rows.find(([name]) => name === label)![1]!).filter((word) => /^[a-z-]+$/.test(word))
    const streams = 'ringcast_streams_closed_total'
    t.same(valuesOf('ringcast_streams', 'transport').sort(), Object.keys(transports).sort())
    t.same(told('`transport`'), Object.keys(transports))
    t.same(valuesOf(streams, 'reason').sort(), Object.keys(closed).sort())
    t.same(told(`\`reason\` of \`${streams}\``).sort(), Object.keys(closed).sort())
    t.same(valuesOf('ringcast_gaps_total', 'reason').sort(), Object.keys(gaps).sort())
    t.same(told('`reason` of `ringcast_gaps_total`').sort(), Object.keys(gaps).sort())
    const codes = valuesOf('ringcast_pushes_refused_total', 'code')
    for (const code of codes) t.ok(code in errorCodes, code)
    // A series that begins at 1 has no increase that `rate()` could see.
    t.ok(codes.includes('RINGCAST_BUSY') && codes.includes('RINGCAST_INTERNAL'))
  })

  t.test('counts of what it did', async (t) => {
    const value = (name: string, labels = {}): number =>
      samples.find(
        (each) => each.name === name && JSON.stringify(each.labels) === JSON.stringify(labels),
      )!.value
    for (const transport of ['sse', 'websocket']) {
      t.equal(value('ringcast_streams', { transport }), 1)
      t.ok(value('ringcast_streams_opened_total', { transport }) >= 1)
      t.ok(value('ringcast_deliveries_total', { transport }) >= 22)
      t.ok(value('ringcast_sent_bytes_total', { transport }) > 22 * 20)
    }
    t.equal(value('ringcast_events_accepted_total'), 22)
    const code = 'RINGCAST_UNSUPPORTED_MEDIA_TYPE'
    t.equal(value('ringcast_pushes_refused_total', { code }), 1)
    for (const reason of ['unknown', 'epoch', 'evicted']) {
      t.ok(value('ringcast_gaps_total', { reason }) >= 1, reason)
    }
    t.equal(value('ringcast_ring_fill_ratio'), 1)
    t.ok(value('ringcast_append_seconds_count') >= 1)
    t.ok(value('ringcast_push_to_write_seconds_count') >= 1)
    t.equal(value('ringcast_log_reachable'), 1)
  })
})

/** The metric that a series belongs to. */
function familyOf({ name }: Sample): string {
  return name in metricsTable ? name : name.replace(/_(bucket|sum|count)$/, '')
}
