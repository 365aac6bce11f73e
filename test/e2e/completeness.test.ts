import { get } from 'node:http'
import t from 'tap'
import { WebSocket } from 'ws'
import { push, startApp } from '../helpers/app.js'
import { until } from '../helpers/until.js'

const streams = 200
const events = 20_000
const publishers = 4
const batch = 25

/** Told of each message: an event, or one of the service itself, and its id. */
type Tell = (type: string, id: string | undefined) => void
/** Opens a stream from an id on; what it returns cuts it. */
type Open = (url: string, topic: string, lastId: string, tell: Tell) => () => void

const openEventStream: Open = (url, topic, lastId, tell) => {
  const headers = lastId === '' ? {} : { 'last-event-id': lastId }
  const path = `/events?topic=${encodeURIComponent(topic)}`
  let rest = ''
  const read = (text: string): void => {
    const blocks = (rest + text).split('\n\n')
    rest = blocks.pop()!
    for (const block of blocks) {
      const [, id] = /^id: (.*)$/m.exec(block) ?? []
      const [, type] = /^event: ringcast\ndata: \{"type":"(\w+)"/m.exec(block) ?? []
      tell(type ?? 'event', id)
    }
  }
  const request = get(url + path, { headers, agent: false }, (response) => {
    response.setEncoding('utf8').on('data', read)
    response.on('error', () => {
      // The cut.
    })
  })
  request.on('error', () => {
    // The cut.
  })
  return () => request.destroy()
}

const openWebSocket: Open = (url, topic, lastId, tell) => {
  const from = lastId === '' ? '' : `&lastEventId=${lastId}`
  const path = `/ws?topic=${encodeURIComponent(topic)}${from}`
  const webSocket = new WebSocket(url.replace('http', 'ws') + path)
  webSocket.on('message', (bytes: Buffer) => {
    const { type, id } = JSON.parse(bytes.toString()) as { type: string; id?: string }
    tell(type, id)
  })
  webSocket.on('error', () => {
    // The cut.
  })
  return () => {
    webSocket.removeAllListeners('message')
    webSocket.terminate()
  }
}

/** A client that is cut at random, comes back with its last id, and notes what it gets. */
class CutClient {
  readonly ids: string[] = []
  firstId = ''
  gaps = 0
  cuts = 0
  #lastId = ''
  #close = (): void => {}

  constructor(
    readonly url: string,
    readonly topic: string,
    readonly connect: Open,
  ) {}

  open(): void {
    this.#close = this.connect(this.url, this.topic, this.#lastId, (type, id) => {
      if (type === 'event') this.ids.push(id!)
      else if (type === 'gap') this.gaps++
      if (this.firstId === '') this.firstId = id!
      if (id !== undefined) this.#lastId = id
    })
  }

  cut(): void {
    this.cuts++
    this.close()
    this.open()
  }

  close(): void {
    this.#close()
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
    const clients = Array.from({ length: streams }, (_, i) => {
      const open = i % 24 < topics.length ? openEventStream : openWebSocket
      return new CutClient(app.url, topics[i % topics.length]!, open)
    })
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
    const last = new Map(clients.map((client) => [client, expectedOf(client).at(-1)]))
    await until(
      () => clients.every((client) => client.ids.at(-1) === last.get(client)),
      'the last event at every stream',
      180_000,
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
