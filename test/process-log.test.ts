import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { pino } from 'pino'
import t, { type Test } from 'tap'
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

/** Logs so many lines when it is told to, and ends when told 0; with a fault when told -1. */
const logging = `
  import { openLogger } from '${new URL('../dist/process-log.js', import.meta.url).href}'
  const { logger, exit } = openLogger({ logLevel: 'info' })
  process.on('message', (lines) => {
    for (let n = 0; n < lines; n++) logger.info({ n }, 'a line of some length, so that there are fewer')
    if (lines === 0) {
      logger.fatal('the last line')
      exit(0)
      exit(1)
      logger.fatal('nobody waits for this one')
    }
    if (lines === -1) {
      logger.error('before a fault')
      throw new Error('a fault')
    }
  })
`

function startLogging(t: Test, output: number | 'pipe', errors: 'inherit' | 'ignore' = 'inherit') {
  const args = ['--input-type=module', '--eval', logging]
  const child = spawn(process.execPath, args, { stdio: ['ignore', output, errors, 'ipc'] })
  t.teardown(() => child.kill('SIGKILL'))
  return child
}

t.test(
  'the lines before a fault are written, and those that nobody takes hold up no end',
  async (t) => {
    const [file, full] = [openSync(join(t.testdir(), 'log'), 'w+'), openSync('/dev/full', 'w')]
    t.teardown(() => {
      for (const each of [file, full]) closeSync(each)
    })
    const crashing = startLogging(t, file, 'ignore')
    crashing.send(1000)
    crashing.send(-1)
    t.same(await once(crashing, 'exit'), [1, null])
    const lines = readFileSync(join(t.testdirName, 'log'), 'utf8').trim().split('\n')
    t.equal(lines.length, 1001)
    t.match(lines.at(-1), 'before a fault')

    const gone = startLogging(t, 'pipe')
    gone.stdout!.destroy()
    for (const child of [startLogging(t, full), gone]) {
      child.send(1000)
      child.send(0)
      t.same(await once(child, 'exit'), [0, null])
    }
  },
)

t.test(
  'beyond 4 MB what waits for room is dropped, which the log says',
  { skip: whyNoDisk },
  async (t) => {
    const disk = mountDisk(t, '64k')
    const file = join(disk.path, 'log')
    const output = openSync(file, 'a')
    const child = startLogging(t, output)
    closeSync(output)
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
    const own = all.filter(({ msg }) => msg.startsWith('a line')).length
    t.equal(own + dropped, lines)
    t.ok(dropped > 1000 && dropped < lines, `${dropped} of ${lines}`)
  },
)
