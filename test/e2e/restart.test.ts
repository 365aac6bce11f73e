import { once } from 'node:events'
import { join } from 'node:path'
import t from 'tap'
import { push } from '../helpers/app.js'
import { startServer } from '../helpers/server-process.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

interface Page {
  readonly events: readonly { id: string; data: number }[]
  readonly last: string
  readonly more: boolean
  readonly gap: unknown
}

t.test(
  'killed 50 times under load, it has every event that it acknowledged; clients miss none',
  async (t) => {
    const directory = join(t.testdir(), 'log')
    /** What was acknowledged: the id by the number that was pushed. */
    const acknowledged = new Map<number, string>()
    const got: { id: string; data: number }[] = []
    let next = 0
    let lastId: string | undefined
    for (let round = 0; round < 50; round++) {
      const server = await startServer(t, '--store', `file:${directory}`)
      const stream = await openStream(
        t,
        server.port,
        lastId === undefined ? '/events?lastEventId=earliest' : '/events',
        { lastEventId: lastId },
      )
      const exit = once(server.process, 'exit')
      const publish = async (): Promise<never> => {
        for (;;) {
          const numbers = Array.from({ length: 1 + (next % 5) }, () => next++)
          const ids = await push(
            server.url,
            numbers.map((data) => ({ data })),
          )
          for (const [i, number] of numbers.entries()) acknowledged.set(number, ids[i]!)
        }
      }
      const publishers = Promise.allSettled(Array.from({ length: 8 }, publish))
      const before = acknowledged.size
      await until(() => acknowledged.size > before + 20 + ((round * 7) % 60), 'some pushes')
      server.process.kill('SIGKILL')
      await exit
      await publishers
      await until(() => stream.closed, 'the end of the stream')
      got.push(...stream.events.map(({ id, data }) => ({ id: id!, data: Number(data) })))
      lastId = stream.lastId
      if (stream.control.some(({ type }) => type === 'gap')) t.fail('a gap')
    }

    const server = await startServer(t, '--store', `file:${directory}`)
    const kept: { id: string; data: number }[] = []
    let page: Page
    let from = 'earliest'
    do {
      const answer = await fetch(`${server.url}/api/history?limit=1000&lastEventId=${from}`)
      page = (await answer.json()) as Page
      kept.push(...page.events.map(({ id, data }) => ({ id, data })))
      from = page.last
    } while (page.more)
    const stream = await openStream(t, server.port, '/events', { lastEventId: lastId })
    await until(() => stream.lastId === kept.at(-1)!.id, 'the newest')
    got.push(...stream.events.map(({ id, data }) => ({ id: id!, data: Number(data) })))

    t.same(got, kept, 'the client got what is kept, each once, in order')
    const idOf = new Map(kept.map(({ id, data }) => [data, id]))
    const lost = [...acknowledged].filter(([number, id]) => idOf.get(number) !== id)
    t.same(lost, [], 'what was acknowledged is there, with its id')
    const sequences = kept.map(({ id }) => Number.parseInt(id.split('-')[1]!, 36))
    t.same(
      sequences,
      sequences.map((_, i) => i + 1),
    )
    t.equal(new Set(kept.map(({ id }) => id.split('-')[0])).size, 1, 'all in one life')
    t.comment(`${kept.length} events kept, ${acknowledged.size} acknowledged`)
  },
)
