// Ends a test run: names what was skipped, and why, and counts. node summary.mjs RESULTS.tap
import { readFileSync } from 'node:fs'

const tap = readFileSync(process.argv[2], 'utf8')
for (const [, name, reason] of tap.matchAll(/^\s*ok \d+ - (.*?) # SKIP ?(.*)$/gm)) {
  process.stdout.write(`skipped: ${name} (${reason})\n`)
}
const totals = /^# \{ total: \d+(.*)\}$/m.exec(tap)?.[1] ?? ''
const count = (what) => Number(new RegExp(`${what}: (\\d+)`).exec(totals)?.[1] ?? 0)
const skipped = count('skip') > 0 ? `, ${count('skip')} skipped` : ''
process.stdout.write(`${count('pass')} passed, ${count('fail')} failed${skipped}\n`)
