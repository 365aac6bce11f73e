import { join } from 'node:path'
import { writeHeapSnapshot } from 'node:v8'
import t from 'tap'
import { heapWithoutCode } from './heap-snapshot.js'

t.test('a heap is measured by its objects, without the code of functions', async (t) => {
  const path = join(t.testdir(), 'test.heapsnapshot')
  const measure = (): number => heapWithoutCode(writeHeapSnapshot(path))
  const before = measure()
  t.ok(before > 1e6 && before < process.memoryUsage().heapUsed)

  // Each is compiled by its first call.
  const functions = Array.from({ length: 3000 }, (_, n) => {
    const source = Array.from({ length: 40 }, (_, k) => `x = x * ${k + n} + ${n};`).join('')
    // eslint-disable-next-line @typescript-eslint/no-implied-eval -- code that is made here
    return new Function('x', `${source} return x`) as (x: number) => number
  })
  const sources = measure() - before
  for (const each of functions) each(1)
  const withCode = measure() - before
  t.ok(
    withCode - sources < 1e6,
    `${sources} bytes of functions, ${withCode} once they are compiled`,
  )

  const objects = Array.from({ length: 100_000 }, (_, n) => ({ n }))
  const grown = measure() - before - withCode
  t.ok(grown > 3e6 && grown < 5e6, `${objects.length} objects are ${grown} bytes`)
})
