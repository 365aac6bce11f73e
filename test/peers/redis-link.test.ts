import { once } from 'node:events'
import t, { type Test } from 'tap'
import { RedisLink } from '../../dist/peers/redis-link.js'
import { redisAddress } from '../../dist/redis/redis-address.js'
import { startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { startRedis, type RedisServer } from '../helpers/redis-server.js'
import { startServer } from '../helpers/server-process.js'
import { openStream } from '../helpers/sse-client.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import { apiKey, bearer } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'

function linkTo(t: Test, { url }: RedisServer, name: string): RedisLink {
  const link = new RedisLink(redisAddress(url)!, name)
  t.teardown(() => link.close())
  return link
}

/** Resolves once a link hears from so many others. */
async function meet(link: RedisLink, others: number): Promise<void> {
  await until(async () => (await link.ask('hello')).answers.length === others, 'the others')
}

t.test('what one asks, all others answer, however long it is', async (t) => {
  const redis = await startRedis(t)
  const [a, b, c] = ['a', 'b', 'c'].map((name) => linkTo(t, redis, name))
  b!.answer((message) => `b: ${message}`)
  c!.answer(async () => 'ü"'.repeat(500_000))
  a!.answer(() => 'not asked')
  await meet(a!, 2)
  const { answers, silent } = await a!.ask('what?')
  t.equal(silent, 0)
  t.same(
    [...answers].sort().map((text) => text.length),
    [8, 1_000_000],
  )
  t.ok(answers.includes('ü"'.repeat(500_000)))
})

t.test('who does not answer is waited for two seconds, and counted', async (t) => {
  const redis = await startRedis(t)
  const [a, b, c] = ['a', 'b', 'c'].map((name) => linkTo(t, redis, name))
  let isMute = false
  b!.answer(() => 'b')
  c!.answer(() => (isMute ? new Promise(() => {}) : 'c'))
  await meet(a!, 2)
  isMute = true
  const asked = performance.now()
  t.same(await a!.ask('well?'), { answers: ['b'], silent: 1 })
  const waited = performance.now() - asked
  t.ok(waited > 1900 && waited < 15_000, `${waited} ms`)
  await c!.close()
  t.same(await a!.ask('well?'), { answers: ['b'], silent: 0 }, 'one that has left is not missed')
})

t.test('without Redis nobody answers, which is told, and it is found again', async (t) => {
  const redis = await startRedis(t)
  const [a, b] = ['a', 'b'].map((name) => linkTo(t, redis, name))
  b!.answer(() => 'b')
  await meet(a!, 1)
  await redis.kill()
  t.same(await a!.ask('well?'), { answers: [], silent: 1 })
  await redis.start()
  await meet(a!, 1)
})

t.test('it has begun once it is connected, or closed: a node waits for that', async (t) => {
  const redis = await startRedis(t)
  const proxy = await startProxy(t, redis.port)
  proxy.open = false
  const address = redisAddress(`redis://127.0.0.1:${proxy.port}`)!
  const [link, other] = [new RedisLink(address, 'a'), new RedisLink(address, 'b')]
  t.teardown(() => link.close())
  const begun: string[] = []
  void link.begun.then(() => begun.push('link'))
  void other.begun.then(() => begun.push('other'))
  t.same(await link.ask('well?'), { answers: [], silent: 1 })
  t.same(begun, [])
  await other.close()
  await other.begun
  t.same(begun, ['other'])
  proxy.open = true
  await link.begun
  t.equal(await link.send(['PING']), 'PONG')
})

t.test('nodes are one service; of one that is killed the lease ends', async (t) => {
  const redis = await startRedis(t)
  const store = redis.url as `redis://${string}`
  const a = await startApp(t, { store, apiKeys: [apiKey] })
  const b = await startServer(t, '--store', store, '--api-keys', apiKey)
  const headers = bearer(apiKey)
  const bought = await ask(`${a.url}/api/tickets`, { method: 'POST', headers })
  const ticket = bought.json!['ticket'] as string
  const here = await openStream(t, a.port, '/events?topic=a', { headers })
  const there = await openStream(t, b.port, `/events?topic=a&ticket=${ticket}`)
  t.match(there.control, [{ type: 'open' }], 'a ticket of one node is good at the other')
  t.equal((await ask(`${a.url}/events?ticket=${ticket}`)).status, 401, 'once')

  const list = async () =>
    (await ask(`${a.url}/api/streams`, { headers })).json as {
      streams: { id: string; node: string }[]
      total: number
      silent?: number
    }
  await until(async () => (await list()).total === 2, 'the streams of both')
  const { streams } = await list()
  t.same(
    streams.map(({ node }) => node).sort(),
    [here, there].map(({ control }) => (control[0]!['stream'] as string).split('.')[0]).sort(),
  )
  t.match((await ask(`${a.url}/api/topics`, { headers })).json, { topics: [{ streams: 2 }] })

  const id = there.control[0]!['stream'] as string
  const removed = await ask(`${a.url}/api/streams/${id}`, { method: 'DELETE', headers })
  t.equal(removed.status, 204)
  await there.told('bye')

  await openStream(t, b.port, '/events', { headers })
  await until(async () => (await list()).total === 2, 'its stream')
  const exit = once(b.process, 'exit')
  b.process.kill('SIGKILL')
  await exit
  t.match(await list(), { total: 1, silent: 1 }, 'for as long as its lease lasts')
  await until(async () => (await list()).silent === undefined, 'the end of its lease', 12_000)
})
