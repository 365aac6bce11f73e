// npm run soak -- [--minutes 10] [--seed N] [--scenario NAME]…: proves the promise under chaos.
import { writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { describeMachine } from '../bench/machine.js'
import { Cleanup } from './cleanup.js'
import { report, type Outcome } from './report.js'
import { runScenario } from './run.js'
import { scenarios, type Scenario } from './services.js'

const usage = `npm run soak -- [--minutes N] [--seed N] [--scenario NAME]… [--json FILE]

Runs real services under load and faults, and checks for every subscriber that events come in order,
none twice, none missing, unless a gap says so in its place. Exit code 1 if anything did not hold.

  --minutes   how long it goes on (10); all scenarios run at the same time. Memory is judged from 5 on
  --seed      from what the load and the faults are drawn; one of its own by default, which is told
  --scenario  runs these only:
${scenarios.map(({ name, what }) => `                ${name.padEnd(8)}${what}`).join('\n')}
  --json      writes the outcome to a file too

It needs redis-server; and root and iproute2 for clients that vanish, which are left out otherwise.
`

function refuse(message: string): never {
  process.stderr.write(`soak: ${message}\n\n${usage}`)
  process.exit(2)
}

interface Choice {
  readonly minutes: number
  readonly seed: number
  readonly chosen: readonly Scenario[]
  readonly json: string | undefined
}

function readArguments(): Choice {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      seed: { type: 'string', default: String(Date.now() % 1_000_000) },
      scenario: { type: 'string', multiple: true, default: [] },
      json: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    process.exit(0)
  }
  const [minutes, seed] = [Number(values.minutes), Number(values.seed)]
  if (!(minutes > 0 && minutes <= 1440)) refuse('--minutes is more than 0, and at most 1440')
  if (!Number.isInteger(seed)) refuse('--seed is a whole number')
  const chosen = values.scenario.map(
    (name) => scenarios.find((each) => each.name === name) ?? refuse(`no scenario ${name}`),
  )
  return { minutes, seed, chosen: chosen.length > 0 ? chosen : scenarios, json: values.json }
}

async function run(scenario: Scenario, say: (line: string) => void): Promise<Outcome> {
  const cleanup = new Cleanup()
  cleanups.add(cleanup)
  try {
    return await runScenario(cleanup, scenario, { totalMs: minutes * 60_000, seed, say })
  } finally {
    await cleanup.run()
    cleanups.delete(cleanup)
  }
}

const cleanups = new Set<Cleanup>()
const begin = performance.now()
const say = (line: string): void => {
  const seconds = ((performance.now() - begin) / 1000).toFixed(3).padStart(8)
  process.stdout.write(`${seconds} ${line}\n`)
}

let choice: Choice
try {
  choice = readArguments()
} catch (error) {
  refuse((error as Error).message)
}
const { minutes, seed, chosen, json } = choice

for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => {
    void Promise.all([...cleanups].map((cleanup) => cleanup.run())).then(() => process.exit(1))
  })
}
say(`seed ${seed}, ${minutes} minutes: ${chosen.map(({ name }) => name).join(', ')}`)
const results = await Promise.allSettled(chosen.map((scenario) => run(scenario, say)))
const outcomes = results.flatMap((result) => (result.status === 'fulfilled' ? [result.value] : []))
const broken = results.flatMap((result) =>
  result.status === 'rejected' ? [String((result.reason as Error).stack)] : [],
)
const machine = describeMachine()
process.stdout.write(`\n${report(outcomes, seed)}measured on ${machine}\n`)
for (const each of broken) process.stdout.write(`✗ seed ${seed}: a scenario broke off: ${each}\n`)
if (json !== undefined) {
  const text = JSON.stringify({ seed, minutes, machine, outcomes, broken }, undefined, 2)
  writeFileSync(json, `${text}\n`)
}
const isWell = broken.length === 0 && outcomes.every(({ failures }) => failures.length === 0)
process.stdout.write(isWell ? 'all held\n' : 'NOT all held\n')
process.exit(isWell ? 0 : 1)
