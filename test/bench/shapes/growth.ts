import { startRingcast } from '../contenders/ringcast.js'
import { scaled } from '../scale.js'
import type { Case, Shape } from '../shape.js'
import { measureHeartbeats, measureMemory } from './idle.js'
import { measurePaced } from './paced.js'
import { measureTargeted } from './targeted.js'
import { withStreams } from './with-streams.js'

function sizeCase(count: number): Case {
  const name = `ringcast, ${count}`
  return {
    name,
    missing: false,
    run: async () => {
      const paced = await withStreams(startRingcast, (server, load) =>
        measurePaced(server, load, scaled(count)),
      )
      const targeted = await withStreams(startRingcast, (server, load) =>
        measureTargeted(server, load, scaled(count)),
      )
      const idle = await withStreams(startRingcast, async (server, load) => ({
        ...(await measureMemory(server, load, scaled(count, 100))),
        heartbeatsPercent: await measureHeartbeats(server),
      }))
      return {
        [name]: { ...idle, pacedCpuUs: paced['cpuUs']!, targetedCpuUs: targeted['cpuUs']! },
      }
    },
  }
}

export const growth: Shape = {
  name: 'growth',
  what: 'the paced, targeted and idle shapes with more and more streams',
  cases: [1000, 2000, 5000, 10_000, 15_000].map(sizeCase),
  columns: {
    pacedCpuUs: 'paced, CPU µs/delivery',
    targetedCpuUs: 'targeted, CPU µs/push',
    kbAStream: 'idle, RSS kB/stream',
    heartbeatsPercent: 'idle, heartbeats % of a core',
  },
  head: 'streams',
  rounds: 1,
  targets: [],
}
