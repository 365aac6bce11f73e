import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { parse } from 'yaml'
import { readme } from '../helpers/readme-tables.js'
import { promtool, whyNoPromtool } from './promtool.js'
import { readsWhatThereIs, scraped } from './scraped.js'
import { composition, project, shipped } from './shipped.js'

interface Rule {
  readonly alert: string
  readonly expr: string
  readonly labels: { readonly severity: string }
  readonly annotations: {
    readonly summary: string
    readonly description: string
    readonly readme: string
  }
}

const { groups } = parse(shipped('alerts.yaml')) as { groups: { rules: Rule[] }[] }
const rules = groups.flatMap((group) => group.rules)
const names = rules.map(({ alert }) => alert)
const skip = whyNoPromtool()

t.test('alerts read only what a running service is scraped', async (t) => {
  const series = await scraped(t)
  for (const { expr } of rules) readsWhatThereIs(t, expr, series)
})

t.test('each alert says how bad it is, what to do, and where to read on', async (t) => {
  const sections = readme.match(/(?<=^##+ ).*$/gm)!
  const told = readme.slice(readme.indexOf('### What to watch'), readme.indexOf('### A port for'))
  t.same(
    [...told.matchAll(/^\| `(Ringcast\w+)` /gm)].map(([, name]) => name),
    names,
    'the README has each of them, and no other',
  )
  for (const { alert, labels, annotations } of rules) {
    t.match(labels.severity, /^(critical|warning|info)$/, alert)
    t.match(annotations.summary, /\w/, alert)
    t.ok(annotations.description.length > 60, alert)
    t.ok(sections.includes(annotations.readme), `${alert}: "${annotations.readme}" is a section`)
    t.match(told, `\`${alert}\` | ${labels.severity} `)
  }
})

t.test('Prometheus asks each node of the composition on its INTERNAL_PORT', async (t) => {
  const { rule_files, scrape_configs } = parse(shipped('prometheus.yml')) as {
    rule_files: string[]
    scrape_configs: { job_name: string; static_configs: { targets: string[] }[] }[]
  }
  t.same(rule_files, ['alerts.yaml'])
  const [{ job_name, static_configs }] = scrape_configs as [(typeof scrape_configs)[0]]
  t.equal(job_name, 'ringcast')
  const nodes = Object.entries(composition().services).filter(([, { environment }]) =>
    Object.hasOwn(environment ?? {}, 'RINGCAST_INTERNAL_PORT'),
  )
  t.same(
    static_configs[0]!.targets,
    nodes.map(([name, { environment }]) => `${name}:${environment!['RINGCAST_INTERNAL_PORT']!}`),
  )
  t.equal(nodes.length, 2)
})

t.test('promtool finds nothing wrong', { skip }, async (t) => {
  for (const args of [
    ['rules', 'docker/alerts.yaml'],
    ['config', 'docker/prometheus.yml'],
  ]) {
    t.match(promtool('check', args[0]!, join(project, args[1]!)), { code: 0, said: /SUCCESS/ })
  }
})

/** Series and their values, one a minute, as promtool writes them. */
type Series = Readonly<Record<string, string>>

/** For all but `up`, the node is `a`. */
const of = (name: string, labels = ''): string =>
  `${name}{job="ringcast",instance="a:9464"${labels === '' ? '' : `,${labels}`}}`
const closed = (reason: string): string => of('ringcast_streams_closed_total', `reason="${reason}"`)
const gaps = (reason: string): string => of('ringcast_gaps_total', `reason="${reason}"`)
const refused = (code: string): string => of('ringcast_pushes_refused_total', `code="${code}"`)
const bucket = (name: string, le: string): string => of(`${name}_bucket`, `le="${le}"`)

/** A node on which all is well: 1,000 streams, a hundred pushes a minute, nobody late. */
const healthy: Series = {
  [of('up')]: '1x180',
  [of('process_start_time_seconds')]: '-100000x180',
  [of('process_open_fds')]: '1100x180',
  [of('process_max_fds')]: '20000x180',
  [of('nodejs_eventloop_lag_max_seconds')]: '0.12x180',
  [of('ringcast_log_reachable')]: '1x180',
  [of('ringcast_streams', 'transport="sse"')]: '900x180',
  [of('ringcast_streams', 'transport="websocket"')]: '100x180',
  [of('ringcast_streams_opened_total', 'transport="sse"')]: '900+10x180',
  [of('ringcast_slowest_stream_lag_events')]: '3x180',
  [closed('client')]: '0+10x180',
  [closed('dead-peer')]: '0+1x180',
  [closed('stalled')]: '0x180',
  ...Object.fromEntries(
    ['evicted', 'epoch', 'unknown', 'lagged'].map((reason) => [gaps(reason), '0x180']),
  ),
  ...Object.fromEntries(
    ['BUSY', 'LOG_UNAVAILABLE', 'UNCERTAIN', 'INTERNAL', 'RATE_LIMITED'].map((code) => [
      refused(`RINGCAST_${code}`),
      '0x180',
    ]),
  ),
  ...histogram('ringcast_append_seconds', '0.01'),
  ...histogram('ringcast_push_to_write_seconds', '0.05'),
}

/** A hundred observations a minute, all of them below this bucket, and above the one before. */
function histogram(name: string, below: string): Series {
  const ends = ['0.005', '0.01', '0.05', '0.25', '1', '5', '+Inf']
  const from = ends.indexOf(below)
  return Object.fromEntries(
    ends.map((le, place) => [bucket(name, le), place < from ? '0x180' : '0+100x180']),
  )
}

/** Tests which alerts fire at a time, in minutes, when a node that is well otherwise has these series. */
function fires(t: Test, told: string, minutes: number, changed: Series, ...alerts: string[]): void {
  const series = Object.entries({ ...healthy, ...changed }).filter(([, values]) => values !== '')
  const file = join(t.testdir(), 'test.json')
  // JSON is YAML.
  writeFileSync(
    file,
    JSON.stringify({
      rule_files: [join(project, 'docker/alerts.yaml')],
      evaluation_interval: '1m',
      tests: [
        {
          interval: '1m',
          input_series: series.map(([name, values]) => ({ series: name, values })),
          promql_expr_test: [
            {
              expr: 'count by (alertname) (ALERTS{alertstate="firing"})',
              eval_time: `${minutes}m`,
              exp_samples: alerts.map((name) => ({ labels: `{alertname="${name}"}`, value: 1 })),
            },
          ],
        },
      ],
    }),
  )
  const { code, said } = promtool('test', 'rules', file)
  t.equal(code, 0, `${told}\n${code === 0 ? '' : said}`)
}

t.test('each alert fires when it should, and no other with it', { skip }, async (t) => {
  const fired = new Set<string>()
  const firing = (minutes: number, changed: Series, ...alerts: string[]): void => {
    for (const alert of alerts) fired.add(alert)
    fires(t, alerts.join(', '), minutes, changed, ...alerts)
  }
  firing(62, { [of('up')]: '1x59 0x120' }, 'RingcastDown')
  firing(5, Object.fromEntries(Object.keys(healthy).map((name) => [name, ''])), 'RingcastDown')
  firing(62, { [of('ringcast_log_reachable')]: '1x59 0x120' }, 'RingcastLogUnreachable')
  const starts = '-100000x59 3600x5 4000x5 4300x100'
  firing(75, { [of('process_start_time_seconds')]: starts }, 'RingcastRestarts')
  for (const code of ['BUSY', 'LOG_UNAVAILABLE', 'UNCERTAIN']) {
    firing(75, { [refused(`RINGCAST_${code}`)]: '0x59 0+3x120' }, 'RingcastPushesRefused')
  }
  firing(62, { [refused('RINGCAST_INTERNAL')]: '0x59 1x120' }, 'RingcastFaults')
  firing(62, { [gaps('epoch')]: '0x59 400x120' }, 'RingcastLogLostEvents')
  firing(75, { [gaps('lagged')]: '0x59 0+5x120' }, 'RingcastStreamsLagged')
  firing(90, { [gaps('evicted')]: '0x30 0+5x150' }, 'RingcastResumesTooLate')
  const lag = of('ringcast_slowest_stream_lag_events')
  firing(80, { [lag]: '3x59 55000+10x120' }, 'RingcastSlowStream')
  firing(60, histogram('ringcast_append_seconds', '1'), 'RingcastSlowAppends')
  firing(60, histogram('ringcast_push_to_write_seconds', '5'), 'RingcastSlowDelivery')
  const loop = of('nodejs_eventloop_lag_max_seconds')
  firing(75, { [loop]: '0.12x59 0.9x120' }, 'RingcastEventLoopBlocked')
  firing(66, { [of('process_open_fds')]: '1100x59 17500x120' }, 'RingcastFewDescriptors')
  const sse = of('ringcast_streams', 'transport="sse"')
  firing(68, { [sse]: '900x59 200x120' }, 'RingcastStreamsDropped')
  firing(75, { [closed('dead-peer')]: '0+1x59 80+30x120' }, 'RingcastPeersVanish')
  firing(75, { [closed('stalled')]: '0x59 0+30x120' }, 'RingcastPeersVanish')
  t.same([...fired].sort(), [...names].sort(), 'all of them were tried')
})

t.test('none fires for what happens every day', { skip }, async (t) => {
  const sse = of('ringcast_streams', 'transport="sse"')
  const quiet = (told: string, changed: Series, ...minutes: number[]): void => {
    for (const each of minutes) fires(t, `${told}, minute ${each}`, each, changed)
  }
  quiet('a good day', {}, 1, 30, 150)
  const restart = {
    [of('up')]: '1x59 0 1x120',
    [of('process_start_time_seconds')]: '-100000x59 3600x120',
    [sse]: '900x59 0 300 850 900x120',
    [of('ringcast_streams_opened_total', 'transport="sse"')]: '900+10x59 0 300 850+10x120',
    [closed('client')]: '0+10x59 0+10x120',
    [gaps('epoch')]: '0x59 600 850x120',
    [bucket('ringcast_append_seconds', '+Inf')]: '0+100x59 0+100x120',
  }
  quiet('a restart, after which the memory log knows none of the ids', restart, 61, 64, 70, 90)
  const still = { ...histogram('ringcast_append_seconds', '0.01') }
  for (const name of Object.keys(still)) still[name as keyof typeof still] = '100x180'
  quiet('a night without a push', still, 60, 120)
  quiet('a burst that was refused', { [refused('RINGCAST_BUSY')]: '0x59 500x120' }, 61, 66, 75)
  quiet('a client that pushes too much', { [refused('RINGCAST_RATE_LIMITED')]: '0+50x180' }, 90)
  quiet(
    'a phone on a train',
    { [gaps('lagged')]: '0x59 3x120', [closed('stalled')]: '0+1x180' },
    70,
  )
  const lag = of('ringcast_slowest_stream_lag_events')
  quiet('a client that replays the whole log', { [lag]: '3x59 900000 400000 0x120' }, 60, 62, 80)
  quiet('one long turn', { [of('nodejs_eventloop_lag_max_seconds')]: '0.12x59 2 0.12x120' }, 60, 70)
  quiet('users who go home in an hour', { [sse]: '900x59 900-14x60 60x120' }, 75, 90, 110, 130)
  const few = { [sse]: '20x59 2x120', [of('ringcast_streams', 'transport="websocket"')]: '1x180' }
  quiet('few users, of whom most leave', few, 68)
  quiet('clients who were away for long', { [gaps('evicted')]: '0x30 0x5 15x150' }, 60, 90)
})
