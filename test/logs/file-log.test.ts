import {
  copyFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { join, resolve } from 'node:path'
import t, { type Test } from 'tap'
import type { AcceptedEvent, EventDraft } from '../../dist/hub/event.js'
import { FileLog, type FileLogOptions } from '../../dist/logs/file-log.js'
import { LogOpenError } from '../../dist/logs/log-open-error.js'
import { mountDisk, whyNoDisk } from '../helpers/disk.js'
import { until } from '../helpers/until.js'
import { draft, eventLogSuite } from './event-log-suite.js'

const limits = { retainEvents: 1e6, retainForMs: 0, retainBytes: 1e9 }

function open(directory: string, more: Partial<FileLogOptions> = {}): Promise<FileLog> {
  return FileLog.open(directory, { ...limits, ...more })
}

const folder = (t: Test): string => join(t.testdir(), 'log')

/** All that a log retains, in order. */
async function all({ retained, head }: FileLog): Promise<AcceptedEvent[]> {
  const events: AcceptedEvent[] = []
  for (let from = retained.first; from <= head; from = events.at(-1)!.sequence + 1) {
    events.push(...(await retained.read(from)).filter(({ sequence }) => sequence >= from))
  }
  return events
}

const many = (from: number, count: number, more: (n: number) => Partial<EventDraft> = () => ({})) =>
  Array.from({ length: count }, (_, i) => draft(`${from + i}`, more(from + i)))

eventLogSuite('a file log', (t: Test) => open(folder(t)))

t.test('what was told is read again as it was, before and after a restart', async (t) => {
  const directory = folder(t)
  const log = await open(directory)
  const told: AcceptedEvent[] = []
  log.follow((events) => told.push(...events))
  await log.append([
    draft('one\r\ntwo', { topics: ['a', 'b/ü😀'], event: 'made', key: 'k' }),
    draft('{"n":null}', { topics: [], users: ['ann', 'bob'], json: true }),
    draft(''),
    draft('x'.repeat(300_000)),
  ])
  await Promise.all(Array.from({ length: 700 }, (_, i) => log.append([draft(`ö${i}`)])))
  t.strictSame(await all(log), told)
  const { lives } = log
  await log.close()
  const again = await open(directory)
  t.teardown(() => again.close())
  t.strictSame(await all(again), told)
  t.strictSame(again.lives, lives, 'it is the same life')
  const [receipt] = await again.append([draft('next')])
  t.match(receipt, { epoch: lives[0]!.epoch, sequence: told.length + 1 })
})

t.test('keys are known over a restart, for as long as in one life', async (t) => {
  const directory = folder(t)
  let now = Date.UTC(2026, 0, 1)
  const log = await open(directory, { now: () => now })
  const [first] = await log.append([draft('1', { key: 'k' }), draft('2')])
  await log.close()
  now += 5 * 60_000
  const again = await open(directory, { now: () => now })
  t.strictSame(await again.append([draft('1', { key: 'k' })]), [{ ...first!, duplicate: true }])
  await t.rejects(again.append([draft('other', { key: 'k' })]), { code: 'RINGCAST_KEY_CONFLICT' })
  await again.close()
  now += 1
  const later = await open(directory, { now: () => now })
  t.match(await later.append([draft('1', { key: 'k' })]), [{ duplicate: false }])
  await later.close()
})

t.test('names are found by the index, however far back', async (t) => {
  const log = await open(folder(t))
  t.teardown(() => log.close())
  await log.append(many(1, 900, (n) => ({ topics: n % 300 === 0 ? ['rare', 'a'] : ['a'] })))
  await log.append([draft('901', { topics: [], users: ['ann'] })])
  await log.append(many(902, 600))
  const names = (topics: string[], user?: string) => ({ topics, user })
  const { retained } = log
  t.equal(await retained.next(names(['rare']), 1), 300)
  t.equal(await retained.next(names(['rare']), 300), 300)
  t.equal(await retained.next(names(['rare'], 'ann'), 601), 900)
  t.equal(await retained.next(names(['none'], 'ann'), 1), 901)
  t.equal(await retained.next(names(['rare', 'none']), 901), undefined)
  t.strictSame(await retained.newest(names(['rare'], 'ann'), 3), [901, 900, 600])
  t.strictSame(await retained.newest(names(['a', 'rare']), 2), [1501, 1500])
  t.strictSame(await retained.newest(names(['rare', 'a']), 604).then((all) => all.at(-1)), 897)
  t.strictSame(await retained.newest(names(['none'], 'bob'), 10), [])
})

t.test('a look-up reads no more of a large log than of a small one', async (t) => {
  const log = await open(folder(t))
  t.teardown(() => log.close())
  await log.append([draft('0', { topics: ['first'] })])
  for (let i = 0; i < 50; i++) {
    await log.append(many(0, 1000, (n) => ({ topics: [`busy/${n % 7}`] })))
  }
  const started = process.cpuUsage()
  for (let i = 0; i < 200; i++) {
    t.strictSame(await log.retained.newest({ topics: ['no match'], user: 'nobody' }, 1000), [])
    t.equal(await log.retained.next({ topics: ['busy/7'], user: undefined }, 2), undefined)
    t.strictSame(await log.retained.newest({ topics: ['first'], user: undefined }, 9), [1])
  }
  const { user } = process.cpuUsage(started)
  t.ok(user / 600 < 1500, `${Math.round(user / 600)} µs a look-up: a scan takes 50,000`)
})

t.test('what is beyond the limits is deleted, a few segments with each write', async (t) => {
  const directory = folder(t)
  const log = await open(directory, { retainEvents: 1000 })
  await log.append([draft('0', { topics: ['gone'] }), draft('0', { topics: [], users: ['ann'] })])
  for (let i = 0; i < 40; i++) await log.append(many(0, 100, () => ({ topics: ['a/b'] })))
  await until(() => log.head - log.retained.first < 1300, 'the deletion')
  t.ok(log.head - log.retained.first >= 999, 'what is within them stays')
  const check = async (log: FileLog) => {
    const { first, horizon } = log.retained
    t.equal(horizon.ofTopic('gone'), 1)
    t.equal(horizon.ofUser('ann'), 2)
    t.equal(horizon.ofTopic('a/b'), first - 1)
    t.equal(horizon.ofPrefix('a/'), first - 1)
    t.equal(horizon.ofPrefix(''), first - 1)
    t.equal(horizon.ofTopic('never'), 0)
    t.equal(await log.retained.next({ topics: ['gone'], user: 'ann' }, 1), undefined)
    t.equal((await all(log)).length, log.head - first + 1)
  }
  await check(log)
  await log.close()
  const again = await open(directory, { retainEvents: 1000 })
  t.teardown(() => again.close())
  await check(again)
})

t.test('bytes and age are limits too, and an emptied log knows where it was', async (t) => {
  const directory = folder(t)
  let now = Date.UTC(2026, 0, 1)
  const log = await open(directory, { retainBytes: 100_000, retainForMs: 1000, now: () => now })
  const big = 'x'.repeat(1000)
  for (let i = 0; i < 300; i++) await log.append([draft(big)])
  await until(() => log.head - log.retained.first < 100, 'the deletion by size')
  t.ok(log.head - log.retained.first > 80)
  now += 2000
  await until(() => log.retained.first === log.head + 1, 'the deletion by age')
  const { lives } = log
  await log.close()
  const again = await open(directory, { now: () => now })
  t.teardown(() => again.close())
  t.equal(again.head, 300)
  t.strictSame(again.lives, lives)
  t.match(await again.append([draft('')]), [{ sequence: 301 }])
})

t.test('revocations are kept', async (t) => {
  const directory = folder(t)
  const log = await open(directory)
  await log.revocations.keep(
    new Map([
      ['ann', 7],
      ['bob', 5],
      ['ü'.repeat(512), 6],
    ]),
  )
  await log.revocations.keep(
    new Map([
      ['bob', undefined],
      ['', 4],
    ]),
  )
  await log.close()
  const again = await open(directory)
  t.teardown(() => again.close())
  t.strictSame(again.revocations.kept, [
    ['', 4],
    ['ü'.repeat(512), 6],
    ['ann', 7],
  ])
})

t.test('a copy of a log begins a new life: ids of the original are not given again', async (t) => {
  const directory = folder(t)
  const log = await open(directory)
  await log.append([draft('1')])
  await log.close()
  const copy = `${directory}-copy`
  mkdirSync(copy)
  for (const name of ['data.mdb', 'ringcast.json']) {
    copyFileSync(join(directory, name), join(copy, name))
  }
  const other = await open(copy)
  t.teardown(() => other.close())
  t.equal(other.lives.length, 2)
  const [receipt] = await other.append([draft('2')])
  t.not(receipt!.epoch, log.lives[0]!.epoch)
  t.strictSame(
    (await all(other)).map(({ epoch }) => epoch),
    other.lives.map(({ epoch }) => epoch),
  )
})

const refused = (directory: string): Promise<unknown> =>
  open(directory).then(
    (log) => log.close().then(() => 'opened'),
    (error: unknown) => error,
  )

t.test('a second process on the same directory is told, whoever comes first', async (t) => {
  const directory = folder(t)
  const opened = await Promise.allSettled([open(directory), open(directory)])
  const logs = opened.flatMap((each) => (each.status === 'fulfilled' ? [each.value] : []))
  t.equal(logs.length, 1)
  t.match(await refused(directory), {
    name: 'LogOpenError',
    message: /another process has the log/,
  })
  await logs[0]!.close()
  t.equal(await refused(directory), 'opened')
})

t.test('a directory that is no log, or not to be used, is one line', async (t) => {
  const directory = t.testdir({
    other: { 'a.txt': '' },
    file: '',
    newer: { 'ringcast.json': '{"format":2}' },
  })
  const cases: [string, RegExp][] = [
    ['other', /is no log of ringcast \(it has "a\.txt"\): name an empty directory/],
    ['file', /is not a directory/],
    ['file/below', /is not a directory/],
    ['newer', /another version of ringcast: this one reads format 1/],
    ...(process.platform === 'linux'
      ? [['/proc/none/below', /\/proc\/none cannot be made/] as [string, RegExp]]
      : []),
  ]
  for (const [name, message] of cases) {
    const error = await refused(resolve(directory, name))
    t.ok(error instanceof LogOpenError, name)
    t.match((error as Error).message, message)
    t.notMatch((error as Error).message, '\n')
  }
})

t.test('a damaged log is one line, and is never begun anew', async (t) => {
  const directory = folder(t)
  const log = await open(directory)
  for (let i = 0; i < 20; i++) await log.append(many(i * 100, 100, () => ({ topics: [`t${i}`] })))
  await log.close()
  const file = join(directory, 'data.mdb')
  const whole = readFileSync(file)
  const damages: [string, () => void][] = [
    ['no file', () => rmSync(file)],
    ['an empty file', () => truncateSync(file, 0)],
    ['half a page', () => truncateSync(file, 2048)],
    ['the first page', () => truncateSync(file, 4096)],
    ['half of it', () => truncateSync(file, Math.floor(whole.length / 8192) * 4096)],
    ['another kind of file', () => writeFileSync(file, Buffer.alloc(20_000, 'x'))],
    [
      'no meta',
      () => writeFileSync(file, Buffer.concat([Buffer.alloc(8192), whole.subarray(8192)])),
    ],
  ]
  for (const [what, damage] of damages) {
    writeFileSync(file, whole)
    damage()
    const error = await refused(directory)
    t.ok(error instanceof LogOpenError, what)
    t.match((error as Error).message, /^the log in .* is (damaged|incomplete) /, what)
  }
})

t.test('events whose bytes were changed are not read as others', async (t) => {
  const directory = folder(t)
  const log = await open(directory)
  for (let i = 0; i < 20; i++) await log.append([draft(`MARK${i}`.padEnd(5000))])
  await log.close()
  const file = join(directory, 'data.mdb')
  const bytes = readFileSync(file)
  bytes[bytes.indexOf('MARK3') + 2]! ^= 1
  const inode = statSync(file).ino
  writeFileSync(file, bytes)
  t.equal(statSync(file).ino, inode)
  const error = await refused(directory)
  t.ok(error instanceof LogOpenError)
  t.match((error as Error).message, /events from number 4 on cannot be read/)
})

t.test('damage of what is to be deleted is told once, and nothing is deleted', async (t) => {
  const directory = folder(t)
  const before = await open(directory)
  for (let i = 0; i < 20; i++) await before.append([draft(`MARK${i}`.padEnd(5000))])
  await before.close()
  const file = join(directory, 'data.mdb')
  const bytes = readFileSync(file)
  bytes[bytes.indexOf('MARK0') + 2]! ^= 1
  writeFileSync(file, bytes)
  const damages: unknown[] = []
  const log = await open(directory, {
    retainEvents: 5,
    // Later than keys are looked for.
    now: () => Date.now() + 3_600_000,
    onDamage: (error) => damages.push(error),
  })
  t.teardown(() => log.close())
  for (let i = 0; i < 5; i++) await log.append([draft('')])
  t.equal(log.retained.first, 1)
  t.match(damages, [{ message: /events from number 1 on cannot be read/ }])
  t.equal(log.problem, undefined)
})

t.test(
  'a full disk refuses pushes and says why; with room again it goes on',
  { skip: whyNoDisk },
  async (t) => {
    const disk = mountDisk(t, '1m')
    const problems: (string | undefined)[] = []
    const log = await open(join(disk.path, 'log'), {
      onProblem: (problem) => problems.push(problem),
    })
    const told: AcceptedEvent[] = []
    log.follow((events) => told.push(...events))
    let refusal: unknown
    for (let i = 0; refusal === undefined; i++) {
      await log.append([draft(`${i}`.padEnd(5000), { key: `k${i}` })]).catch((error: unknown) => {
        refusal = error
      })
    }
    t.match(refusal, { code: 'RINGCAST_LOG_UNAVAILABLE', message: /the disk of the log is full/ })
    t.match(log.problem, /full/)
    const { head } = log
    t.equal(told.length, head)
    await t.rejects(log.append([draft('')]), { code: 'RINGCAST_LOG_UNAVAILABLE' })
    t.equal((await all(log)).length, head, 'what it has can be read')
    disk.resize('8m')
    await until(() => log.problem === undefined, 'the disk to have room')
    const [receipt] = await log.append([draft('again', { key: `k${head}` })])
    t.strictSame([receipt!.sequence, receipt!.duplicate], [head + 1, false])
    t.match(problems, [/full/, undefined])
    await log.close()
    const after = await open(join(disk.path, 'log'))
    t.equal((await all(after)).length, head + 1, 'none that was refused turns up')
    await after.close()
  },
)

t.test(
  'a log that could not be begun, since the disk was full, can be once there is room',
  { skip: whyNoDisk },
  async (t) => {
    const disk = mountDisk(t, '1m')
    const filler = join(disk.path, 'filler')
    // The disk ends behind each page that is asked for, and some more.
    const pages = 40
    let refused = 0
    for (let free = 0; free < pages; free++) {
      const directory = join(disk.path, `log${free}`)
      writeFileSync(filler, Buffer.alloc((256 - free) * 4096))
      try {
        await (await open(directory)).close()
      } catch (error) {
        t.match(error, { message: /^the disk of .* is full$/ }, `${free} pages`)
        refused++
      }
      rmSync(filler)
      const log = await open(directory)
      await log.append([draft('first')])
      t.equal(log.head, 1, `${free} pages`)
      await log.close()
      rmSync(directory, { recursive: true })
    }
    t.ok(refused > 1)
    t.ok(refused < pages, 'to where there is room')

    const backup = join(disk.path, 'backup')
    const log = await open(backup)
    await log.append([draft('first')])
    await log.close()
    rmSync(join(backup, 'lock.mdb'))
    disk.fill()
    await t.rejects(open(backup), { message: /^the disk of .* is full$/ })
  },
)
