import t, { type Test } from 'tap'
import { RingcastError } from '../../dist/errors.js'
import { blockEvents, type EventLog } from '../../dist/hub/event-log.js'
import type { AcceptedEvent, EventDraft } from '../../dist/hub/event.js'

/** An event of one topic, as a push would give it. */
export function draft(data: string, more: Partial<EventDraft> = {}): EventDraft {
  return { topics: ['a'], users: [], event: undefined, json: false, key: undefined, data, ...more }
}

/**
 * What every log does, whatever it keeps its events in.
 *
 * @param name what is tested, as the test is to be called.
 * @param open opens a log that holds nothing; the suite closes it.
 */
export function eventLogSuite(name: string, open: (t: Test) => Promise<EventLog>): void {
  t.test(name, async (t) => {
    /** A log, and all that its follower was told. */
    async function opened(t: Test): Promise<{ log: EventLog; told: AcceptedEvent[] }> {
      const log = await open(t)
      t.teardown(() => log.close())
      const told: AcceptedEvent[] = []
      log.follow((events) => told.push(...events))
      return { log, told }
    }

    t.test('a new log has no events, and one life that waits for its first', async (t) => {
      const { log, told } = await opened(t)
      t.equal(log.lives.length, 1)
      t.equal(log.lives[0]!.first, log.head + 1)
      t.equal(log.lives[0]!.last, log.head)
      t.strictSame(told, [])
    })

    t.test('places are contiguous from the head on, in the order of the pushes', async (t) => {
      const { log, told } = await opened(t)
      const { head } = log
      const first = await log.append([draft('1')])
      const second = await log.append([draft('2'), draft('3'), draft('4')])
      const sequences = [...first, ...second].map(({ sequence }) => sequence)
      t.strictSame(sequences, [head + 1, head + 2, head + 3, head + 4])
      t.equal(log.head, head + 4)
      t.strictSame(
        told.map(({ data }) => data),
        ['1', '2', '3', '4'],
      )
      t.ok([...first, ...second].every(({ duplicate }) => !duplicate))
    })

    t.test('the follower is told an event, as it was pushed, in its place and time', async (t) => {
      const { log, told } = await opened(t)
      const pushed = [
        draft('one\r\ntwo', { topics: ['a', 'b/ü'], event: 'made', key: 'k' }),
        draft('{"n":null}', { topics: [], users: ['ann', 'bob'], json: true }),
        draft(''),
      ]
      const receipts = await log.append(pushed)
      for (const [i, event] of told.entries()) {
        const { epoch, sequence, time, ...content } = event
        t.strictSame(content, pushed[i])
        t.equal(epoch, receipts[i]!.epoch)
        t.equal(sequence, receipts[i]!.sequence)
        t.match(time, /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/)
      }
      t.equal(told.length, 3)
    })

    t.test('the follower is told before the push is answered, once and in order', async (t) => {
      const { log, told } = await opened(t)
      for (let i = 0; i < 10; i++) {
        const receipts = await log.append([draft(`${i}`), draft(`${i}'`)])
        t.strictSame(
          told.slice(-2).map(({ sequence }) => sequence),
          receipts.map(({ sequence }) => sequence),
        )
      }
      t.equal(told.length, 20)
    })

    t.test('pushes at the same time do not mix, and no place is given twice', async (t) => {
      const { log, told } = await opened(t)
      const { head } = log
      const batches = Array.from({ length: 50 }, (_, i) => [draft(`${i}.0`), draft(`${i}.1`)])
      const receipts = await Promise.all(batches.map((batch) => log.append(batch)))
      for (const [i, [first, second]] of receipts.entries()) {
        t.equal(second!.sequence, first!.sequence + 1, `the batch ${i} is in one piece`)
        t.equal(told[first!.sequence - head - 1]!.data, `${i}.0`)
      }
      t.strictSame(
        told.map(({ sequence }) => sequence),
        Array.from({ length: 100 }, (_, i) => head + 1 + i),
      )
      const ids = receipts.flat().map(({ epoch, sequence }) => `${epoch}-${sequence}`)
      t.equal(new Set(ids).size, 100)
    })

    t.test('the head is what the follower was told last, whenever it is told', async (t) => {
      const log = await open(t)
      t.teardown(() => log.close())
      log.follow((events) => t.equal(log.head, events.at(-1)!.sequence))
      await Promise.all([log.append([draft('1'), draft('2')]), log.append([draft('3')])])
      await log.append([draft('4')])
    })

    t.test('the last life grows with the head', async (t) => {
      const { log } = await opened(t)
      const [before] = log.lives
      const [receipt] = await log.append([draft('1')])
      t.strictSame(log.lives, [{ ...before!, last: log.head }])
      t.equal(log.lives.at(-1)!.epoch, receipt!.epoch)
    })

    t.test('a key that is known answers with the first place, and appends nothing', async (t) => {
      const { log, told } = await opened(t)
      const [first] = await log.append([draft('1', { key: 'k' })])
      const [again, other] = await log.append([draft('1', { key: 'k' }), draft('2')])
      t.strictSame(again, { ...first, duplicate: true })
      t.strictSame(other, { ...first, sequence: first!.sequence + 1, duplicate: false })
      t.equal(told.length, 2)
      t.strictSame(await log.append([draft('1', { key: 'k' })]), [again])
      t.equal(told.length, 2, 'a push of repeats only tells nothing')
    })

    t.test('a key twice in one batch is one event', async (t) => {
      const { log, told } = await opened(t)
      const [a, b, c] = await log.append([
        draft('1', { key: 'k' }),
        draft('2'),
        draft('1', { key: 'k' }),
      ])
      t.strictSame(c, { ...a, duplicate: true })
      t.equal(b!.sequence, a!.sequence + 1)
      t.equal(told.length, 2)
    })

    t.test('pushes of one key at the same time are one event', async (t) => {
      const { log, told } = await opened(t)
      const pushes = Array.from({ length: 5 }, () => log.append([draft('1', { key: 'k' })]))
      const receipts = (await Promise.all(pushes)).flat()
      t.equal(receipts.filter(({ duplicate }) => !duplicate).length, 1)
      t.equal(new Set(receipts.map(({ sequence }) => sequence)).size, 1)
      t.equal(told.length, 1)
    })

    t.test('a key used for another event refuses its whole batch, and names which', async (t) => {
      const { log, told } = await opened(t)
      await log.append([draft('1', { key: 'k' })])
      const { head } = log
      const conflict = { code: 'RINGCAST_KEY_CONFLICT', details: { index: 2, path: 'key' } }
      await t.rejects(
        log.append([draft('2'), draft('3', { key: 'new' }), draft('4', { key: 'k' })]),
        conflict,
      )
      await t.rejects(
        log.append([draft('2'), draft('3', { key: 'new' }), draft('4', { key: 'new' })]),
        conflict,
      )
      t.equal(log.head, head)
      t.equal(told.length, 1)
      const [receipt] = await log.append([draft('5', { key: 'new' })])
      t.strictSame(
        [receipt!.sequence, receipt!.duplicate],
        [head + 1, false],
        'the key of a refused batch is free',
      )
    })

    t.test('a batch of none is accepted as none', async (t) => {
      const { log, told } = await opened(t)
      t.strictSame(await log.append([]), [])
      t.strictSame(told, [])
    })

    t.test('what is pushed to a closed log is refused, and leaves no trace', async (t) => {
      const { log, told } = await opened(t)
      await log.append([draft('1')])
      await log.close()
      const refusal = await log.append([draft('2')]).catch((error: unknown) => error)
      t.ok(refusal instanceof RingcastError)
      t.match(refusal, { code: 'RINGCAST_LOG_UNAVAILABLE', statusCode: 503 })
      t.equal(told.length, 1)
      await log.close()
    })

    t.test('what is retained is read in blocks, as it was told', async (t) => {
      const { log, told } = await opened(t)
      const { retained } = log
      if (retained === undefined) {
        t.pass('it retains nothing')
        return
      }
      for (let n = 0; n < 30; n++) {
        await log.append(
          Array.from({ length: 20 }, (_, i) => draft(`${n}.${i}`, ofMany(n * 20 + i))),
        )
      }
      const read: AcceptedEvent[] = []
      while (read.length < told.length) {
        const from = (read.at(-1)?.sequence ?? log.head - told.length) + 1
        const block = await retained.read(from)
        const end = (Math.floor(from / blockEvents) + 1) * blockEvents
        t.ok(
          block.some(({ sequence }) => sequence === from),
          'the sequence itself is there',
        )
        t.ok(
          block.every(({ sequence }) => sequence < end),
          'nothing beyond its block',
        )
        read.push(...block.filter(({ sequence }) => sequence >= from))
      }
      t.strictSame(read, told)
    })

    t.test(
      'sequences are looked up by topic and by user, forward and from the newest',
      async (t) => {
        const { log, told } = await opened(t)
        const { retained } = log
        if (retained === undefined) {
          t.pass('it retains nothing')
          return
        }
        for (let n = 0; n < 600; n += 50) {
          await log.append(Array.from({ length: 50 }, (_, i) => draft(`${n + i}`, ofMany(n + i))))
        }
        for (const [topics, user] of [
          [['even']],
          [['even', 'third']],
          [['third'], 'ann'],
          [[], 'ann'],
          [['no']],
        ] as const) {
          const names = { topics, user }
          const own = told
            .filter(
              (event) =>
                event.topics.some((topic) => (topics as readonly string[]).includes(topic)) ||
                event.users.some((each) => each === user),
            )
            .map(({ sequence }) => sequence)
          t.strictSame(
            await retained.newest(names, 40),
            own.slice(-40).reverse(),
            `newest of ${String(topics)}`,
          )
          for (const from of [1, 2, 77, 300, 599, 600, 601]) {
            t.equal(
              await retained.next(names, from),
              own.find((sequence) => sequence >= from),
              `next from ${from}`,
            )
          }
        }
      },
    )

    t.test('revocations are kept, replaced and forgotten', async (t) => {
      const { log } = await opened(t)
      const { revocations } = log
      if (revocations === undefined) {
        t.pass('it keeps none')
        return
      }
      await revocations.keep(
        new Map([
          ['ann', 3],
          ['bob', 1],
          ['', 2],
        ]),
      )
      t.strictSame(
        [...revocations.kept],
        [
          ['bob', 1],
          ['', 2],
          ['ann', 3],
        ],
        'the oldest first',
      )
      await revocations.keep(
        new Map<string, number | undefined>([
          ['bob', undefined],
          ['', 4],
        ]),
      )
      t.strictSame(
        [...revocations.kept],
        [
          ['ann', 3],
          ['', 4],
        ],
      )
    })
  })
}

/** Whom one of many events is for. */
function ofMany(n: number): Partial<EventDraft> {
  if (n % 7 === 0) return { topics: [], users: n % 2 === 0 ? ['ann', 'bob'] : ['ann'] }
  const topics = [...(n % 2 === 0 ? ['even'] : ['odd']), ...(n % 3 === 0 ? ['third'] : [])]
  return { topics }
}
