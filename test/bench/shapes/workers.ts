import { startOnAllCores } from '../contenders/ringcast.js'
import { startOnFile } from '../contenders/stores.js'
import { scaled } from '../scale.js'
import type { Case, Shape } from '../shape.js'
import { measureBurst } from './burst.js'
import { withStreams } from './with-streams.js'

function workersCase(count: number): Case {
  const name = `ringcast, ${count} ${count === 1 ? 'worker' : 'workers'}`
  return {
    name,
    missing: false,
    run: async () => ({
      [name]: await withStreams(
        () => startOnFile(startOnAllCores, ['--workers', String(count)]),
        (server, load) => measureBurst(server, load, scaled(4000)),
      ),
    }),
  }
}

export const workers: Shape = {
  name: 'workers',
  what: 'the burst on a file log, by one process and by two workers, on all cores beside the load',
  cases: [1, 2].map(workersCase),
  columns: { deliveries: 'deliveries/s', cpuUs: 'CPU µs/delivery', p99Ms: 'p99 ms' },
  head: 'processes',
  targets: [],
}
