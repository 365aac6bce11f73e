import { statSync } from 'node:fs'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import type { Receipt } from '../../dist/hub/event-log.js'
import { FileLog } from '../../dist/logs/file-log.js'
import { holdLog } from '../../dist/logs/hold-log.js'
import { logProcesses, type LogProcess } from '../helpers/log-process.js'
import { until } from '../helpers/until.js'
import { draft } from './event-log-suite.js'

const limits = { retainEvents: 1e9, retainForMs: 0, retainBytes: 1e12 }

/** A directory that is held for the processes of a test. */
async function held(t: Test): Promise<string> {
  const directory = join(t.testdir(), 'log')
  const lock = await holdLog(directory)
  t.teardown(() => {
    lock.release()
  })
  return directory
}

async function reach(head: number, ...processes: LogProcess[]): Promise<void> {
  for (const each of processes) {
    await until(async () => (await each.ask<number>('head')) === head, `the head ${head}`)
  }
}

t.test(
  'three processes that append at once tell one order, all of it, each event once',
  async (t) => {
    const start = logProcesses(t, await held(t))
    const processes = await Promise.all([start(), start(), start()])
    const loads = [
      { name: 'x', events: 6000, batch: 1, inFlight: 64 },
      { name: 'y', events: 20_000, batch: 100, inFlight: 4 },
      { name: 'z', events: 2000, batch: 1, inFlight: 2 },
    ]
    const receipts = await Promise.all(
      processes.map((each, i) => each.ask<number[]>('load', loads[i])),
    )
    const total = 28_000
    await reach(total, ...processes)
    const [told, ...others] = await Promise.all(processes.map((each) => each.ask<string[]>('told')))
    for (const other of others)
      t.ok(other.join('\n') === told!.join('\n'), 'the same in the same order')
    t.ok(
      told!.every((event, i) => event.startsWith(`${i + 1} `)),
      'without a hole',
    )
    t.equal(new Set(told!.map((event) => event.split(' ')[1])).size, 1, 'of one life')
    const data = told!.map((event) => event.split(' ')[2]!)
    for (const [i, { name, events }] of loads.entries()) {
      const own = data.filter((each) => each.startsWith(name))
      t.equal(own.length, events)
      t.equal(new Set(own).size, events)
      t.equal(new Set(receipts[i]).size, events)
      t.ok(receipts[i]!.every((sequence) => data[sequence - 1]!.startsWith(name)))
    }
    const late = await start()
    t.ok(
      (await late.ask<string[]>('told')).join('\n') === told!.join('\n'),
      'one that comes late too',
    )
  },
)

t.test('a key that was pushed in one process is known in the others at once', async (t) => {
  const start = logProcesses(t, await held(t), { isTold: false })
  const [one, other] = await Promise.all([start(), start()])
  for (let n = 0; n < 20; n++) {
    const batch = [draft(`${n}`, { key: `k${n}` })]
    const [first] = await one.ask<Receipt[]>('append', batch)
    t.strictSame(await other.ask('append', batch), [{ ...first, duplicate: true }])
    const conflict = other.ask('append', [draft('else', { key: `k${n}` })])
    await t.rejects(conflict, { message: 'RINGCAST_KEY_CONFLICT' })
  }
  const batch = [draft('same', { key: 'same' })]
  const both = (
    await Promise.all([one, other].map((each) => each.ask<Receipt[]>('append', batch)))
  ).flat()
  t.equal(both[0]!.sequence, both[1]!.sequence)
  t.equal(both.filter(({ duplicate }) => duplicate).length, 1)
  t.equal(await one.ask('head'), 21)
})

t.test('what others append is seen without being told of it', async (t) => {
  const start = logProcesses(t, await held(t), { isTold: false })
  const [one, other] = await Promise.all([start(), start()])
  await one.ask('append', [draft('1'), draft('2')])
  await reach(2, other)
})

t.test('a process whose ring is full reads on when it has room, and only then', async (t) => {
  const start = logProcesses(t, await held(t))
  const [one, full] = await Promise.all([start(), start()])
  await full.ask('full', true)
  await one.ask('load', { name: 'x', events: 30_000, batch: 100, inFlight: 4 })
  const push = full.ask<Receipt[]>('append', [draft('own')])
  await until(async () => (await one.ask('head')) === 30_000, 'the other to go on')
  t.equal(await full.ask('head'), 0)
  await full.ask('full', false)
  t.match(await push, [{ sequence: 30_001 }])
  t.equal((await full.ask<string[]>('told')).length, 30_001)
})

t.test('a place that another process told of is waited for, if the log has it', async (t) => {
  const start = logProcesses(t, await held(t), { isTold: false })
  const [one, other] = await Promise.all([start(), start()])
  await one.ask('append', [draft('1'), draft('2'), draft('3')])
  t.equal(await other.ask('reach', 3), 3)
  t.equal(await other.ask('reach', 4), 3)
  await other.ask('full', true)
  await one.ask('append', [draft('4')])
  await t.rejects(other.ask('reach', 4), { message: 'RINGCAST_LOG_UNAVAILABLE' })
  await other.ask('full', false)
  t.equal(await other.ask('reach', 4), 4)
})

t.test('a process too slow for what is deleted goes on where the log begins then', async (t) => {
  const start = logProcesses(t, await held(t))
  const [one, slow] = await Promise.all([start({ retainEvents: 500 }), start()])
  await slow.ask('full', true)
  await one.ask('load', { name: 'x', events: 3000, batch: 100, inFlight: 2 })
  await slow.ask('full', false)
  await reach(3000, slow)
  const told = (await slow.ask<string[]>('told')).map((event) => Number(event.split(' ')[0]))
  const [common] = await slow.ask<number[]>('restarts')
  const hole = told.findIndex((sequence, i) => sequence !== i + 1)
  t.equal(hole, common, 'it is told of the hole')
  t.strictSame(
    told.slice(hole),
    Array.from({ length: told.length - hole }, (_, i) => told[hole]! + i),
  )
})

t.test('writers that are killed in the middle leave nothing half, and stop nobody', async (t) => {
  const directory = await held(t)
  const start = logProcesses(t, directory)
  const steady = await start()
  void steady.ask('flood', 'steady').catch(() => {})
  const killed: LogProcess[] = []
  for (let n = 0; n < 8; n++) {
    const victim = await start()
    void victim.ask('flood', `victim${n}`).catch(() => {})
    const enough = 20 + n * 10
    await until(() => victim.acknowledged.length > enough, 'the victim to push')
    victim.process.kill('SIGKILL')
    killed.push(victim)
    const before = steady.acknowledged.length
    await until(() => steady.acknowledged.length > before + 50, 'the others to go on')
  }
  const witness = await start()
  const last = steady.acknowledged.length
  await until(() => steady.acknowledged.length > last, 'the load to go on')
  const [told, seen] = await Promise.all(
    [steady, witness].map((each) => each.ask<string[]>('told')),
  )
  const [shorter, longer] = told!.length < seen!.length ? [told, seen] : [seen, told]
  t.ok(
    shorter!.every((event, i) => event === longer![i]),
    'all tell the same',
  )
  t.ok(
    longer!.every((event, i) => event.startsWith(`${i + 1} `)),
    'without a hole',
  )
  const data = longer!.map((event) => event.split(' ')[2]!)
  t.equal(new Set(data).size, data.length, 'each once')
  for (const { acknowledged } of killed) {
    t.ok(
      acknowledged.every(([sequence, text]) => data[sequence - 1] === text),
      'nothing is lost',
    )
  }
  t.equal(await steady.ask('problem'), null)
  const size = statSync(join(directory, 'data.mdb')).size
  t.ok(size < 64 * 1024 * 1024, `the file has ${size} bytes`)
})

t.test('what one process deletes is known to be gone in another that reads', async (t) => {
  const start = logProcesses(t, await held(t))
  const few = { retainEvents: 3000 }
  const [writer, reader] = await Promise.all([start(few), start(few)])
  const load = writer.ask('load', { name: 'x', events: 20_000, batch: 50, inFlight: 4 })
  interface Seen {
    first: number
    sequences: number[]
    gone: number
  }
  const progress = { isOver: false, reads: 0 }
  const over = load.then(() => (progress.isOver = true))
  await until(
    async () => {
      const { first, sequences, gone } = await reader.ask<Seen>('retained')
      // Those that were deleted while it read are left out.
      if (!sequences.every((sequence, i) => i === 0 || sequence > sequences[i - 1]!))
        t.fail('order')
      if (gone > 0 && gone < first - 1) t.fail(`${gone} is known to be gone, and ${first} is first`)
      progress.reads++
      return progress.isOver
    },
    'the load',
    60_000,
  )
  await over
  t.ok(progress.reads > 3, `${progress.reads} reads`)
  await reach(20_000, reader)
  for (const each of [writer, reader]) {
    const { first, sequences, gone } = await each.ask<Seen>('retained')
    t.ok(first > 16_000 && first <= 17_001, `from ${first} on`)
    t.equal(sequences.length, 20_001 - first)
    t.equal(gone, first - 1)
  }
})

t.test(
  'a revocation in one process is told in the others, and in those that come later',
  async (t) => {
    const directory = await held(t)
    const start = logProcesses(t, directory)
    const [one, other] = await Promise.all([start(), start()])
    await one.ask('keep', [
      ['ann', 7],
      ['', 3],
    ])
    await until(async () => (await other.ask<unknown[]>('revoked')).length === 2, 'the revocations')
    t.strictSame(await other.ask('revoked'), [
      ['ann', 7],
      ['', 3],
    ])
    await other.ask('keep', [
      ['ann', 9],
      ['bob', undefined],
    ])
    await until(
      async () => (await one.ask<unknown[][]>('revoked')).some(([, second]) => second === 9),
      'the later one',
    )
    await Promise.all([one, other].map((each) => each.ask('close')))
    const peers = { tell: () => {}, onTold: () => {} }
    const log = await FileLog.open(directory, { ...limits, peers })
    t.strictSame(log.revocations.kept, [
      ['', 3],
      ['ann', 9],
    ])
    await log.close()
  },
)

t.test('processes that open a log at the same time go on with one life', async (t) => {
  const start = logProcesses(t, await held(t))
  const processes = await Promise.all([start(), start(), start(), start()])
  const lives = await Promise.all(
    processes.map(async (each) => (await each.ask<{ lives: unknown[] }>('retained')).lives),
  )
  t.equal(lives[0]!.length, 1)
  for (const each of lives) t.strictSame(each, lives[0])
})

t.test('a directory is held for the processes that share it, and by nobody else', async (t) => {
  const directory = join(t.testdir(), 'log')
  const lock = await holdLog(directory)
  await t.rejects(holdLog(directory), { message: /another process has the log/ })
  await t.rejects(FileLog.open(directory, limits), { message: /another process has the log/ })
  const peers = { tell: () => {}, onTold: () => {} }
  const log = await FileLog.open(directory, { ...limits, peers })
  await log.append([draft('1')])
  await log.close()
  lock.release()
  await t.rejects(FileLog.open(directory, { ...limits, peers }), { message: /held by nobody/ })
  const alone = await FileLog.open(directory, limits)
  t.equal(alone.head, 1)
  await alone.close()
  await t.rejects(holdLog(t.testdir({ 'a.txt': '' })), { message: /is no log of ringcast/ })
})
