import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import t from 'tap'
import type { Result } from './report.js'

const root = new URL('../..', import.meta.url).pathname
const skip =
  ['/usr/bin/cc', '/usr/local/bin/cc'].some((path) => existsSync(path)) ||
  'no C compiler is installed: test/install-tools does it'

t.test(
  'the shapes of the bench run, and lose nothing',
  { skip: skip !== true && skip },
  async (t) => {
    // All but growth, which is three of them again.
    const shapes =
      'paced http2 burst targeted patterns batches stalled idle storm resume-storm logs replay workers'.split(
        ' ',
      )
    const args = ['.test/bench/main.js', ...shapes, '--rounds', '1', '--only', 'ringcast']
    execFileSync(process.execPath, args, {
      cwd: root,
      env: { ...process.env, BENCH_SCALE: '0.01' },
      stdio: ['ignore', 'ignore', 'pipe'],
    })
    const text = readFileSync(`${root}.test/bench/results/bench.json`, 'utf8')
    const { results } = JSON.parse(text) as { results: readonly Result[] }
    t.equal(results.length, shapes.length)
    for (const { shape, rows, failures } of results) {
      t.same(failures, [], `${shape} ran`)
      const figures = Object.values(rows).flatMap(Object.values)
      t.ok(figures.length > 0 && figures.every(Number.isFinite), `${shape} has figures`)
    }
  },
)
