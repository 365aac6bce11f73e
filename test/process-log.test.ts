import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pino } from 'pino'
import t from 'tap'
import { redact } from '../dist/process-log.js'
import { mountDisk, whyNoDisk } from './helpers/disk.js'
import { until } from './helpers/until.js'

t.test('what an error of a package carries along of secrets is in no line', async (t) => {
  const output = new PassThrough()
  const logger = pino({ redact }, output)
  const options = { host: 'example.com', password: 'hidden' }
  const error = Object.assign(new Error('it failed'), { token: 'hidden', options })
  logger.error(error, 'one')
  logger.error({ err: error, authorization: 'hidden' }, 'two')
  logger.child({ worker: 1 }).error({ err: error }, 'three')
  const text = String(output.read())
  t.equal(text.trim().split('\n').length, 3)
  t.match(text, /it failed[^]*example\.com[^]*"\[redacted\]"/)
  t.notMatch(text, 'hidden')
  t.equal(error.token, 'hidden', 'the error itself is as it was')
})

/** Logs so many lines when it is told to, and ends when told 0. */
const logging = `
  import { openLogger } from '${new URL('../dist/process-log.js', import.meta.url).href}'
  const { logger, exit } = openLogger({ logLevel: 'info' })
  process.on('message', (lines) => {
    for (let n = 0; n < lines; n++) logger.info({ n }, 'a line of some length, so that there are fewer')
    if (lines === 0) exit(0)
  })
`

t.test(
  'beyond 4 MB what waits for room is dropped, which the log says',
  { skip: whyNoDisk },
  async (t) => {
    const disk = mountDisk(t, '64k')
    const file = join(disk.path, 'log')
    const output = openSync(file, 'a')
    const args = ['--input-type=module', '--eval', logging]
    const child = spawn(process.execPath, args, { stdio: ['ignore', output, 'inherit', 'ipc'] })
    closeSync(output)
    t.teardown(() => child.kill('SIGKILL'))
    const lines = 60_000
    child.send(lines)
    await until(() => readFileSync(file).length === 65_536, 'the disk to be full')
    disk.resize('16m')
    const log = (): string => readFileSync(file, 'utf8')
    await until(() => log().includes('were dropped'), 'the line that says so')
    const exit = once(child, 'exit')
    child.send(0)
    t.same(await exit, [0, null])
    const all = log()
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { msg: string; lines?: number })
    const dropped = all.find(({ msg }) => msg.includes('were dropped'))!.lines!
    t.equal(all.length - 1 + dropped, lines)
    t.ok(dropped > 1000 && dropped < lines, `${dropped} of ${lines}`)
  },
)
