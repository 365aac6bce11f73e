import type { Test } from 'tap'
import { push, type RunningApp } from '../../helpers/app.js'
import { ask } from '../../helpers/ask.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../../helpers/tokens.js'
import { until } from '../../helpers/until.js'
import type { Subscription, Way } from '../../helpers/ways.js'
import { count, dataOf, events, parked, pushPadded, rowsOf } from './counted.js'

/** The codes that a WebSocket is closed with (section 6 of the contract). */
const codes = { goingAway: 1001, expiredOrRevoked: 4003, overLimit: 4013 }

const streamOf = ({ control }: Subscription): string => control[0]!['stream'] as string

function remove(app: RunningApp, path: string) {
  return ask(app.url + path, { method: 'DELETE', headers: bearer(apiKey) })
}

/** How streams end: what they are told, and what is left of them. */
export function endTests(t: Test, { subscribe, transport, startApp }: Way): void {
  /** The connection ends, with this code where its transport knows codes. */
  async function isClosed(t: Test, stream: Subscription, code: number): Promise<void> {
    await until(() => stream.closed, 'the end of the connection')
    t.equal(stream.closeCode, transport === 'websocket' ? code : undefined)
    t.equal(stream.control.filter(({ type }) => type === 'bye').length, 1, 'one bye')
  }

  t.test('a stream says that its token expires, and bye when it does', async (t) => {
    const app = await startApp(t, { apiKeys: [apiKey], jwtSecret, heartbeatMs: 100 })
    const token = await tokenOf({ sub: 'ann', exp: inSeconds(5) })
    const stream = await subscribe(t, app.port, { token })
    const { inSeconds: left } = await stream.told('expiring')
    t.ok(Number(left) >= 1 && Number(left) <= 5)
    t.match(await stream.told('bye'), { reason: 'expired', reconnect: true })
    await isClosed(t, stream, codes.expiredOrRevoked)
    t.equal(app.hub.stats.closed.expired, 1)
  })

  t.test('a deleted stream is told not to come back', async (t) => {
    const app = await startApp(t)
    const stream = await subscribe(t, app.port)
    const other = await subscribe(t, app.port)
    const retryMs = stream.retryMs
    t.equal((await remove(app, `/api/streams/${streamOf(stream)}`)).status, 204)
    t.match(await stream.told('bye'), { reason: 'revoked', reconnect: false, id: undefined })
    await isClosed(t, stream, codes.expiredOrRevoked)
    t.equal(stream.retryMs, retryMs, 'no retry goes with it')
    await push(app.url, { data: 1 })
    await other.received(1)

    const system = await subscribe(t, app.port, { topics: ['$sys/stats'] })
    t.equal((await remove(app, `/api/streams/${streamOf(system)}`)).status, 204)
    await isClosed(t, system, codes.expiredOrRevoked)
  })

  t.test('the streams of a user end together, to come back or not', async (t) => {
    const app = await startApp(t, { apiKeys: [apiKey], jwtSecret })
    const open = async (sub: string) => subscribe(t, app.port, { token: await tokenOf({ sub }) })
    const bob = await open('bob')
    const moved = await open('ann')
    const url = '/api/users/ann/streams'
    t.match(await remove(app, `${url}?revoke=false`), { json: { ended: 1 } })
    t.match(await moved.told('bye'), { reason: 'rebalance', reconnect: true })
    t.ok(moved.retryMs! >= 2000 && moved.retryMs! <= 4000, `retry ${moved.retryMs}`)
    await isClosed(t, moved, codes.goingAway)

    const gone = [await open('ann'), await open('ann')]
    t.match(await remove(app, url), { status: 200, json: { ended: 2 } })
    for (const stream of gone) {
      t.match(await stream.told('bye'), { reason: 'revoked', reconnect: false })
      await isClosed(t, stream, codes.expiredOrRevoked)
    }
    t.notOk(bob.closed)
    t.equal(app.hub.stats.closed.revoked, 2)
  })

  t.test('one stream too many is told bye, to come back later, and ends', async (t) => {
    const app = await startApp(t, { maxStreams: 2 })
    const first = await subscribe(t, app.port)
    const second = await subscribe(t, app.port, { topics: ['$sys/stats'] })
    const retries = new Set<number>()
    for (let n = 0; n < 6; n++) {
      const late = await subscribe(t, app.port, { last: 5 })
      t.match(late.control, [{ type: 'bye', reason: 'limit', reconnect: true, id: undefined }])
      const { retryMs } = late
      t.ok(retryMs! >= 15_000 && retryMs! <= 45_000, `retry ${retryMs}`)
      retries.add(retryMs!)
      await isClosed(t, late, codes.overLimit)
    }
    t.ok(retries.size > 1, 'not all come back at once')
    t.equal(app.hub.stats.closed.limit, 6)

    await push(app.url, { data: 1 })
    await first.received(1)
    second.cut()
    await until(async () => (await rowsOf(app)).length === 1, 'room')
    t.match((await subscribe(t, app.port)).control, [{ type: 'open' }])
  })

  t.test('each user has a share of its own, and a stream without a user none', async (t) => {
    const app = await startApp(t, { apiKeys: [apiKey], jwtSecret, maxStreamsPerUser: 2 })
    const ringcast = { admin: true, subscribe: ['**'] }
    const ofUser = async (sub: string | undefined, topic: string) => {
      const token = sub === undefined ? apiKey : await tokenOf({ sub, ringcast })
      return subscribe(t, app.port, { topics: [topic], token })
    }
    const reasonOf = async (sub: string | undefined, topic: string) =>
      (await ofUser(sub, topic)).control[0]!['reason']
    const first = await ofUser('ann', 'a')
    t.equal(await reasonOf('ann', '$sys/stats'), undefined)
    const late = await ofUser('ann', 'b')
    t.match(late.control, [{ type: 'bye', reason: 'limit', reconnect: true }])
    await isClosed(t, late, codes.overLimit)
    t.equal(await reasonOf('ann', '$sys/streams'), 'limit')
    t.equal(await reasonOf('bob', 'a'), undefined)
    for (let n = 0; n < 3; n++) t.equal(await reasonOf(undefined, 'a'), undefined)
    await remove(app, `/api/streams/${streamOf(first)}`)
    t.equal(await reasonOf('ann', 'a'), undefined, 'as soon as one is ended')
  })

  t.test('a drain delivers what was accepted, then says bye', async (t) => {
    const drainMs = 4000
    const app = await startApp(t, { drainMs })
    const streams = await Promise.all(count(0, 6).map(() => subscribe(t, app.port)))
    await push(app.url, events(0, 1000))
    await app.drain()
    const retries = new Set<number>()
    for (const stream of streams) {
      await isClosed(t, stream, codes.goingAway)
      t.same(dataOf(stream), count(0, 1000))
      const bye = { type: 'bye', reason: 'shutdown', reconnect: true, behind: 1000 }
      t.match(stream.control, [{ type: 'open' }, bye])
      const { retryMs } = stream
      t.ok(retryMs! >= 500 && retryMs! <= 500 + drainMs, `retry ${retryMs} is within the drain`)
      retries.add(retryMs!)
    }
    t.ok(retries.size > 1, 'they come back at different times')
    t.match(app.hub.stats.closed, { shutdown: 6, client: 0 })
  })

  t.test('a slow reader gets all that was accepted before the bye of a drain', async (t) => {
    const app = await startApp(t, { drainMs: 30_000 })
    const stream = await subscribe(t, app.port)
    stream.pause()
    await pushPadded(app.url, 0, 130)
    await parked(app)
    const drained = app.drain()
    await until(async () => (await ask(`${app.url}/readyz`)).status === 503, 'the drain')
    stream.resume()
    await drained
    await isClosed(t, stream, codes.goingAway)
    t.same(dataOf(stream), count(0, 130))
    t.match(stream.control.at(-1), { type: 'bye', reason: 'shutdown', behind: 130 })
  })

  t.test('a drain does not wait for ever for one that reads nothing', async (t) => {
    const app = await startApp(t, { drainMs: 500 })
    const stream = await subscribe(t, app.port)
    stream.pause()
    await pushPadded(app.url, 0, 130)
    await parked(app)
    await app.drain()
    t.equal(app.hub.stats.closed.shutdown, 1)
  })

  t.test('a stream of MAX_STREAM_AGE says bye, and its client misses nothing', async (t) => {
    const app = await startApp(t, { maxStreamAgeMs: 500 })
    const first = await subscribe(t, app.port)
    await push(app.url, { data: 1 })
    t.match(await first.told('bye'), { reason: 'rebalance', reconnect: true })
    await isClosed(t, first, codes.goingAway)
    await push(app.url, { data: 2 })
    const second = await subscribe(t, app.port, { lastEventId: first.lastId })
    await second.received(1)
    t.same([...dataOf(first), ...dataOf(second)], [1, 2])
  })

  t.test('a client that is gone is counted once, and leaves nothing behind', async (t) => {
    const app = await startApp(t)
    const streams = await Promise.all(
      count(0, 20).map((n) => subscribe(t, app.port, { topics: [`t/${n}`], user: `u${n}` })),
    )
    for (const stream of streams) stream.cut()
    await until(() => app.hub.streams.size === 0, 'the end of all')
    t.same([...app.hub.streams.topics()], [])
    t.equal(app.hub.stats.closed.client, 20)
    t.equal(app.hub.stats.transports[transport as 'sse'].opened, 20)
  })
}
