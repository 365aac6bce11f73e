import { pushOf, type RingcastServer } from '../contenders/ringcast.js'
import { fileStore, redisStore, type Store } from '../contenders/stores.js'
import { push, stampedData, type StreamLoad } from '../load.js'
import { scaled } from '../scale.js'
import { figure, type Case, type Shape } from '../shape.js'
import { observed, observedFigures } from './probe.js'
import { withStreams } from './with-streams.js'

const retained = scaled(1_000_000, 20_000)
const behind = scaled(50_000, 5000)
const clients = scaled(200)
const batch = 500
/** Nearly all of it is read from the log, not from the ring. */
const ringEvents = 4096

async function fill(server: RingcastServer): Promise<void> {
  const event = `{"topic":"bench","data":${stampedData()}}`
  const request = pushOf(`[${Array(batch).fill(event).join(',')}]`)
  await push({ port: server.port, request, connections: 4, count: retained / batch })
}

/** The id of the place so many events before the head. */
async function placeBehind(server: RingcastServer, events: number): Promise<string> {
  const { last } = (await server.ask('/api/history')) as { last: string }
  const [epoch = '', sequence = ''] = last.split('-')
  return `${epoch}-${(Number.parseInt(sequence, 36) - events).toString(36)}`
}

/** Streams that come back so far behind, and what is seen from outside meanwhile. */
async function resume(server: RingcastServer, load: StreamLoad, streams: number, events: number) {
  const id = await placeBehind(server, events)
  await load.reset()
  const startedNs = Number(process.hrtime.bigint())
  const seen = await observed(server, async () => {
    await load.open(streams, `${server.events('bench')}&lastEventId=${id}`, server)
    return load.received(streams * events)
  })
  const { lastNs } = seen.result
  return { perSecond: (streams * events) / ((lastNs - startedNs) / 1e9), seen }
}

/** The longest of some look-ups of what is not there, over all that is retained. */
async function lookUps(server: RingcastServer): Promise<number> {
  let longest = 0
  for (let i = 0; i < 20; i++) {
    const start = performance.now()
    await server.ask(`/api/history?topic=nothing/${i}&last=1000&limit=1000`)
    longest = Math.max(longest, performance.now() - start)
  }
  return longest
}

function storeCase({ name: store, missing, start }: Store): Case {
  const name = `ringcast, ${store}`
  return {
    name,
    missing,
    run: async () => {
      const flags = ['--ring-events', String(ringEvents), '--retain-events', '2000000']
      const all = () => start(...flags)
      const { lookUpMs, one } = await withStreams(all, async (server, load) => {
        await fill(server)
        const lookUpMs = await lookUps(server)
        return { lookUpMs, one: await resume(server, load, 1, retained) }
      })
      const many = await withStreams(all, async (server, load) => {
        await fill(server)
        return resume(server, load, clients, behind)
      })
      const figures = { one: one.perSecond, many: many.perSecond, lookUpMs }
      return { [name]: { ...figures, ...observedFigures(many.seen) } }
    },
  }
}

export const replay: Shape = {
  name: 'replay',
  what:
    `${retained} events of 120 B in the log, ${ringEvents} of them in the ring: one client resumes ` +
    `from the first, ${clients} at once ${behind} behind`,
  cases: [fileStore, redisStore].map(storeCase),
  columns: {
    one: 'events/s to one',
    many: 'deliveries/s to many',
    lookUpMs: 'longest look-up of nothing, ms',
    turnMs: 'longest turn ms',
    pushP99Ms: 'push p99 ms',
  },
  head: 'log',
  targets: [
    {
      what: 'file: longest look-up of a topic without a match, ms',
      value: (rows) => figure(rows, 'ringcast, file', 'lookUpMs'),
      atMost: 50,
    },
  ],
}
