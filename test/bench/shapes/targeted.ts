import { floor } from '../contenders/node-servers.js'
import { nchan } from '../contenders/nchan.js'
import { ringcast } from '../contenders/ringcast.js'
import type { Contender, Server } from '../contender.js'
import { numberMark, push, stampedData, type StreamLoad } from '../load.js'
import { scaled } from '../scale.js'
import { figure, ratio, type Case, type Figures, type Shape } from '../shape.js'
import { withStreams } from './with-streams.js'

const inFlight = 16
const pushes = scaled(60_000)
const user = `u${numberMark}`

/** Single pushes to `count` streams, each of a user of its own. */
export async function measureTargeted(
  server: Server,
  load: StreamLoad,
  count: number,
): Promise<Figures> {
  await load.open(count, server.userEvents(user), server)
  const toAll = async (number: number) => {
    await load.reset()
    const request = server.userPush(user, stampedData())
    const { pushPort: port } = server
    const pushed = await push({
      port,
      request,
      connections: inFlight,
      count: number,
      numbers: count,
    })
    return { pushed, received: await load.received(number) }
  }
  await toAll(scaled(10_000))
  const before = server.cpuNs()
  const { pushed, received } = await toAll(pushes)
  const cpuUs = (server.cpuNs() - before) / 1000 / pushes
  const seconds = (received.lastNs - pushed.startedNs) / 1e9
  return { pushes: pushes / seconds, cpuUs, p99Ms: received.p99Ms }
}

function targetedCase(contender: Contender, count: number): Case {
  const name = `${contender.name}, ${count}`
  return {
    name,
    missing: contender.missing,
    run: async () => ({
      [name]: await withStreams(
        () => contender.start(),
        (server, load) => measureTargeted(server, load, scaled(count)),
      ),
    }),
  }
}

export const targeted: Shape = {
  name: 'targeted',
  what: `each stream its own user, single pushes, ${inFlight} in flight`,
  cases: [
    targetedCase(ringcast, 1000),
    targetedCase(ringcast, 10_000),
    targetedCase(floor, 10_000),
    targetedCase(nchan, 10_000),
  ],
  columns: { pushes: 'pushes/s delivered', cpuUs: 'CPU µs/push', p99Ms: 'p99 ms' },
  targets: [
    {
      what: 'pushes/s at 10,000 streams',
      value: (rows) => figure(rows, 'ringcast, 10000', 'pushes'),
      atLeast: 15_000,
    },
    {
      what: 'CPU a push at 10,000 streams, × at 1,000',
      value: ratio('cpuUs', 'ringcast, 10000', 'ringcast, 1000'),
      atMost: 1.2,
    },
  ],
}
