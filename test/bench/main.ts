// npm run bench -- [SHAPE]… [--rounds 5] [--write]: measures Ringcast beside its peers.
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'
import { buildLoad } from './load.js'
import { canPin, describeMachine, isInstalled, projectFolder } from './machine.js'
import { picture } from './picture.js'
import { writeReadme } from './readme.js'
import { summarize, table, type Result } from './report.js'
import type { Rows, Shape } from './shape.js'
import { batches } from './shapes/batches.js'
import { burst } from './shapes/burst.js'
import { growth } from './shapes/growth.js'
import { http2 } from './shapes/http2.js'
import { idle } from './shapes/idle.js'
import { logs } from './shapes/logs.js'
import { paced } from './shapes/paced.js'
import { patternShape } from './shapes/patterns.js'
import { replay } from './shapes/replay.js'
import { resumeStorm } from './shapes/resume-storm.js'
import { stalledShape } from './shapes/stalled.js'
import { storm } from './shapes/storm.js'
import { targeted } from './shapes/targeted.js'
import { workers } from './shapes/workers.js'

const shapes = [
  paced,
  http2,
  burst,
  targeted,
  patternShape,
  batches,
  stalledShape,
  idle,
  storm,
  resumeStorm,
  logs,
  replay,
  workers,
  growth,
]

const usage = `npm run bench -- [SHAPE]… [--rounds N] [--only NAME] [--write]

  SHAPE      one of: ${shapes.map(({ name }) => name.replace(' ', '-')).join(', ')}; all by default
  --rounds   how many times each is run, the servers in turn (5)
  --only     runs the servers only whose name begins so, as ringcast
  --write    keeps JSON and picture in test/bench/results, and the table in the README; what was
             kept of other shapes stays
`

function refuse(message: string): never {
  process.stderr.write(`bench: ${message}\n\n${usage}`)
  process.exit(2)
}

interface Choice {
  readonly chosen: readonly Shape[]
  readonly rounds: number
  readonly only: string
  readonly write: boolean
}

function readArguments(): Choice {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      rounds: { type: 'string', default: '5' },
      only: { type: 'string', default: '' },
      write: { type: 'boolean', default: false },
      help: { type: 'boolean', default: false },
    },
  })
  if (values.help) {
    process.stdout.write(usage)
    process.exit(0)
  }
  const rounds = Number(values.rounds)
  if (!Number.isInteger(rounds) || rounds < 1 || rounds > 50) refuse('--rounds is 1 to 50')
  const chosen = positionals.map(
    (name) =>
      shapes.find((shape) => shape.name.replace(' ', '-') === name) ?? refuse(`no shape ${name}`),
  )
  const { only, write } = values
  return { chosen: chosen.length > 0 ? chosen : shapes, rounds, only, write }
}

async function run(shape: Shape, rounds: number, only: string): Promise<Result> {
  const measured: Rows[] = []
  const failures: string[] = []
  for (let round = 0; round < Math.min(rounds, shape.rounds ?? rounds); round++) {
    let rows: Rows = {}
    for (const part of shape.cases) {
      const { name } = part
      if (part.missing !== false || !name.startsWith(only)) continue
      process.stderr.write(`${shape.name}, round ${round + 1}: ${name}\n`)
      try {
        rows = { ...rows, ...(await part.run()) }
      } catch (error) {
        // A peer that fails is no reason to know nothing of the others.
        failures.push(`${name}, round ${round + 1}: ${String(error)}`)
      }
    }
    measured.push(rows)
  }
  return summarize(shape, measured, failures, machine)
}

/** What was kept of the shapes that were not run now, and what was run, in order. */
function withKept(results: readonly Result[]): readonly Result[] {
  const path = `${projectFolder}test/bench/results/bench.json`
  const kept = existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as { results: readonly Result[] }).results
    : []
  const find = (name: string) => [...results, ...kept].find((result) => result.shape === name) ?? []
  return shapes.flatMap(({ name }) => find(name))
}

const { chosen, rounds, only, write } = readArguments()
if (process.platform !== 'linux') refuse('it reads the accounting of Linux')
if (!isInstalled('cc'))
  refuse('the load programs are C: install a compiler (Debian: gcc, libc6-dev)')
buildLoad()
const machine = describeMachine() + (canPin ? '; server and load on a core each' : '')
const results: Result[] = []
for (const shape of chosen) {
  const result = await run(shape, rounds, only)
  results.push(result)
  process.stdout.write(`${table(result)}\n`)
}
const folder = `${projectFolder}${write ? 'test/bench/results' : '.test/bench/results'}`
const all = write ? withKept(results) : results
mkdirSync(folder, { recursive: true })
writeFileSync(`${folder}/bench.json`, `${JSON.stringify({ results: all }, undefined, 2)}\n`)
writeFileSync(`${folder}/bench.svg`, picture(all))
if (write) writeReadme(all)
process.stdout.write(`measured on ${machine}\nin ${folder}: bench.json, bench.svg\n`)
