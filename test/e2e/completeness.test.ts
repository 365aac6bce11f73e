import { get, type ClientRequest } from 'node:http'
import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { until } from '../helpers/until.js'

const streams = 200
const events = 20_000
const publishers = 4
const batch = 25

/** A client that is cut at random, comes back with its last id, and notes what it gets. */
class CutClient {
  readonly ids: string[] = []
  lastId = ''
  firstId = ''
  gaps = 0
  cuts = 0
  #request: ClientRequest | undefined
  #text = ''

  constructor(
    readonly url: string,
    readonly topic: string,
  ) {}

  open(): void {
    this.#text = ''
    const headers = this.lastId === '' ? {} : { 'last-event-id': this.lastId }
    this.#request = get(
      `${this.url}/events?topic=${encodeURIComponent(this.topic)}`,
      { headers, agent: false },
      (response) => {
        response.setEncoding('utf8').on('data', (text: string) => {
          this.#read(text)
        })
        response.on('error', () => {
          // The cut.
        })
      },
    )
    this.#request.on('error', () => {
      // The cut.
    })
  }

  cut(): void {
    this.cuts++
    this.#request?.destroy()
    this.open()
  }

  close(): void {
    this.#request?.destroy()
  }

  #read(text: string): void {
    const blocks = (this.#text + text).split('\n\n')
    this.#text = blocks.pop()!
    for (const block of blocks) {
      const id = /^id: (.*)$/m.exec(block)?.[1]
      if (block.includes('\nevent: ringcast\n') || block.startsWith('event: ringcast\n')) {
        if (block.includes('"type":"gap"')) this.gaps++
        if (this.firstId === '') this.firstId = id!
      } else this.ids.push(id!)
      if (id !== undefined) this.lastId = id
    }
  }
}

/** A small generator with a seed, so that a run that fails can be run again. */
function randomFrom(seed: number): () => number {
  let state = seed
  return () => (state = (Math.imul(state, 1664525) + 1013904223) >>> 0) / 2 ** 32
}

t.test(
  'streams that are cut at random get exactly the log from their first cursor on',
  async (t) => {
    const app = await startApp(t)
    const random = randomFrom(20261123)
    const topics = ['n/*', '**', ...Array.from({ length: 10 }, (_, k) => `n/${k}`)]
    const clients = Array.from(
      { length: streams },
      (_, i) => new CutClient(app.url, topics[i % topics.length]!),
    )
    for (const client of clients) client.open()
    t.teardown(() => {
      for (const client of clients) client.close()
    })

    const topicOf = new Map<string, string>()
    let pushed = 0
    const publish = async (): Promise<void> => {
      while (pushed < events) {
        const from = pushed
        pushed += batch
        const list = Array.from({ length: batch }, (_, i) => ({
          topic: `n/${(from + i) % 10}`,
          data: from + i,
        }))
        const ids = await push(app.url, list)
        for (const [i, id] of ids.entries()) topicOf.set(id, list[i]!.topic)
        for (let cuts = 0; cuts < 2; cuts++) clients[Math.floor(random() * streams)]!.cut()
      }
    }
    await Promise.all(Array.from({ length: publishers }, publish))

    const log = [...topicOf.keys()].sort((a, b) => sequenceOf(a) - sequenceOf(b))
    const expectedOf = (client: CutClient): string[] =>
      log.filter(
        (id) =>
          sequenceOf(id) > sequenceOf(client.firstId) &&
          (client.topic.includes('*') || client.topic === topicOf.get(id)),
      )
    await until(
      () => clients.every((client) => client.ids.at(-1) === expectedOf(client).at(-1)),
      'the last event at every stream',
      60_000,
    )
    t.equal(log.length, events)
    t.ok(clients.reduce((sum, { cuts }) => sum + cuts, 0) > events / batch, 'streams were cut')
    let received = 0
    for (const client of clients) {
      received += client.ids.length
      const expected = expectedOf(client)
      if (client.gaps > 0 || client.ids.join() !== expected.join()) {
        t.same(client.ids, expected, `what ${client.topic} got`)
      }
    }
    t.comment(`${received} events received by ${streams} streams`)
  },
)

function sequenceOf(id: string): number {
  return Number.parseInt(id.split('-')[1]!, 36)
}
