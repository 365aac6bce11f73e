import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import t from 'tap'
import { whyNoNamespaces } from '../helpers/network-namespace.js'
import type { Outcome } from './report.js'
import { faultKinds, scenarios } from './services.js'

const root = new URL('../..', import.meta.url).pathname

/** Runs Node in the project; answers its exit code and what it wrote. */
async function node(...args: string[]): Promise<{ code: number | null; output: string }> {
  const child = spawn(process.execPath, args, { cwd: root, stdio: ['ignore', 'pipe', 'pipe'] })
  t.teardown(() => child.kill('SIGTERM'))
  let output = ''
  for (const stream of [child.stdout, child.stderr]) {
    stream.on('data', (text: Buffer) => (output += text.toString()))
  }
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, output }
}

t.test('with a fault of each kind, every subscriber gets what it is owed', async (t) => {
  const json = join(t.testdir(), 'outcome.json')
  // As long as the faults take, whatever it says.
  // The scenario of Redis has every kind; those of the memory log are another way to keep the promise.
  const args = [
    '--scenario',
    'redis',
    '--scenario',
    'memory',
    '--minutes',
    '0.05',
    '--seed',
    '1',
    '--json',
    json,
  ]
  const { code, output } = await node('.test/soak/main.js', ...args)
  t.equal(code, 0)
  if (code !== 0) t.comment(output)
  const { outcomes } = JSON.parse(readFileSync(json, 'utf8')) as { outcomes: readonly Outcome[] }
  t.same(
    outcomes.map(({ scenario }) => scenario),
    ['redis', 'memory'],
  )
  for (const outcome of outcomes) {
    const scenario = scenarios.find(({ name }) => name === outcome.scenario)!
    t.same(outcome.failures, [], `${scenario.name} keeps the promise`)
    const kinds = faultKinds(scenario, whyNoNamespaces() === false)
    t.same(Object.keys(outcome.faults).sort(), kinds.map(({ name }) => name).sort())
    t.ok(outcome.delivered > 0 && outcome.resumed > 0, `${outcome.delivered} events were delivered`)
  }
})

t.test('it says how it is used, and refuses what it does not know', async (t) => {
  const help = await node('.test/soak/main.js', '--help')
  t.match(help, { code: 0, output: /^npm run soak -- \[--minutes N\]/ })
  for (const [flag, value, why] of [
    ['--minutes', '0', /--minutes is more than 0/],
    ['--seed', 'x', /--seed is a whole number/],
    ['--scenario', 'x', /no scenario x/],
    ['--nonsense', 'x', /Unknown option '--nonsense'/],
  ] as const) {
    t.match(await node('.test/soak/main.js', flag, value), { code: 2, output: why })
  }
})
