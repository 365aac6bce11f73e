// Ends a test run: names what was skipped, and why, then what failed, whole, and counts.
// node summary.mjs FOLDER CODE: where tap keeps the results of each file, and the code it ended with.
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join, relative } from 'node:path'
import { Parser } from 'tap-parser'
import { stringify } from 'yaml'

const [folder, code] = process.argv.slice(2)
// Without a folder, it came to no test.
const entries = existsSync(folder)
  ? readdirSync(folder, { recursive: true, withFileTypes: true })
  : []
const files = entries
  .filter((entry) => entry.isFile())
  .map((entry) => relative(folder, join(entry.path, entry.name)))
  .sort()

let passed = 0
const skipped = []
const failed = []
for (const file of files) {
  const test = file.replace(/\.tap$/, '')
  const report = Parser.parse(readFileSync(join(folder, file), 'utf8'), { flat: true })
  if (!report.some(([event]) => event === 'assert'))
    failed.push(`failed: ${test}: it told nothing\n`)
  for (const [event, result] of report) {
    if (event === 'assert') {
      const { ok, name, skip, todo, diag } = result
      if (skip) skipped.push(`skipped: ${test}: ${name} (${skip})`)
      else if (ok || todo) passed += 1
      else failed.push(`failed: ${test}: ${name}\n${stringify(diag ?? {})}`)
    } else if (event === 'complete') {
      // What is wrong with the report itself: a process that died has no plan.
      for (const { tapError } of result.failures) {
        if (tapError) failed.push(`failed: ${test}: ${tapError}\n`)
      }
    }
  }
}
if (failed.length === 0 && code !== '0') {
  failed.push(`failed: it ended with code ${code}, and says why above\n`)
}
for (const line of skipped) process.stdout.write(`${line}\n`)
for (const text of failed) process.stdout.write(`${text}\n`)
const skips = skipped.length > 0 ? `, ${skipped.length} skipped` : ''
process.stdout.write(`${passed} passed, ${failed.length} failed${skips}\n`)
