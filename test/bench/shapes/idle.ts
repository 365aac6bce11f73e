import { setTimeout as pause } from 'node:timers/promises'
import { bareFastify, betterSse, fastifySse, floor } from '../contenders/node-servers.js'
import { nchan } from '../contenders/nchan.js'
import { ringcast } from '../contenders/ringcast.js'
import type { Server } from '../contender.js'
import type { StreamLoad } from '../load.js'
import { scaled } from '../scale.js'
import { figure, ratio, type Figures, type Shape } from '../shape.js'
import { caseOf } from './with-streams.js'

const streams = scaled(15_000, 100)
/** The first streams bring what is there once: code, caches, the heap's own reserve. */
const warmUp = scaled(500)
/** One heartbeat of every stream, and a look at the whole. */
const idleSeconds = scaled(15, 1)

/** The memory of `count` streams that get nothing. */
export async function measureMemory(
  server: Server,
  load: StreamLoad,
  count: number,
): Promise<Figures> {
  await load.open(warmUp, server.events('bench'), server)
  const before = await server.rss()
  await load.open(count - warmUp, server.events('bench'), server)
  return { kbAStream: ((await server.rss()) - before) / 1000 / (count - warmUp) }
}

/** The CPU of the heartbeats of open streams, in percent of a core. */
export async function measureHeartbeats(server: Server): Promise<number> {
  const [cpu, time] = [server.cpuNs(), performance.now()]
  await pause(idleSeconds * 1000)
  return ((server.cpuNs() - cpu) / 1e6 / (performance.now() - time)) * 100
}

export const idle: Shape = {
  name: 'idle',
  what: `${streams} streams of one topic that get nothing but heartbeats, every 15 s`,
  cases: [
    caseOf(ringcast, async (server, load) => {
      const memory = await measureMemory(server, load, streams)
      return { ...memory, heartbeatsPercent: await measureHeartbeats(server) }
    }),
    ...[bareFastify, floor, nchan, betterSse, fastifySse].map((contender) =>
      caseOf(contender, (server, load) => measureMemory(server, load, streams)),
    ),
  ],
  columns: { kbAStream: 'RSS kB/stream', heartbeatsPercent: 'heartbeats, % of a core' },
  targets: [
    {
      what: 'RSS a stream, × bare hijacked Fastify stream',
      value: ratio('kbAStream', 'ringcast', 'bare fastify'),
      atMost: 1.1,
    },
    {
      what: 'heartbeats, % of a core',
      value: (rows) => figure(rows, 'ringcast', 'heartbeatsPercent'),
      atMost: 3,
    },
  ],
}
