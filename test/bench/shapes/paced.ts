import { betterSse, fastifySse, floor } from '../contenders/node-servers.js'
import { nchan } from '../contenders/nchan.js'
import { ringcast, ringcastOverWebSocket } from '../contenders/ringcast.js'
import type { Server } from '../contender.js'
import { push, stampedData, type StreamLoad } from '../load.js'
import { scaled } from '../scale.js'
import { ratio, type Figures, type Shape } from '../shape.js'
import { caseOf } from './with-streams.js'

const streams = scaled(5000)
/** How many events a second each of them gets. */
export const perSecond = 5
const warmUp = scaled(10, 1)
const pushes = scaled(30, 3)

/** Paced events to `count` streams of one topic: what a delivery costs that shares its write with none. */
export async function measurePaced(
  server: Server,
  load: StreamLoad,
  count: number,
): Promise<Figures> {
  await load.open(count, server.events('bench'), server)
  const events = async (number: number) => {
    await load.reset()
    const request = server.push('bench', stampedData())
    const { pushPort: port, streamsAConnection } = server
    const http2 = streamsAConnection !== undefined
    await push({ port, http2, request, connections: 1, count: number, rate: perSecond })
    return load.received(number * count)
  }
  await events(warmUp)
  const [startedMs, serverNs, loadNs] = [performance.now(), server.cpuNs(), load.cpuNs()]
  const { p50Ms, p99Ms } = await events(pushes)
  const [serverTookNs, loadTookNs] = [server.cpuNs() - serverNs, load.cpuNs() - loadNs]
  const percent = 100 / 1e6 / (performance.now() - startedMs)
  return {
    cpuUs: serverTookNs / 1000 / (pushes * count),
    p50Ms,
    p99Ms,
    serverPercent: serverTookNs * percent,
    loadPercent: loadTookNs * percent,
  }
}

export const paced: Shape = {
  name: 'paced',
  what: `${streams} streams of one topic, ${perSecond} events a second of 120 B`,
  // Pushpin is in the burst alone: of 5,000 streams it loses some, in most rounds.
  cases: [ringcast, ringcastOverWebSocket, floor, nchan, betterSse, fastifySse].map((contender) =>
    caseOf(contender, (server, load) => measurePaced(server, load, streams)),
  ),
  columns: { cpuUs: 'CPU µs/delivery', p50Ms: 'p50 ms', p99Ms: 'p99 ms' },
  targets: [
    { what: 'CPU a delivery, × floor', value: ratio('cpuUs', 'ringcast', 'floor'), atMost: 1.15 },
    { what: 'CPU a delivery, × nchan', value: ratio('cpuUs', 'ringcast', 'nchan'), atMost: 1 },
    {
      what: 'p50 from push to receipt, × nchan',
      value: ratio('p50Ms', 'ringcast', 'nchan'),
      atMost: 1.1,
    },
    {
      what: 'p99 from push to receipt, × nchan',
      value: ratio('p99Ms', 'ringcast', 'nchan'),
      atMost: 1.1,
    },
    {
      what: 'CPU a delivery over WebSocket, × over SSE',
      value: ratio('cpuUs', 'ringcast, WebSocket', 'ringcast'),
      atMost: 1.2,
    },
  ],
}
