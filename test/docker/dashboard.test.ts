import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { parse } from 'yaml'
import { metricsTable } from '../../dist/metrics/metrics-table.js'
import { readsOf } from '../helpers/promql.js'
import { promtool, whyNoPromtool } from './promtool.js'
import { readsWhatThereIs, scraped } from './scraped.js'
import { composition, shipped } from './shipped.js'

interface Place {
  readonly h: number
  readonly w: number
  readonly x: number
  readonly y: number
}

interface Panel {
  readonly id: number
  readonly type: string
  readonly title: string
  readonly description?: string
  readonly datasource?: unknown
  readonly gridPos: Place
  readonly fieldConfig?: { readonly defaults: { readonly unit: string } }
  readonly targets?: readonly { readonly expr: string; readonly datasource: unknown }[]
}

interface Dashboard {
  readonly uid: string
  readonly schemaVersion: number
  readonly panels: readonly Panel[]
  readonly annotations: { readonly list: readonly { readonly expr: string }[] }
  readonly templating: {
    readonly list: readonly { readonly name: string; readonly definition?: string }[]
  }
}

const text = shipped('grafana.json')
const dashboard = JSON.parse(text) as Dashboard
const panels = dashboard.panels.filter(({ type }) => type !== 'row')
/** As Grafana asks for them: of its variables, those that stand outside of strings are durations. */
const expressions = [
  ...panels.flatMap(({ targets }) => targets!.map(({ expr }) => expr)),
  ...dashboard.annotations.list.map(({ expr }) => expr),
].map((expr) => expr.replaceAll('$__rate_interval', '5m'))

t.test('its panels read only what a running service is scraped', async (t) => {
  const series = await scraped(t)
  for (const expression of expressions) readsWhatThereIs(t, expression, series)
})

t.test('it shows every metric of the service’s own', async (t) => {
  const read = new Set(
    expressions.flatMap((each) =>
      readsOf(each).metrics.map((name) => name.replace(/_bucket$/, '')),
    ),
  )
  for (const name of Object.keys(metricsTable)) t.ok(read.has(name), name)
})

t.test('promtool reads what it asks', { skip: whyNoPromtool() }, async (t) => {
  const rules = expressions.map((expr, n) => ({ record: `dashboard:${n}`, expr }))
  const file = join(t.testdir(), 'rules.json')
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }))
  t.match(promtool('check', 'rules', file), { code: 0, said: `${rules.length} rules found` })
})

t.test('every panel asks the data source that is chosen, and the chosen nodes', async (t) => {
  t.equal(dashboard.templating.list[0]!.name, 'datasource')
  const chosen = { type: 'prometheus', uid: '${datasource}' }
  for (const { title, datasource, targets } of panels) {
    t.same(datasource, chosen, title)
    for (const target of targets!) t.same(target.datasource, chosen, title)
  }
  const uids = new Set(Array.from(text.matchAll(/"uid": "([^"]*)"/g), ([, uid]) => uid))
  t.same(uids, new Set([dashboard.uid, chosen.uid]), 'none is wired in')
  for (const expression of expressions) {
    const selectors = expression.match(/\b(ringcast|process|nodejs|up)(_\w+)?\{[^}]*\}/g)!
    for (const each of selectors) t.match(each, '{job=~"$job",instance=~"$instance"}')
    t.equal(selectors.length, expression.match(/\{/g)!.length, expression)
  }
  const variables = new Set(Array.from(text.matchAll(/\$\{?([a-z]\w*)/g), ([, name]) => name))
  t.same(variables, new Set(dashboard.templating.list.map(({ name }) => name)))
})

t.test('every panel says what it shows, in which unit, in a place of its own', async (t) => {
  t.ok(dashboard.schemaVersion >= 39)
  for (const { title, description = '', fieldConfig } of panels) {
    t.ok(description.length > 20, title)
    t.match(fieldConfig!.defaults.unit, /^(none|short|s|cps|Bps|bytes|percentunit)$/, title)
  }
  t.equal(new Set(dashboard.panels.map(({ id }) => id)).size, dashboard.panels.length)
  const taken = new Set<string>()
  for (const { title, gridPos } of dashboard.panels) {
    t.ok(gridPos.x + gridPos.w <= 24, `${title} is not too wide`)
    const cells = cellsOf(gridPos)
    t.notOk(
      cells.some((cell) => taken.has(cell)),
      `${title} lies on none`,
    )
    for (const cell of cells) taken.add(cell)
  }
})

t.test('Grafana of the composition finds it, and its Prometheus', async (t) => {
  const { grafana, prometheus } = composition().services
  const mounts = new Map(grafana!.volumes!.map((volume) => volume.split(':') as [string, string]))
  const at = mounts.get('./grafana.json')!
  const { providers } = parse(shipped('grafana-dashboards.yaml')) as {
    providers: { options: { path: string } }[]
  }
  t.ok(at.startsWith(`${providers[0]!.options.path}/`))
  t.equal(grafana!.environment!['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'], at)
  const { datasources } = parse(shipped('grafana-datasource.yaml')) as {
    datasources: { type: string; url: string }[]
  }
  const [, port] = /:(\d+)$/.exec(prometheus!.ports![0]!)!
  t.match(datasources, [{ type: 'prometheus', url: `http://prometheus:${port!}` }])
  for (const kind of ['datasource', 'dashboards']) {
    const folder = `/etc/grafana/provisioning/${kind === 'datasource' ? 'datasources' : kind}/`
    t.ok(mounts.get(`./grafana-${kind}.yaml`)!.startsWith(folder))
  }
  for (const name of ['GF_SECURITY_ADMIN_PASSWORD', 'GF_SECURITY_ADMIN_USER']) {
    t.notOk(name in grafana!.environment!, 'nobody signs in')
  }
  t.match(grafana!.environment, {
    GF_SECURITY_DISABLE_INITIAL_ADMIN_CREATION: 'true',
    GF_AUTH_ANONYMOUS_ORG_ROLE: 'Viewer',
    GF_AUTH_BASIC_ENABLED: 'false',
  })
})

function cellsOf({ x, y, w, h }: Place): string[] {
  return Array.from({ length: w * h }, (_, n) => `${x + (n % w)},${y + Math.floor(n / w)}`)
}
