import fc from 'fast-check'
import type { Test } from 'tap'
import { push, type RunningApp } from '../../helpers/app.js'
import { until } from '../../helpers/until.js'
import type { Subscription, Way } from '../../helpers/ways.js'
import { apiKey, bearer, jwtSecret, tokenOf } from '../../helpers/tokens.js'
import { ask } from '../../helpers/ask.js'
import { dataOf, sequenceOf } from './counted.js'

/** Pushes a last event and tells the data of all that a stream got before it. */
async function gotBefore(stream: Subscription, app: RunningApp, topic: string): Promise<unknown[]> {
  const seen = stream.events.length
  await push(app.url, { topic, data: -1 })
  await until(() => dataOf(stream).includes(-1, seen), 'the last event')
  return dataOf(stream).slice(0, -1)
}

/** A push, to topics or to users, as the property makes them up. */
interface Draft {
  readonly topic?: string | string[]
  readonly user?: string
}

const segment = fc.constantFrom('a', 'b', 'c')
const topic = fc.array(segment, { minLength: 1, maxLength: 3 }).map((path) => path.join('/'))
const pattern = fc
  .tuple(
    fc.array(fc.oneof(segment, fc.constant('*')), { maxLength: 2 }),
    fc.oneof(segment, fc.constantFrom('*', '**')),
  )
  .map(([path, last]) => [...path, last].join('/'))
const user = fc.constantFrom('ann', 'bob')
const draft: fc.Arbitrary<Draft> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ topic }) },
  fc.record({ topic: fc.uniqueArray(topic, { minLength: 1, maxLength: 3 }) }),
  fc.record({ user }),
)
const subscriber = fc.record({
  topics: fc.uniqueArray(pattern, { minLength: 1, maxLength: 4 }),
  user: fc.option(user, { nil: undefined }),
})

/** What the contract says of patterns, as an expression. */
function matches(pattern: string, topic: string): boolean {
  const source = pattern.replace(/\*\*$/, '.+').replace(/(?<=^|\/)\*(?=$|\/)/g, '[^/]*')
  return new RegExp(`^${source}$`).test(topic)
}

/** That a stream gets all that was pushed for it, once, in its place, and as it was pushed. */
export function deliveryTests(t: Test, { subscribe, startApp }: Way): void {
  t.test('a stream gets what its topics and patterns match, each event once', async (t) => {
    const app = await startApp(t)
    const topics = ['orders/*', 'deep/**', 'exact', 'orders/1']
    const stream = await subscribe(t, app.port, { topics })
    await push(app.url, [
      { topic: ['orders/1', 'exact'], data: { two: 'ways at once' } },
      { topic: 'orders', data: 0 },
      { topic: 'orders/1/lines', data: 0 },
      { topic: 'deep', data: 0 },
      { topic: 'deep/a/b', data: { deep: true } },
      { topic: 'exactly', data: 0 },
      { data: { not: 'broadcast' } },
      { user: 'ann', data: { not: 'a user' } },
    ])
    t.same(await gotBefore(stream, app, 'exact'), [{ two: 'ways at once' }, { deep: true }])
  })

  t.test('without a topic a stream is of broadcast', async (t) => {
    const app = await startApp(t)
    const stream = await subscribe(t, app.port)
    t.match(stream.control[0], { type: 'open', topics: ['broadcast'] })
    await push(app.url, [{ topic: 'other', data: 0 }, { data: 1 }, { topic: 'broadcast', data: 2 }])
    t.same(await gotBefore(stream, app, 'broadcast'), [1, 2])
  })

  t.test('it is told its id, its topics and where it begins', async (t) => {
    const app = await startApp(t, { heartbeatMs: 12_000 })
    const [id] = await push(app.url, { data: 1 })
    const retries = new Set<number>()
    for (let n = 0; n < 8; n++) {
      const stream = await subscribe(t, app.port, { topics: ['b/**', 'a'] })
      t.match(stream.control, [
        {
          type: 'open',
          id,
          stream: /^[0-9a-z]+\.\d+$/,
          topics: ['a', 'b/**'],
          heartbeatMs: 12_000,
        },
      ])
      t.ok(stream.retryMs! >= 2000 && stream.retryMs! <= 4000, `retry ${stream.retryMs}`)
      retries.add(stream.retryMs!)
    }
    t.ok(retries.size > 1, 'clients of a lost server do not come back at once')
  })

  t.test('a topic may hold any character that has a right to be there', async (t) => {
    const app = await startApp(t)
    const topic = 'räume/日本 & co?#+%/👋"\\'
    const stream = await subscribe(t, app.port, { topics: [topic] })
    await push(app.url, { topic, data: 1 })
    await stream.received(1)
    t.match(stream.control[0], { topics: [topic] })
  })

  t.test('an event has its id and name, and JSON as it was', async (t) => {
    const app = await startApp(t)
    const stream = await subscribe(t, app.port)
    const data = [{ a: [1, null, '\u2028\ud83d\ude00'] }, 0, null, false, [], {}, 1e300]
    const ids = await push(
      app.url,
      data.map((data) => ({ event: 'made', data })),
    )
    await stream.received(data.length)
    t.strictSame(
      stream.events.map(({ id, event, data }) => ({ id, event, data })),
      data.map((data, i) => ({ id: ids[i], event: 'made', data })),
    )
  })

  t.test('what is pushed to a user comes to that user, and to nobody else', async (t) => {
    const app = await startApp(t, { apiKeys: [apiKey], jwtSecret })
    const as = async (claims: object) =>
      subscribe(t, app.port, { token: await tokenOf({ ...claims }) })
    const ann = await as({ sub: 'ann' })
    const others = [
      await as({ sub: 'bob' }),
      await as({ sub: 'Ann' }),
      await as({}),
      await subscribe(t, app.port, { topics: ['**'], token: apiKey }),
    ]
    const body = JSON.stringify([
      { user: 'ann', data: 1 },
      { user: ['carl', 'ann'], data: 2 },
      { data: 3 },
    ])
    const headers = { ...bearer(apiKey), 'content-type': 'application/json' }
    await ask(`${app.url}/api/push`, { method: 'POST', headers, body })
    await ann.received(3)
    t.same(dataOf(ann), [1, 2, 3])
    for (const other of others) {
      await other.received(1)
      t.same(dataOf(other), [3])
    }
  })

  t.test('what several push at once is in one order for all, and in their own', async (t) => {
    const app = await startApp(t)
    const streams = await Promise.all(
      Array.from({ length: 6 }, (_, n) =>
        subscribe(t, app.port, { topics: n < 3 ? ['**'] : ['of/0', 'of/1', 'of/2', 'of/3'] }),
      ),
    )
    const publish = async (publisher: number): Promise<void> => {
      for (let n = 0; n < 200; n += 4) {
        const batch = [n, n + 1, n + 2, n + 3]
        await push(
          app.url,
          batch.map((n) => ({ topic: `of/${publisher}`, data: [publisher, n] })),
        )
      }
    }
    await Promise.all([0, 1, 2, 3].map(publish))
    for (const stream of streams) {
      await stream.received(800)
      const ids = stream.events.map(({ id }) => sequenceOf(id!))
      t.ok(
        ids.every((id, i) => i === 0 || id === ids[i - 1]! + 1),
        'one after the other',
      )
      t.same(stream.events, streams[0]!.events)
    }
    for (const publisher of [0, 1, 2, 3]) {
      const own = (streams[0]!.events as { data: [number, number] }[])
        .filter(({ data }) => data[0] === publisher)
        .map(({ data }) => data[1])
      t.same(
        own,
        Array.from({ length: 200 }, (_, n) => n),
      )
    }
  })

  t.test('whatever a stream asks for, it gets all of that and nothing else', async (t) => {
    const app = await startApp(t)
    await fc.assert(
      fc.asyncProperty(
        fc.array(subscriber, { minLength: 1, maxLength: 5 }),
        fc.array(fc.array(draft, { minLength: 1, maxLength: 12 }), { minLength: 1, maxLength: 3 }),
        async (subscribers, publishers) => {
          const streams = await Promise.all(
            subscribers.map(({ topics, user }) =>
              subscribe(t, app.port, { topics: [...topics, 'the/very/last/one'], user }),
            ),
          )
          const accepted: { id: string; draft: Draft }[] = []
          const publish = async (drafts: readonly Draft[]): Promise<void> => {
            for (const draft of drafts) {
              const [id] = await push(app.url, { ...draft, data: 1 })
              accepted.push({ id: id!, draft })
            }
          }
          await Promise.all(publishers.map(publish))
          await publish([{ topic: 'the/very/last/one' }])
          accepted.sort((a, b) => sequenceOf(a.id) - sequenceOf(b.id))
          const last = accepted.at(-1)!.id
          for (const [i, stream] of streams.entries()) {
            await until(() => stream.events.at(-1)?.id === last, 'the last event')
            const wanted = subscribers[i]!
            const concerns = ({ topic = [], user }: Draft): boolean =>
              user === undefined
                ? [topic].flat().some((topic) => wanted.topics.some((p) => matches(p, topic)))
                : user === wanted.user
            const expected = accepted
              .filter(({ id, draft }) => id === last || concerns(draft))
              .map(({ id }) => id)
            const got = stream.events.map(({ id }) => id)
            if (got.join() !== expected.join()) {
              throw new Error(`got ${got.join()}, not ${expected.join()}`)
            }
            stream.cut()
          }
        },
      ),
      { numRuns: 25 },
    )
  })
}
