import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import { errorCodes } from '../src/errors.js'
import { metricsTable, type MetricKind } from '../src/metrics/metrics-table.js'
import { settingsTable } from '../src/settings.js'
import { closeCodes } from '../src/transports/websocket-transport.js'
import { push, startApp } from './helpers/app.js'
import { ask } from './helpers/ask.js'

const readme = readFileSync(new URL('../README.md', import.meta.url), 'utf8')

/** The rows of the README's tables, as their cells. */
const rows = readme
  .split('\n')
  .filter((line) => line.startsWith('| '))
  .map((line) => line.slice(2, -2).split(/ (?<!\\)\| /))

function named(pattern: RegExp): string[][] {
  return rows.filter(([name]) => pattern.test(name!))
}

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

t.test('the README has every metric, its type, label and meaning, and no other', async (t) => {
  const expected = Object.entries<MetricKind>(metricsTable).map(([name, { type, label, help }]) => [
    `\`${name}${label === undefined ? '' : `{${label}}`}\``,
    type,
    help,
  ])
  t.same(named(/^`ringcast_/), expected)
})

t.test('what is scraped are these metrics, with their labels, and no other', async (t) => {
  const app = await startApp(t)
  await push(app.url, { data: 1 })
  await ask(`${app.url}/api/push`, { method: 'POST' })
  const { text } = await ask(`${app.url}/metrics`)
  const types = [...text.matchAll(/^# TYPE (ringcast_\S+) (\w+)$/gm)]
  t.same(
    types.map(([, name, type]) => [name, type]),
    Object.entries(metricsTable).map(([name, { type }]) => [name, type]),
  )
  for (const [name, { label, type }] of Object.entries<MetricKind>(metricsTable)) {
    const [, labels] = new RegExp(`^${name}(?:_count)?(?:\\{([^}]*)\\})? `, 'm').exec(text) ?? []
    t.equal(/^\w+/.exec(labels ?? '')?.[0], label, `${name}, a ${type}`)
  }
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

t.test('the README has every control event and every reason of a gap', async (t) => {
  const text = readFileSync(new URL('../src/hub/wire-format.ts', import.meta.url), 'utf8')
  const types = [...text.matchAll(/type: '(\w+)'/g)].map(([, type]) => type!)
  const reasons = /GapReason = (.*)/.exec(text)![1]!.match(/\w+/g)!
  const known = rows.map(([name]) => name)
  for (const word of [...types, ...reasons]) t.ok(known.includes(`\`${word}\``), word)
  const byes = /ByeReason = (.*)/.exec(text)![1]!.match(/\w+/g)!
  const bye = rows.find(([name]) => name === '`bye`')!.join(' ')
  for (const word of byes) t.ok(bye.includes(`\`${word}\``), word)
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
