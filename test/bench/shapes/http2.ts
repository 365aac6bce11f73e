import { nchanOverHttp2 } from '../contenders/nchan.js'
import { floorOverHttp2 } from '../contenders/node-servers.js'
import { ringcast, ringcastOverHttp2 } from '../contenders/ringcast.js'
import { scaled } from '../scale.js'
import { figure, ratio, type Rows, type Shape } from '../shape.js'
import { measurePaced, perSecond } from './paced.js'
import { caseOf } from './with-streams.js'

/**
 * Fewer than the paced shape has: where each is alone on its connection, 5000 take a server a whole
 * core, and one that falls behind gathers events into writes, which makes them cheaper.
 */
const streams = scaled(2000)
/** As many streams as any server should let a client have on a connection: RFC 9113 section 6.5.2. */
const shared = scaled(100)
/** A page with one stream. */
const alone = 1

const overHttp1 = { ...ringcast, name: 'ringcast, HTTP/1.1' }
const [sharing, lone] = [ringcastOverHttp2(shared), ringcastOverHttp2(alone)]
const floor = floorOverHttp2(shared)

export const http2: Shape = {
  name: 'http2',
  what:
    `${streams} streams of one topic, ${perSecond} events a second of 120 B, over TLS and HTTP/2; ` +
    'beside them HTTP/1.1 in the clear',
  cases: [overHttp1, sharing, lone, floor, nchanOverHttp2(shared)].map((contender) =>
    caseOf(contender, (server, load) => measurePaced(server, load, streams)),
  ),
  columns: {
    cpuUs: 'CPU µs/delivery',
    p50Ms: 'p50 ms',
    p99Ms: 'p99 ms',
    serverPercent: 'server, % of a core',
    loadPercent: 'load, % of a core',
  },
  head: 'server',
  targets: [
    {
      what: `CPU a delivery, ${shared} streams a connection, × HTTP/1.1 in the clear`,
      value: ratio('cpuUs', sharing.name, overHttp1.name),
      atMost: 1.2,
    },
    {
      what: `CPU a delivery, ${alone} stream a connection, × HTTP/1.1 in the clear`,
      value: ratio('cpuUs', lone.name, overHttp1.name),
      atMost: 4,
    },
    {
      what: `CPU a delivery, ${shared} streams a connection, × floor`,
      value: ratio('cpuUs', sharing.name, floor.name),
      atMost: 1.15,
    },
    {
      // Else events shared writes, and what a delivery costs is not told by the others.
      what: `p99 from push to receipt, ${alone} stream a connection, ms`,
      value: (rows) => figure(rows, lone.name, 'p99Ms'),
      atMost: 1000 / perSecond,
    },
    { what: 'CPU of the load at most, % of a core', value: mostOfLoad, atMost: 80 },
  ],
}

function mostOfLoad(rows: Rows): number | undefined {
  const percents = Object.values(rows).flatMap(({ loadPercent }) => loadPercent ?? [])
  return percents.length === 0 ? undefined : Math.max(...percents)
}
