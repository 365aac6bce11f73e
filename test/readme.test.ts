import { existsSync, readdirSync, readFileSync } from 'node:fs'
import t from 'tap'
import { errorCodes } from '../dist/errors.js'
import { metricsTable, type MetricKind } from '../dist/metrics/metrics-table.js'
import { settingsTable } from '../dist/settings.js'
import { closeCodes } from '../dist/transports/websocket-transport.js'
import { named, readme, rows, wordsIn, wordsOfTable } from './helpers/readme-tables.js'

t.test('the README has every error code, its status and when it comes, and no other', async (t) => {
  const expected = Object.entries(errorCodes).map(([code, [status, when]]) => [
    `\`${code}\``,
    String(status),
    when,
  ])
  t.same(named(/^`RINGCAST_/), expected)
})

t.test('the README has every setting, its default and its help, and no other', async (t) => {
  const expected = Object.entries(settingsTable).map(([name, { default: byDefault, help }]) => [
    `\`${name}\``,
    byDefault === '' ? 'none' : `\`${byDefault}\``,
    help,
  ])
  t.same(named(/^`(?!RINGCAST_)[A-Z_]+`$/), expected)
})

t.test('what the README calls by the prefix of the service is there', async (t) => {
  const variables = Object.entries<{ fromFile?: true }>(settingsTable).flatMap(
    ([name, { fromFile }]) => (fromFile ? [name, `${name}_FILE`] : [name]),
  )
  const known = new Set([
    ...Object.keys(errorCodes),
    ...[...variables, 'URL', 'TOKEN', 'TOKEN_FILE'].map((name) => `RINGCAST_${name}`),
  ])
  for (const name of new Set(readme.match(/\bRINGCAST_[A-Z_]+/g))) t.ok(known.has(name), name)
  const metrics = new Set(Object.keys(metricsTable))
  const others = ['ringcast_token', 'ringcast_metrics']
  for (const name of new Set(readme.match(/\bringcast_[a-z_]+/g))) {
    t.ok(metrics.has(name) || others.includes(name), name)
  }
  const nodesOwn = ['NODE_EXTRA_CA_CERTS']
  // Written by their names alone: they are known by an underscore, or by the table.
  for (const name of new Set(wordsIn(readme.replaceAll(/```[^]*?```/g, '')))) {
    if (/^[A-Z]+_[A-Z_]+$/.test(name) && !name.startsWith('RINGCAST_'))
      t.ok(variables.includes(name) || nodesOwn.includes(name), name)
  }
})

t.test('every error code is used, and no other is', async (t) => {
  const root = new URL('../src/', import.meta.url)
  const sources = readdirSync(root, { recursive: true, encoding: 'utf8' }).filter((name) =>
    name.endsWith('.ts'),
  )
  const text = sources.map((name) => readFileSync(new URL(name, root), 'utf8')).join('')
  // In the registry itself they stand without quotes.
  const used = new Set(Array.from(text.matchAll(/'(RINGCAST_[A-Z_]+)'/g), ([, code]) => code!))
  for (const code of Object.keys(errorCodes)) t.ok(used.has(code), code)
  const clients = ['RINGCAST_URL', 'RINGCAST_TOKEN', 'RINGCAST_TOKEN_FILE']
  const settings = Object.keys(settingsTable).map((name) => `RINGCAST_${name}`)
  for (const code of used)
    t.ok(code in errorCodes || clients.includes(code) || settings.includes(code), code)
})

t.test('the README has every metric, its type, label and meaning, and no other', async (t) => {
  const expected = Object.entries<MetricKind>(metricsTable).map(([name, { type, label, help }]) => [
    `\`${name}${label === undefined ? '' : `{${label}}`}\``,
    type,
    help,
  ])
  t.same(named(/^`ringcast_/), expected)
})

t.test('the README has every close code of a WebSocket, and no other of ours', async (t) => {
  const told = named(/^\d{4}$/).map(([code]) => Number(code))
  t.same(told, Object.values(closeCodes).toSorted())
})

t.test('the README has every outcome of a trace, and no other', async (t) => {
  const text = readFileSync(new URL('../src/hub/trace.ts', import.meta.url), 'utf8')
  const outcomes = /Outcome =([^]*?)\n\n/.exec(text)![1]!.match(/[a-z-]+/g)!
  const table = rows.slice(rows.findIndex(([name]) => name === 'outcome') + 1)
  const told = table.slice(0, outcomes.length + 1).map(([name]) => name)
  t.same(
    told.slice(0, -1),
    outcomes.map((outcome) => `\`${outcome}\``),
  )
  t.notMatch(told.at(-1), /^`[a-z-]+`$/)
})

t.test('the README has every control event, every reason, and no other', async (t) => {
  const text = readFileSync(new URL('../src/hub/wire-format.ts', import.meta.url), 'utf8')
  const types = [...text.matchAll(/type: '(\w+)'/g)].map(([, type]) => type!)
  const wordsOf = (name: string): string[] =>
    new RegExp(`${name} = (.*)`).exec(text)![1]!.match(/\w+/g)!.sort()
  t.same(wordsOfTable('`type`'), types)
  t.same(wordsOfTable('`gap` reason').sort(), wordsOf('GapReason'))
  const bye = rows.find(([name]) => name === '`bye`')![1]!
  const fields = ['reason', 'reconnect', 'retryMs', 'retry:']
  const byes = wordsIn(bye).filter((word) => !fields.includes(word))
  t.same(byes.sort(), wordsOf('ByeReason'))
})

t.test('the README has all that a page may set of the feed, and no variable else', async (t) => {
  const source = (name: string): string =>
    readFileSync(new URL(`../src/web/feed/${name}.ts`, import.meta.url), 'utf8')
  const variables = [...source('styles').matchAll(/'(--ringcast-[\w-]+)': '(.+)'/g)]
  t.same(
    named(/^`--ringcast/),
    variables.map(([, name, value]) => [`\`${name}\``, `\`${value}\``]),
  )
  const known = rows.flatMap((cells) => cells.join(' ').match(/(?<=`)[\w-]+(?=`)/g) ?? [])
  const made = [...`${source('row')}${source('view')}`.matchAll(/make\('\w+', '([\w-]+)'/g)]
  t.ok(made.length > 10)
  const attributes = /streamAttributes = \[(.*)\]/.exec(source('ringcast-feed'))![1]!
  const events = [...source('follower').matchAll(/'(ringcast-\w+)': \w+\n/g)]
  t.equal(events.length, 4)
  for (const name of [
    ...[...made, ...events].map(([, name]) => name!),
    ...attributes.match(/[\w-]+/g)!,
  ])
    t.ok(known.includes(name), name)
})

/** The anchor that GitHub gives to a heading. */
function anchorOf(heading: string): string {
  return heading
    .toLowerCase()
    .replaceAll(/[^\p{L}\p{N} _-]/gu, '')
    .replaceAll(' ', '-')
}

t.test('what the README links to is there', async (t) => {
  const outsideCode = readme.replaceAll(/```[^]*?```/g, '')
  const anchors = Array.from(outsideCode.matchAll(/^#+ (.*)$/gm), ([, heading]) =>
    anchorOf(heading!),
  )
  const links = [
    ...outsideCode.matchAll(/\]\(([^)\s]+)\)/g),
    ...outsideCode.matchAll(/(?:src|srcset)="([^"]+)"/g),
  ].map(([, link]) => link!)
  t.ok(links.length > 10)
  for (const link of links.filter((each) => !/^https?:/.test(each))) {
    if (link.startsWith('#')) t.ok(anchors.includes(link.slice(1)), link)
    else t.ok(existsSync(new URL(`../${link}`, import.meta.url)), link)
  }
})
