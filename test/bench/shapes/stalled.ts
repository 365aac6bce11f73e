import { setTimeout as pause } from 'node:timers/promises'
import { startRingcast, type RingcastServer } from '../contenders/ringcast.js'
import { push, stampedData, StreamLoad } from '../load.js'
import { scaled } from '../scale.js'
import { figure, median, type Rows, type Shape } from '../shape.js'

const streams = scaled(1000, 50)
const stalled = 10
const eventBytes = 1000
const eventsAPart = scaled(10_000)
/** Parts of the load, in turns on the server with stalled streams and on the one without: 100 MB on each. */
const parts = scaled(10, 2)

/** The stalled streams are not ended for it while this runs. */
const flags = ['--stalled-stream', '10m', '--dead-peer', '10m']

interface Side {
  readonly server: RingcastServer
  readonly load: StreamLoad
  readonly healthy: number
  readonly deliveries: number[]
}

async function open(healthy: number): Promise<Side> {
  const server = await startRingcast(...flags)
  const load = new StreamLoad(server.port)
  if (healthy < streams) await load.stall(streams - healthy, server.events('bench'))
  await load.open(healthy, server.events('bench'))
  return { server, load, healthy, deliveries: [] }
}

async function part({ server, load, healthy, deliveries }: Side): Promise<void> {
  await load.reset()
  const request = server.push('bench', stampedData(eventBytes))
  const { startedNs } = await push({
    port: server.port,
    request,
    connections: 8,
    count: eventsAPart,
  })
  const { events, lastNs } = await load.received(eventsAPart * healthy)
  deliveries.push(events / ((lastNs - startedNs) / 1e9))
}

async function parked({ server }: Side): Promise<number> {
  const { streams: rows } = await server.ask('/api/streams?limit=1000')
  return (rows as { state: string }[]).filter(({ state }) => state === 'parked').length
}

async function run(): Promise<Rows> {
  const sides = [await open(streams - stalled), await open(streams)]
  try {
    for (let i = 0; i < parts; i++) for (const side of sides) await part(side)
    // What the last part left in the sockets goes out before memory is read.
    await pause(1000)
    const [withStalled, without] = await Promise.all(
      sides.map(async (side) => ({
        deliveries: median(side.deliveries),
        heapMb: (await side.server.heap()) / 1e6,
        parked: await parked(side),
      })),
    )
    return { [`${stalled} stalled`]: withStalled!, 'none stalled': without! }
  } finally {
    for (const { load, server } of sides) {
      await load.end()
      await server.stop()
    }
  }
}

function difference(name: string): (rows: Rows) => number {
  return (rows) => figure(rows, `${stalled} stalled`, name)! - figure(rows, 'none stalled', name)!
}

export const stalledShape: Shape = {
  name: 'stalled',
  what: `${streams} streams, ${stalled} of them never reading, ${(eventsAPart * parts * eventBytes) / 1e6} MB of 1 kB events pushed flat out`,
  cases: [{ name: 'ringcast', missing: false, run }],
  columns: { deliveries: 'healthy deliveries/s', heapMb: 'heap MB', parked: 'parked' },
  rounds: 1,
  targets: [
    {
      what: 'healthy deliveries/s, × without stalled streams',
      value: (rows) =>
        figure(rows, `${stalled} stalled`, 'deliveries')! /
        figure(rows, 'none stalled', 'deliveries')!,
      atLeast: 0.95,
    },
    { what: 'memory more than without, MB', value: difference('heapMb'), atMost: 10 },
    {
      what: 'stalled streams seen parked',
      value: (rows) => figure(rows, `${stalled} stalled`, 'parked'),
      atLeast: stalled,
    },
  ],
}
