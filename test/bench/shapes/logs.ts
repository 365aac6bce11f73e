import { pushOf } from '../contenders/ringcast.js'
import { fileStore, memoryStore, redisStore, type Store } from '../contenders/stores.js'
import { push, stampedData, type StreamLoad } from '../load.js'
import type { Server } from '../contender.js'
import { scaled } from '../scale.js'
import { figure, ratio, type Case, type Figures, type Shape } from '../shape.js'
import { withStreams } from './with-streams.js'

const batch = 100
const inFlight = 16

/** Pushes so many requests of one event or many, and answers how many events a second all had. */
async function pushAll(server: Server, load: StreamLoad, each: number, count: number) {
  await load.reset()
  const event = `{"topic":"bench","data":${stampedData()}}`
  const request = pushOf(each === 1 ? event : `[${Array(each).fill(event).join(',')}]`)
  const plan = { port: server.port, request, connections: inFlight, count }
  const pushed = await push(plan)
  const received = await load.received(count * each)
  return (received.events * 1e9) / (received.lastNs - pushed.startedNs)
}

async function measure(server: Server, load: StreamLoad, singles: number): Promise<Figures> {
  await load.open(1, server.events('bench'), server)
  await pushAll(server, load, 1, scaled(2000))
  const pushes = await pushAll(server, load, 1, scaled(singles))
  const events = await pushAll(server, load, batch, scaled(singles / 20))
  await load.reset()
  const request = server.push('bench', stampedData())
  const count = scaled(2000)
  await push({ port: server.port, request, connections: 32, count, rate: 200 })
  const { p50Ms, p99Ms } = await load.received(count)
  return { pushes, events, p50Ms, p99Ms }
}

function storeCase({ name: store, missing, start }: Store): Case {
  const name = `ringcast, ${store}`
  return {
    name,
    missing,
    run: async () => ({
      [name]: await withStreams(start, (server, load) => measure(server, load, 40_000)),
    }),
  }
}

export const logs: Shape = {
  name: 'logs',
  what:
    `one stream that gets all: single pushes and arrays of ${batch} of 120 B, ${inFlight} in flight; ` +
    'then 200 pushes a second, from push to receipt',
  cases: [memoryStore, fileStore, redisStore].map(storeCase),
  columns: {
    pushes: 'pushes/s',
    events: `events/s in arrays of ${batch}`,
    p50Ms: 'p50 ms',
    p99Ms: 'p99 ms',
  },
  head: 'log',
  targets: [
    {
      what: 'file: pushes/s, × memory',
      value: ratio('pushes', 'ringcast, file', 'ringcast, memory'),
      atLeast: 0.7,
    },
    {
      what: 'file: pushes/s',
      value: (rows) => figure(rows, 'ringcast, file', 'pushes'),
      atLeast: 10_000,
    },
    {
      what: 'file: events/s in arrays, × memory',
      value: ratio('events', 'ringcast, file', 'ringcast, memory'),
      atLeast: 0.7,
    },
    {
      what: 'redis: pushes/s',
      value: (rows) => figure(rows, 'ringcast, redis', 'pushes'),
      atLeast: 8000,
    },
  ],
}
