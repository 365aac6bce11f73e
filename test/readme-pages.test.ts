import { execFileSync, spawnSync } from 'node:child_process'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { defaultSettings, parseSettings } from '../dist/settings.js'
import { freePort } from './bench/free-port.js'
import { folderFor, project } from './docker/shipped.js'
import { testCertificate } from './helpers/certificate.js'
import { whyNoNginx } from './helpers/nginx.js'
import { readmeCommands } from './helpers/readme-page.js'
import { readme, rows } from './helpers/readme-tables.js'

const unit = /```ini\n([^]*?)```/.exec(readme)![1]!

t.test('the unit for systemd starts a service that is as its page says', async (t) => {
  const valuesOf = (name: string): string[] =>
    Array.from(unit.matchAll(new RegExp(`^${name}=(.*)$`, 'gm')), ([, value]) => value!)
  const folder = folderFor(t)
  const variables = valuesOf('Environment')
    .flatMap((line) => line.split(' '))
    .map((each) => each.replace('%d', folder).split('=') as [string, string])
  for (const [, file] of variables.filter(([name]) => name.endsWith('_FILE'))) {
    writeFileSync(file, 'x'.repeat(32))
  }
  const settings = parseSettings([], Object.fromEntries(variables))
  t.match(settings, { store: 'file:/var/lib/ringcast/log', trustProxy: 1, internalPort: 9464 })
  t.ok(Number.parseInt(valuesOf('TimeoutStopSec')[0]!) * 1000 > defaultSettings().drainMs)
})

const noSystemd =
  spawnSync('systemd-analyze', ['--version']).status === 0 ? false : 'there is no systemd'

t.test('systemd takes the unit', { skip: noSystemd }, async (t) => {
  const file = join(folderFor(t), 'ringcast.service')
  // It looks whether the program is there.
  writeFileSync(file, unit.replace('/opt/ringcast/dist/cli/main.js', process.execPath))
  const { status, stderr } = spawnSync('systemd-analyze', ['verify', file], { encoding: 'utf8' })
  t.equal(status, 0, stderr)
  t.notMatch(stderr, /ringcast/)
})

/** The configuration that the commands below a heading make of the shipped one. */
function madeOfShipped(heading: string): string {
  const text = readmeCommands(heading, 8080).join('')
  const command = /^sed [^]*? docker\/nginx\.conf/m.exec(text)![0]
  return execFileSync('sh', ['-c', command], { cwd: project, encoding: 'utf8' })
}

for (const heading of ['One server', 'Several nodes on one Redis']) {
  t.test(`nginx takes the configuration of "${heading}"`, { skip: whyNoNginx() }, async (t) => {
    const folder = folderFor(t)
    const { cert, key } = testCertificate()
    writeFileSync(join(folder, 'fullchain.pem'), cert)
    writeFileSync(join(folder, 'privkey.pem'), key)
    const made = madeOfShipped(heading)
    t.notMatch(made, /node-\d|resolver |\/dev\/stdout/, 'nothing of the containers is left')
    const here = made
      .replaceAll(/\/(var\/lib\/nginx|var\/log\/nginx|etc\/ssl|run)\//g, `${folder}/`)
      .replace(/listen \d+/, `listen 127.0.0.1:${await freePort()}`)
    const file = join(folder, 'nginx.conf')
    writeFileSync(file, here)
    const program = process.env['TEST_NGINX'] ?? 'nginx'
    const args = ['-t', '-e', 'stderr', '-p', folder, '-c', file]
    const { status, stderr } = spawnSync(program, args, { encoding: 'utf8' })
    t.equal(status, 0, stderr)
  })
}

/** A figure of the bench's table, by its name. */
const figure = (name: string): string =>
  rows.find((row) => row[1] === name)![2]!.replaceAll('*', '')

t.test('what to plan with is what the bench has measured', async (t) => {
  const ofLength = (length: number, first: string): readonly string[] =>
    rows.find((row) => row[0] === first && row.length === length)!
  const growth = rows.filter((row) => row.length === 5 && /^[\d,]+$/.test(row[0]!))
  const [least, most] = [growth[0]!, growth.at(-1)!]
  const logs = ['memory', 'file', 'redis'].map((name) => ofLength(5, name))
  const ofLogs = (column: number, unit = ''): string =>
    logs.map((row, i) => `${['memory', 'file', 'Redis'][i]!} ${row[column]!}${unit}`).join(', ')
  const [one, two] = ['1 worker', '2 workers'].map((name) => ofLength(4, name)[1]!)
  const expected = [
    `${most[0]!} were open at once, ${most[3]!} kB of memory each (of ${least[0]!}: ${least[3]!} kB)`,
    `${most[4]!} % of a core for ${most[0]!} streams`,
    `${most[1]!} µs of CPU at ${most[0]!} streams`,
    `${figure('CPU a delivery, µs')} µs of CPU; p99 ${figure('p99 from push to receipt, ms')} ms, flat out`,
    `${ofLength(5, '10,000')[2]!} µs of CPU, its delivery included; ${figure('pushes/s at 10,000 streams')} a second, to 10,000 streams`,
    ofLogs(1),
    ofLogs(2),
    ofLogs(4, ' ms'),
    `${figure('streams/s to the first event')} streams a second`,
    `${two!} deliveries a second on two cores that the load has too, instead of ${one!} by one`,
  ]
  const plan = rows.slice(rows.findIndex((row) => row[1] === 'one process') + 1)
  t.same(
    plan.slice(0, expected.length).map((row) => row[1]),
    expected,
  )
  const formula = /\*\*CPU\*\*[^]*?\n- /.exec(readme)![0]
  for (const value of [ofLength(5, '10,000')[2]!, most[1]!, most[4]!, most[0]!])
    t.match(formula, value)
})
