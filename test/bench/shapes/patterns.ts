import { startRingcast, type RingcastServer } from '../contenders/ringcast.js'
import { numberMark, push, stampedData, type StreamLoad } from '../load.js'
import { scaled } from '../scale.js'
import { ratio, type Case, type Figures, type Shape } from '../shape.js'
import { withStreams } from './with-streams.js'

const streams = scaled(5000)
const pushes = scaled(40_000)
const topic = `orders/${numberMark}/status`
/** What the first streams hold, so many each; all others an exact topic. */
const patterns: readonly (readonly [count: number, pattern: string])[] = [
  [scaled(500), `orders/${numberMark}/*`],
  [scaled(500), `*/${numberMark}/status`],
]

async function measure(
  server: RingcastServer,
  load: StreamLoad,
  held: typeof patterns,
): Promise<Figures> {
  let rest = streams
  for (const [count, pattern] of held) {
    await load.open(count, server.events(pattern))
    rest -= count
  }
  await load.open(rest, server.events(topic))
  const toAll = async (count: number) => {
    await load.reset()
    const request = server.push(topic, stampedData())
    await push({ port: server.port, request, connections: 16, count, numbers: streams })
    await load.received(count)
  }
  await toAll(scaled(10_000))
  const before = server.cpuNs()
  await toAll(pushes)
  return { cpuUs: (server.cpuNs() - before) / 1000 / pushes }
}

function patternCase(name: string, held: typeof patterns): Case {
  return {
    name,
    missing: false,
    run: () =>
      withStreams(startRingcast, async (server, load) => ({
        [name]: await measure(server, load, held),
      })),
  }
}

export const patternShape: Shape = {
  name: 'patterns',
  what: `${streams} streams, each push for one of them, by its exact topic or by one of 1000 wildcard patterns`,
  cases: [
    patternCase('ringcast, exact topics', []),
    patternCase('ringcast, 1000 patterns', patterns),
  ],
  columns: { cpuUs: 'CPU µs/push' },
  targets: [
    {
      what: 'CPU a push with patterns, × without',
      value: ratio('cpuUs', 'ringcast, 1000 patterns', 'ringcast, exact topics'),
      atMost: 2,
    },
  ],
}
