import { pushOf, ringcast } from '../contenders/ringcast.js'
import { push, stampedData } from '../load.js'
import { scaled } from '../scale.js'
import { figure, type Shape } from '../shape.js'
import { caseOf } from './with-streams.js'

const batch = 100
const requests = scaled(10_000)
const inFlight = 16

export const batches: Shape = {
  name: 'batches',
  what: `arrays of ${batch} events of 120 B, ${inFlight} in flight, one stream that gets them all`,
  cases: [
    caseOf(ringcast, async (server, load) => {
      await load.open(1, server.events('bench'))
      const event = `{"topic":"bench","data":${stampedData()}}`
      const request = pushOf(`[${Array(batch).fill(event).join(',')}]`)
      const all = async (count: number) => {
        await load.reset()
        const pushed = await push({ port: server.port, request, connections: inFlight, count })
        await load.received(count * batch)
        return pushed
      }
      await all(scaled(500))
      const before = server.cpuNs()
      const { seconds } = await all(requests)
      const cpuUs = (server.cpuNs() - before) / 1000 / (requests * batch)
      return { events: (requests * batch) / seconds, cpuUs }
    }),
  ],
  columns: { events: 'events/s accepted', cpuUs: 'CPU µs/event' },
  targets: [
    {
      what: 'events/s accepted',
      value: (rows) => figure(rows, 'ringcast', 'events'),
      atLeast: 200_000,
    },
  ],
}
