import { ringcast, startRingcast } from '../contenders/ringcast.js'
import { push, stampedData } from '../load.js'
import { scaled } from '../scale.js'
import { figure, type Shape } from '../shape.js'
import { observed, observedColumns, observedFigures, observedTargets } from './probe.js'
import { withStreams } from './with-streams.js'

const streams = scaled(5000)
const behind = scaled(1000)

export const resumeStorm: Shape = {
  name: 'resume storm',
  what: `${streams} streams come back ${behind} events behind, 200 pushes a second from outside`,
  cases: [
    {
      name: ringcast.name,
      missing: false,
      run: () =>
        withStreams(startRingcast, async (server, load) => {
          const { last } = await server.ask('/api/history?topic=bench')
          const request = server.push('bench', stampedData())
          const missed = { port: server.port, request, connections: 8, count: behind }
          await push(missed)
          await load.open(scaled(500), server.events('bench'), server)
          await load.reset()
          const startedNs = Number(process.hrtime.bigint())
          const seen = await observed(server, async () => {
            const path = `${server.events('bench')}&lastEventId=${last as string}`
            await load.open(streams, path, { atOnce: 2000 })
            return load.received(streams * behind)
          })
          const { events, lastNs } = seen.result
          const deliveries = events / ((lastNs - startedNs) / 1e9)
          return { [ringcast.name]: { deliveries, ...observedFigures(seen) } }
        }),
    },
  ],
  columns: { deliveries: 'deliveries/s', ...observedColumns },
  targets: [
    {
      what: 'deliveries/s',
      value: (rows) => figure(rows, 'ringcast', 'deliveries'),
      atLeast: 1_000_000,
    },
    ...observedTargets,
  ],
}
