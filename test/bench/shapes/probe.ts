import type { Server } from '../contender.js'
import { startPushing, stampedData, type Pushed } from '../load.js'
import { figure, type Target } from '../shape.js'

/** What an outside observer sees while something else goes on. */
export interface Observed<T> {
  readonly result: T
  readonly pushes: Pushed
  /** The longest turn of the server's event loop, in milliseconds; undefined without one. */
  readonly turnMs: number | undefined
}

/** Pushes 200 times a second, from a process of its own, to a topic without streams, while `work` goes on. */
export async function observed<T>(server: Server, work: () => Promise<T>): Promise<Observed<T>> {
  const probe = startPushing({
    port: server.pushPort,
    request: server.push('probe', stampedData()),
    connections: 32,
    count: 1_000_000,
    rate: 200,
  })
  server.watchTurns()
  const result = await work()
  const turnMs = await server.longestTurnMs()
  return { result, pushes: await probe.stop(), turnMs }
}

/** The figures of what was observed, as columns have them. */
export function observedFigures({ pushes, turnMs }: Observed<unknown>): Record<string, number> {
  return { pushP99Ms: pushes.p99Ms, ...(turnMs === undefined ? {} : { turnMs }) }
}

/** How the columns of these figures are headed. */
export const observedColumns = { turnMs: 'longest turn ms', pushP99Ms: 'push p99 ms' }

/** What they must be, of Ringcast. */
export const observedTargets: readonly Target[] = [
  {
    what: 'longest turn of the event loop, ms',
    value: (rows) => figure(rows, 'ringcast', 'turnMs'),
    atMost: 50,
  },
  {
    what: 'pushes from outside, p99 ms',
    value: (rows) => figure(rows, 'ringcast', 'pushP99Ms'),
    atMost: 50,
  },
]
