import { once } from 'node:events'
import { createServer as createHttpServer } from 'node:http'
import { connect, createServer, type AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { AcceptedEvent, EventDraft } from '../../dist/hub/event.js'
import type { Restart } from '../../dist/hub/event-log.js'
import { LogOpenError } from '../../dist/logs/log-open-error.js'
import { RedisLog, type RedisLogOptions } from '../../dist/logs/redis-log.js'
import { redisAddress } from '../../dist/redis/redis-address.js'
import { startRedis, type RedisServer } from '../helpers/redis-server.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import { until } from '../helpers/until.js'
import { draft, eventLogSuite } from './event-log-suite.js'

const limits = {
  retainEvents: 1e6,
  retainForMs: 0,
  retainBytes: 1e9,
  ringEvents: 1024,
  ringBytes: 1e8,
}

function open(url: string, more: Partial<RedisLogOptions> = {}): Promise<RedisLog> {
  return RedisLog.open(redisAddress(url)!, { ...limits, ...more })
}

/** A log that is followed, and closed with the test. */
async function followed(
  t: Test,
  url: string,
  more: Partial<RedisLogOptions> = {},
): Promise<{ log: RedisLog; told: AcceptedEvent[]; restarts: Restart[]; room: { most: number } }> {
  const log = await open(url, more)
  t.teardown(() => log.close())
  const told: AcceptedEvent[] = []
  const restarts: Restart[] = []
  const room = { most: Infinity }
  log.follow((events) => told.push(...events), {
    fits: (events) => Math.min(events.length, room.most),
    restart: (restart) => restarts.push(restart),
  })
  return { log, told, restarts, room }
}

/** What came of a push: `ok`, or the code of its error. */
const outcome = (push: Promise<unknown>): Promise<string> =>
  push.then(
    () => 'ok',
    (error: unknown) => (error as { code: string }).code,
  )

const many = (from: number, count: number, more: (n: number) => Partial<EventDraft> = () => ({})) =>
  Array.from({ length: count }, (_, i) => draft(`${from + i}`, more(from + i)))

const dataOf = (events: readonly AcceptedEvent[]): string[] => events.map(({ data }) => data)

let shared: RedisServer
t.before(async () => {
  shared = await startRedis(t)
})

let prefixes = 0
/** A place of its own in the Redis that tests share. */
const place = (): string => `${shared.url}?prefix=test${prefixes++}:`

eventLogSuite('a Redis log', () => open(place()))

t.test('two logs in one Redis are one log', async (t) => {
  const url = place()
  const [a, b] = await Promise.all([followed(t, url), followed(t, url)])
  t.strictSame(a.log.lives, b.log.lives)
  await Promise.all(
    [a, b].flatMap(({ log }, k) =>
      many(0, 40).map((d) => log.append([{ ...d, data: `${k}.${d.data}` }])),
    ),
  )
  await until(() => a.told.length === 80 && b.told.length === 80, 'all at both')
  t.strictSame(a.told, b.told)
  const [first] = await a.log.append([draft('1', { key: 'k' })])
  const [again] = await b.log.append([draft('1', { key: 'k' })])
  t.strictSame(again, { ...first, duplicate: true })
  await t.rejects(b.log.append([draft('2', { key: 'k' })]), { code: 'RINGCAST_KEY_CONFLICT' })
})

t.test('a log that is opened later has what there is', async (t) => {
  const url = place()
  const { log, told } = await followed(t, url)
  await log.append(many(1, 700))
  const late = await open(url)
  t.teardown(() => late.close())
  t.equal(late.head, 700)
  const events: AcceptedEvent[] = []
  for (let from = 1; from <= 700; from = events.at(-1)!.sequence + 1) {
    events.push(...(await late.retained.read(from)))
  }
  t.strictSame(events, told)
})

t.test('a key is known until 100,000 newer ones have come, and no more are kept', async (t) => {
  const prefix = 'keys:'
  const { log } = await followed(t, `${shared.url}?prefix=${prefix}`)
  await log.append([draft('first', { key: 'k0' })])
  for (let n = 1; n < 100_000; n += 1000) {
    await log.append(many(n, Math.min(1000, 100_000 - n), (k) => ({ key: `k${k}` })))
  }
  t.match(await log.append([draft('first', { key: 'k0' })]), [{ duplicate: true }])
  await log.append([draft('x', { key: 'one more' })])
  t.match(await log.append([draft('first', { key: 'k0' })]), [{ duplicate: false }])
  t.ok(Number(await shared.command('HLEN', `${prefix}keys`)) <= 100_000)
})

t.test('a push whose answer was lost is answered once Redis has been asked', async (t) => {
  const proxy = await startProxy(t, shared.port)
  const { log, told } = await followed(
    t,
    `redis://127.0.0.1:${proxy.port}?prefix=${place().split('=')[1]}`,
  )
  await log.append([draft('1')])
  proxy.onForward = (bytes) => {
    if (bytes.includes('lost answer')) proxy.backward = false
    return true
  }
  const push = log.append([draft('lost answer'), draft('2')])
  await until(() => !proxy.backward, 'the append')
  await until(
    async () => Number(await shared.command('XLEN', `test${prefixes - 1}:events`)) === 3,
    'the entry',
  )
  proxy.backward = true
  proxy.cut()
  t.match(await push, [{ sequence: 2, duplicate: false }, { sequence: 3 }])
  await until(() => told.length === 3, 'what was pushed')
  t.strictSame(dataOf(told), ['1', 'lost answer', '2'])
})

t.test('a repeat changes nothing of the log: who comes back finds it as it was', async (t) => {
  const redis = await startRedis(t, { durable: true })
  const nodes = await Promise.all([followed(t, redis.url), followed(t, redis.url)])
  const [a, b] = nodes
  await a.log.append(many(1, 2))
  await a.log.append([draft('3', { key: 'k' })])
  await until(() => a.told.length === 3 && b.told.length === 3, 'all at both')
  t.match(await b.log.append([draft('3', { key: 'k' })]), [{ sequence: 3, duplicate: true }])
  t.equal(await outcome(b.log.append([draft('4', { key: 'k' })])), 'RINGCAST_KEY_CONFLICT')

  const { lives } = a.log
  await redis.kill()
  await redis.start()
  await until(async () => (await outcome(a.log.append([draft('5')]))) === 'ok', 'Redis again')
  await until(() => b.told.length === 4, 'the next at the other')
  t.strictSame([a.restarts, b.restarts], [[], []])
  for (const { log } of nodes) t.match(log.lives, [{ epoch: lives[0]!.epoch, last: 4 }])
  t.equal(a.log.lives.length, 1, 'no new life began')
})

t.test('a push that never came there is refused, and is dead when it comes late', async (t) => {
  const proxy = await startProxy(t, shared.port)
  const { log, told } = await followed(
    t,
    `redis://127.0.0.1:${proxy.port}?prefix=${place().split('=')[1]}`,
  )
  await log.append([draft('1')])
  let late: Buffer | undefined
  proxy.onForward = (bytes) => {
    if (!bytes.includes('too late')) return true
    late = bytes
    return false
  }
  const push = outcome(log.append([draft('too late')]))
  await until(() => late !== undefined, 'the append')
  proxy.cut()
  t.equal(await push, 'RINGCAST_LOG_UNAVAILABLE')
  const socket = connect(shared.port, '127.0.0.1')
  socket.write(late!)
  const [answer] = (await once(socket, 'data')) as [Buffer]
  socket.destroy()
  t.match(answer.toString(), 'dead')
  await until(() => log.problem === undefined, 'the log')
  await log.append([draft('2')])
  t.strictSame(dataOf(told), ['1', '2'])
})

t.test(
  'a push of which Redis cannot be asked is uncertain after seconds, not hanging',
  async (t) => {
    const proxy = await startProxy(t, shared.port)
    const { log } = await followed(
      t,
      `redis://127.0.0.1:${proxy.port}?prefix=${place().split('=')[1]}`,
    )
    await log.append([draft('1')])
    proxy.forward = false
    const begin = performance.now()
    t.equal(await outcome(log.append([draft('2', { key: 'k' })])), 'RINGCAST_UNCERTAIN')
    t.ok(performance.now() - begin < 30_000)
    t.match(log.problem, /^Redis \(127\.0\.0\.1:\d+\) cannot be used: /)
    t.equal(await outcome(log.append([draft('3')])), 'RINGCAST_LOG_UNAVAILABLE', 'at once')
    proxy.forward = true
    await until(() => log.problem === undefined, 'the log')
    t.match(await log.append([draft('2', { key: 'k' })]), [{ duplicate: false }])
  },
)

t.test('a follower that is cut off in silence is noticed, and made anew', async (t) => {
  const proxy = await startProxy(t, shared.port)
  const url = place()
  const problems: (string | undefined)[] = []
  const { log, told } = await followed(t, url.replace(String(shared.port), String(proxy.port)), {
    onProblem: (problem) => problems.push(problem),
  })
  const other = await followed(t, url)
  let reader: number | undefined
  proxy.onForward = (bytes, connection) => {
    if (bytes.includes('XREAD')) reader ??= connection
    return true
  }
  await until(() => reader !== undefined, 'the follower')
  proxy.onBackward = (_bytes, connection) => connection !== reader
  await other.log.append([draft('unheard')])
  await until(() => problems.length > 0, 'the problem')
  t.match(problems[0], /no longer tells this node/)
  await until(() => told.length === 1, 'the event')
  await until(() => log.problem === undefined, 'the log')
  t.strictSame(problems.slice(1), [undefined])
})

t.test('a node without room waits, harms no other, and is not taken for cut off', async (t) => {
  const url = place()
  const [slow, fast] = await Promise.all([followed(t, url), followed(t, url)])
  slow.room.most = 0
  await fast.log.append(many(1, 600))
  await until(() => fast.told.length === 600, 'the fast one')
  const [receipt] = await slow.log.append([draft('601')])
  t.equal(receipt!.sequence, 601, 'its own push counts')
  t.strictSame(slow.told, [])
  t.equal(slow.log.head, 0)
  slow.room.most = 7
  await until(() => slow.told.length === 601, 'the slow one')
  t.strictSame(slow.told, fast.told)
  t.equal(slow.log.problem, undefined)
})

t.test(
  'by count, what is too old is deleted from log and index, and all nodes know whose it was',
  async (t) => {
    const url = place()
    const prefix = url.split('=')[1]!
    const [a, b] = await Promise.all([
      followed(t, url, { retainEvents: 100 }),
      followed(t, url, { retainEvents: 100 }),
    ])
    await a.log.append([draft('old', { topics: ['rare'] })])
    await a.log.append(many(1, 300, (n) => ({ topics: [`n/${n % 3}`], users: [] })))
    await a.log.append([draft('new', { topics: ['rare'] })])
    for (const { log } of [a, b]) {
      await until(() => log.retained.first === 203, 'the deletion')
      t.equal(log.retained.horizon.ofTopic('rare'), 1)
      t.ok(log.retained.horizon.ofTopic('n/1') > 190)
      t.equal(log.retained.horizon.ofTopic('never'), 0)
      const names = { topics: ['rare', 'n/0'], user: undefined }
      t.equal((await log.retained.newest(names, 1000)).length, 34)
      t.equal(await log.retained.next({ topics: ['rare'], user: undefined }, 1), 302)
      const [first] = await log.retained.read(1)
      t.equal(first!.sequence, 203)
    }
    t.equal(await shared.command('XLEN', `${prefix}events`), 100)
    t.equal(await shared.command('LLEN', `${prefix}t:n/1`), 33)
    t.equal(await shared.command('LLEN', `${prefix}t:rare`), 1)
  },
)

t.test('by age and by bytes too, down to none', async (t) => {
  const url = place()
  const { log } = await followed(t, url, { retainForMs: 1500 })
  const [receipt] = await log.append(many(1, 10))
  await until(() => log.retained.first === 11, 'the end of the last')
  const late = await followed(t, url)
  t.equal(late.log.head, 10)
  t.strictSame(late.log.lives, log.lives)
  t.match(await late.log.append([draft('11')]), [{ epoch: receipt!.epoch, sequence: 11 }])
  const small = await followed(t, place(), { retainBytes: 10_000 })
  await small.log.append(many(1, 100, () => ({ topics: ['a', 'b'] })))
  await until(() => small.log.retained.first > 1, 'the deletion')
  t.ok(small.log.head - small.log.retained.first < 95)
})

t.test(
  'a deletion of which a node was not told counts as one that may concern anyone',
  async (t) => {
    const url = place()
    const prefix = url.split('=')[1]!
    const { log } = await followed(t, url, { retainEvents: 1e6 })
    await log.append(many(1, 50))
    await shared.command('XTRIM', `${prefix}events`, 'MINID', '31-0')
    await shared.command('HSET', `${prefix}meta`, 'first', '31')
    await until(() => log.retained.first === 31, 'a look')
    t.equal(log.retained.horizon.ofTopic('whatever'), 30)
  },
)

t.test('nothing but its prefix is touched', async (t) => {
  const redis = await startRedis(t)
  const foreign = [
    ['SET', 'events', 'mine'],
    ['HSET', 'meta', 'a', '1'],
    ['RPUSH', 'ringcast', 'x'],
    ['XADD', 'other:events', '1-0', 'a', 'b'],
    ['SADD', 'ringcast2:keys', 'y'],
  ]
  for (const command of foreign) await redis.command(...command)
  const dump = async () => {
    const keys = (await redis.command('KEYS', '*')) as string[]
    const kept = keys.filter((key) => !key.startsWith('app:')).sort()
    return Promise.all(kept.map(async (key) => [key, await redis.command('DUMP', key)]))
  }
  const before = await dump()
  const { log } = await followed(t, `${redis.url}?prefix=app:`, { retainEvents: 10 })
  await log.append(many(1, 100, (n) => ({ key: `k${n}` })))
  await log.revocations.keep(new Map([['ann', 1]]))
  await until(() => log.retained.first > 50, 'the deletion')
  await log.close()
  t.strictSame(await dump(), before)
})

t.test(
  'revocations are known to all nodes at once, and given back to a Redis that lost them',
  async (t) => {
    const redis = await startRedis(t)
    const [a, b] = await Promise.all([followed(t, redis.url), followed(t, redis.url)])
    const changes: [string, number | undefined][] = []
    b.log.revocations.onChange((news) => changes.push(...news))
    await a.log.revocations.keep(new Map([['ann', 10]]))
    await until(() => changes.length === 1, 'the revocation')
    t.strictSame(changes, [['ann', 10]])
    t.strictSame(b.log.revocations.kept, [['ann', 10]])
    await redis.command('FLUSHALL')
    await until(() => a.restarts.length > 0 && b.restarts.length > 0, 'the new log')
    await until(
      async () => (await redis.command('HGET', 'ringcast:revoked', 'ann')) === '10',
      'ann',
    )
    const late = await followed(t, redis.url)
    t.strictSame(late.log.revocations.kept, [['ann', 10]])
  },
)

t.test(
  'a node that loses Redis while it begins finds the log that it had begun with',
  async (t) => {
    const redis = await startRedis(t)
    const proxy = await startProxy(t, redis.port)
    const { log, told, restarts } = await followed(t, redis.url)
    await log.append(many(1, 10))
    const late = await open(`redis://127.0.0.1:${proxy.port}`)
    t.teardown(() => late.close())
    await late.retained.read(1)
    await log.append(many(11, 5))
    const before = proxy.connections
    proxy.cut()
    await until(() => proxy.connections > before && late.problem === undefined, 'a new session')
    const events: AcceptedEvent[] = []
    late.follow((more) => events.push(...more))
    proxy.cut()
    await log.append(many(16, 5))
    await until(() => events.length === 10 && told.length === 20, 'what came since')
    t.strictSame(events, told.slice(10))
    t.strictSame(restarts, [], 'no other node has lost anything')
    t.strictSame(late.lives, log.lives)
    t.equal(log.lives.length, 1)
  },
)

t.test('a look-up whose answer is lost with Redis is made again', async (t) => {
  const redis = await startRedis(t)
  const proxy = await startProxy(t, redis.port)
  const { log } = await followed(t, `redis://127.0.0.1:${proxy.port}`)
  await log.append([...many(1, 3), draft('4', { topics: ['rare'] })])
  const lookUp = () => log.retained.next({ topics: ['rare'], user: undefined }, 1)
  t.equal(await lookUp(), 4)
  let lost = 0
  proxy.onForward = (bytes) => {
    if (lost > 0 || !bytes.includes('rare')) return true
    lost++
    setImmediate(() => {
      proxy.cut()
    })
    return false
  }
  t.equal(await lookUp(), 4)
  t.equal(lost, 1)
})

t.test(
  'a node that begins while the log loses its end says of no more that it is lost',
  async (t) => {
    const [redis, replica] = [await startRedis(t), await startRedis(t)]
    const proxy = await startProxy(t, redis.port)
    const { log } = await followed(t, redis.url)
    await log.append(many(1, 8))
    await replica.command('REPLICAOF', '127.0.0.1', String(redis.port))
    await until(async () => (await replica.command('HGET', 'ringcast:meta', 'head')) === '8', 'it')
    await replica.command('REPLICAOF', 'NO', 'ONE')
    await log.append(many(9, 2))
    const late = await open(`redis://127.0.0.1:${proxy.port}`)
    t.teardown(() => late.close())
    t.equal(late.head, 10)
    proxy.target = replica.port
    proxy.cut()
    await until(() => late.lives.length === 2 && late.problem === undefined, 'the new life')
    const kept = await replica.command('HGET', 'ringcast:meta', 'lives')
    t.match(kept, /^\S+ 1 8\n\S+ 9$/)
  },
)

t.test('a node that begins while the log becomes another one begins with that', async (t) => {
  const redis = await startRedis(t)
  const first = await followed(t, redis.url)
  await first.log.append(many(1, 10))
  const late = await open(redis.url)
  t.teardown(() => late.close())
  await late.retained.read(1)
  await redis.command('FLUSHALL')
  await until(() => first.restarts.length > 0, 'the new log')
  await first.log.append(many(1, 3))
  await until(() => late.lives.at(-1)!.epoch === first.log.lives.at(-1)!.epoch, 'the new log there')
  const restarts: Restart[] = []
  late.follow(() => {}, { fits: () => 1, restart: (restart) => restarts.push(restart) })
  t.match(restarts, [{ common: -1, former: [{ last: 10 }] }])
  t.ok(restarts.length === 1 && late.head === restarts[0]!.newest.length)
})

t.test('a Redis without memory refuses pushes until it has some', async (t) => {
  const redis = await startRedis(t, { args: ['--maxmemory-policy', 'noeviction'] })
  const { log, told } = await followed(t, redis.url)
  await log.append([draft('1')])
  await redis.command('CONFIG', 'SET', 'maxmemory', '1')
  t.equal(await outcome(log.append([draft('2')])), 'RINGCAST_LOG_UNAVAILABLE')
  t.match(log.problem, /OOM/)
  await redis.command('CONFIG', 'SET', 'maxmemory', '0')
  await until(() => log.problem === undefined, 'memory')
  await log.append([draft('3')])
  t.strictSame(dataOf(told), ['1', '3'])
})

t.test('what is deleted of the log gives a full Redis its memory back', async (t) => {
  const redis = await startRedis(t, { args: ['--maxmemory-policy', 'noeviction'] })
  const { log, told } = await followed(t, redis.url, { retainForMs: 3000 })
  for (let n = 0; n < 100; n++) await log.append([draft('x'.repeat(100_000))])
  await redis.command('CONFIG', 'SET', 'maxmemory', String((await usedMemory(redis)) - 5e6))
  t.equal(await outcome(log.append([draft('refused')])), 'RINGCAST_LOG_UNAVAILABLE')
  t.match(log.problem, /OOM/)
  const { length } = told
  await until(() => log.problem === undefined, 'memory')
  t.ok(log.retained.first > 50, `the first is ${log.retained.first}`)
  await log.append([draft('again')])
  t.equal(told.length, length + 1)
})

t.test('with a full Redis what is there is read, settled and revoked', async (t) => {
  const redis = await startRedis(t, { args: ['--maxmemory-policy', 'noeviction'] })
  const proxy = await startProxy(t, redis.port)
  const first = await followed(t, `redis://127.0.0.1:${proxy.port}`)
  await first.log.append(many(1, 10))
  await redis.command('CONFIG', 'SET', 'maxmemory', '1')
  await until(() => first.log.problem !== undefined, 'a tick')

  const late = await followed(t, redis.url)
  t.equal(late.log.head, 10)
  t.equal((await late.log.retained.read(1)).length, 10)
  t.equal(await outcome(late.log.append([draft('x')])), 'RINGCAST_LOG_UNAVAILABLE')

  proxy.cut()
  await until(() => first.log.problem !== undefined && !/OOM/.test(first.log.problem), 'the cut')
  await until(() => /OOM/.test(first.log.problem ?? ''), 'the next connection')
  await first.log.revocations.keep(new Map([['ann', 7]]))
  await until(() => new Map(late.log.revocations.kept).get('ann') === 7, 'the revocation there')

  await redis.command('CONFIG', 'SET', 'maxmemory', '0')
  await until(() => late.log.problem === undefined && first.log.problem === undefined, 'memory')
  await late.log.append([draft('11')])
  await until(() => first.told.length === 11, 'the next event')
  t.strictSame([first.restarts, late.restarts], [[], []])
})

/** What a Redis has in its memory, in bytes. */
async function usedMemory(redis: RedisServer): Promise<number> {
  return Number(/used_memory:(\d+)/.exec(String(await redis.command('INFO', 'memory')))![1])
}

t.test('scripts that Redis has forgotten are sent again', async (t) => {
  const { log, told } = await followed(t, place())
  await log.append([draft('1')])
  await shared.command('SCRIPT', 'FLUSH')
  await Promise.all(many(2, 10).map((each) => log.append([each])))
  t.equal(told.length, 11)
})

t.test('what is closed has no connection left, and waits for what is under way', async (t) => {
  const proxy = await startProxy(t, shared.port)
  const log = await open(`redis://127.0.0.1:${proxy.port}?prefix=${place().split('=')[1]}`)
  log.follow(() => {})
  const pushes = Promise.all(many(1, 20).map((each) => log.append([each])))
  await log.close()
  t.equal((await pushes).length, 20)
  await until(() => proxy.openConnections === 0, 'the end of all connections')
  t.equal(await outcome(log.append([draft('x')])), 'RINGCAST_LOG_UNAVAILABLE')
})

t.test('what can never be used is said at once, without the password', async (t) => {
  const refusal = async (url: string): Promise<string> => {
    const error = await open(url).catch((error: unknown) => error)
    t.ok(error instanceof LogOpenError, url)
    return (error as Error).message
  }
  const locked = await startRedis(t, { args: ['--requirepass', 'right'] })
  const wrong = locked.url.replace('://', '://:very-wrong@')
  t.match(await refusal(wrong), /^STORE: Redis \(127\.0\.0\.1:\d+\) cannot be used: WRONGPASS/)
  t.notMatch(await refusal(wrong), /very-wrong/)
  t.match(await refusal(locked.url), /NOAUTH/)
  const right = await open(locked.url.replace('://', '://:right@'))
  await right.close()
  t.match(await refusal(`${shared.url}/99`), /DB index/)
  const evicting = await startRedis(t, {
    args: ['--maxmemory', '100mb', '--maxmemory-policy', 'allkeys-lru'],
  })
  t.match(await refusal(evicting.url), /maxmemory-policy is allkeys-lru.*noeviction/)
  const web = createHttpServer().listen(0, '127.0.0.1')
  await once(web, 'listening')
  t.teardown(() => web.close())
  t.match(
    await refusal(`redis://127.0.0.1:${(web.address() as AddressInfo).port}`),
    /cannot be used/,
  )
  const info = '# Server\r\nredis_version:6.2.14\r\n'
  const old = createServer((socket) => {
    socket.on('data', (bytes) => {
      const commands = bytes
        .toString()
        .split(/^\*\d+\r\n/m)
        .slice(1)
      for (const command of commands) {
        socket.write(
          command.includes('INFO\r\n') && !command.includes('SETINFO')
            ? `$${info.length}\r\n${info}\r\n`
            : '+OK\r\n',
        )
      }
    })
    socket.on('error', () => {})
  }).listen(0, '127.0.0.1')
  await once(old, 'listening')
  t.teardown(() => old.close())
  t.match(await refusal(`redis://127.0.0.1:${(old.address() as AddressInfo).port}`), /6\.2\.14/)
})

t.test('a log of a later format is left alone: by who starts, and by who comes back', async (t) => {
  const redis = await startRedis(t)
  const { log } = await followed(t, redis.url)
  await log.append([draft('1')])
  await redis.command('HSET', 'ringcast:meta', 'format', '2')
  const error = await open(redis.url).catch((error: unknown) => error)
  t.ok(error instanceof LogOpenError)
  t.match((error as Error).message, /of another version of ringcast, in format 2: .* format 1$/)
  await redis.command('CLIENT', 'KILL', 'TYPE', 'normal')
  await until(() => log.problem?.includes('in format 2') ?? false, 'the node to say so')
  t.equal(await outcome(log.append([draft('2')])), 'RINGCAST_LOG_UNAVAILABLE')
  await redis.command('HSET', 'ringcast:meta', 'format', '1')
  await until(() => log.problem === undefined, 'the log')
  await log.append([draft('2')])
})

t.test('a Redis that is not there yet is waited for', async (t) => {
  const redis = await startRedis(t)
  await redis.kill()
  const problems: (string | undefined)[] = []
  const opening = open(redis.url, { onProblem: (problem) => problems.push(problem) })
  await until(() => problems.length > 0, 'the line that says so')
  t.match(problems[0], `Redis (127.0.0.1:${redis.port}) cannot be used: connect ECONNREFUSED`)
  await redis.start()
  const log = await opening
  t.teardown(() => log.close())
  log.follow(() => {})
  await log.append([draft('1')])
  t.equal(problems.length, 2, 'one line, and that it is over')
})
