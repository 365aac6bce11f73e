import { betterSse, fastifySse, floor } from '../contenders/node-servers.js'
import { nchan } from '../contenders/nchan.js'
import { pushpin } from '../contenders/pushpin.js'
import { ringcast, ringcastOverWebSocket, type RingcastServer } from '../contenders/ringcast.js'
import type { Server } from '../contender.js'
import { push, stampedData, type StreamLoad } from '../load.js'
import { scaled } from '../scale.js'
import { figure, ratio, type Figures, type Shape } from '../shape.js'
import { caseOf } from './with-streams.js'

const streams = scaled(1000)
const publishers = 8
const warmUp = scaled(500)

/** So many events, pushed flat out to streams that all get them. */
export async function measureBurst(
  server: Server,
  load: StreamLoad,
  events: number,
): Promise<Figures> {
  await load.open(streams, server.events('bench'), server)
  const burst = async (count: number) => {
    await load.reset()
    const request = server.push('bench', stampedData())
    const pushed = await push({ port: server.pushPort, request, connections: publishers, count })
    return { pushed, received: await load.received(count * streams) }
  }
  await burst(warmUp)
  const before = server.cpuNs()
  const { pushed, received } = await burst(events)
  const cpuUs = (server.cpuNs() - before) / 1000 / received.events
  return {
    deliveries: received.events / ((received.lastNs - pushed.startedNs) / 1e9),
    cpuUs,
    p99Ms: received.p99Ms,
  }
}

/** The same of Ringcast, and how many events shared a write. */
async function measureRingcast(server: RingcastServer, load: StreamLoad): Promise<Figures> {
  // Ten times the events that the others get: it is over in less time all the same.
  const figures = await measureBurst(server, load, scaled(20_000))
  const { deliveries = 0, writes = 0 } = (await server.ask('/api/stats')) as Record<string, number>
  return { ...figures, eventsPerWrite: deliveries / writes }
}

export const burst: Shape = {
  name: 'burst',
  what: `${streams} streams of one topic, ${publishers} publishers flat out, 120 B`,
  cases: [
    ...[ringcast, ringcastOverWebSocket].map((contender) => caseOf(contender, measureRingcast)),
    ...[floor, nchan, betterSse, fastifySse, pushpin].map((contender) =>
      caseOf(contender, (server, load) => measureBurst(server, load, scaled(2000))),
    ),
  ],
  columns: {
    deliveries: 'deliveries/s',
    cpuUs: 'CPU µs/delivery',
    p99Ms: 'p99 ms',
    eventsPerWrite: 'events/write',
  },
  targets: [
    { what: 'deliveries/s, × nchan', value: ratio('deliveries', 'ringcast', 'nchan'), atLeast: 10 },
    { what: 'CPU a delivery, µs', value: (rows) => figure(rows, 'ringcast', 'cpuUs'), atMost: 0.8 },
    {
      what: 'p99 from push to receipt, ms',
      value: (rows) => figure(rows, 'ringcast', 'p99Ms'),
      atMost: 50,
    },
    {
      what: 'CPU a delivery over WebSocket, × over SSE',
      value: ratio('cpuUs', 'ringcast, WebSocket', 'ringcast'),
      atMost: 1.2,
    },
    {
      what: 'deliveries/s over WebSocket, × over SSE',
      value: ratio('deliveries', 'ringcast, WebSocket', 'ringcast'),
      atLeast: 0.83,
    },
  ],
}
