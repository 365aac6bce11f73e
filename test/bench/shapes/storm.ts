import { nchan } from '../contenders/nchan.js'
import { scaled } from '../scale.js'
import { ringcast } from '../contenders/ringcast.js'
import { floor } from '../contenders/node-servers.js'
import { figure, type Shape } from '../shape.js'
import { observed, observedColumns, observedFigures, observedTargets } from './probe.js'
import { caseOf } from './with-streams.js'

const streams = scaled(15_000, 100)
const atOnce = 2000
/** What every server does once, compiling and first allocations, is not what a storm is about. */
const warmUp = scaled(500)

export const storm: Shape = {
  name: 'storm',
  what: `${streams} connects, ${atOnce} handshakes in flight, 200 pushes a second from outside`,
  cases: [ringcast, nchan, floor].map((contender) =>
    caseOf(contender, async (server, load) => {
      await load.open(warmUp, server.events('bench'), server)
      const cpu = server.cpuNs()
      const seen = await observed(server, () =>
        load.open(streams - warmUp, server.events('bench'), { ...server, atOnce }),
      )
      const { seconds } = seen.result
      return {
        opened: (streams - warmUp) / seconds,
        cpuUs: (server.cpuNs() - cpu) / 1000 / (streams - warmUp),
        ...observedFigures(seen),
      }
    }),
  ),
  columns: {
    opened: 'streams/s to first event',
    cpuUs: 'CPU µs/stream',
    ...observedColumns,
  },
  targets: [
    {
      what: 'streams/s to the first event',
      value: (rows) => figure(rows, 'ringcast', 'opened'),
      atLeast: 5000,
    },
    ...observedTargets,
  ],
}
