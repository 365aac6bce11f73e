import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../bench/free-port.js'
import type { Lifetime } from '../helpers/lifetime.js'
import { startRedis, type RedisServer } from '../helpers/redis-server.js'
import { faults, type FaultName } from './faults.js'
import { ServedNode } from './node.js'

/** What is run for one scenario. */
export interface Service {
  readonly nodes: readonly ServedNode[]
  /** Which of them may be killed. */
  readonly victim: ServedNode
  readonly redis?: RedisServer
}

/** One way to run Ringcast, and what is done to it. */
export interface Scenario {
  readonly name: string
  readonly what: string
  readonly faults: readonly FaultName[]
  /** Whether the log may let go of what a client has not had; then gaps are right where told. */
  readonly mayHaveGaps: boolean
  /** What share of the pushes has a key. */
  readonly keyed: number
  /**
   * Of the processes of all nodes after the rest, those that are to live to the end: their memory is
   * measured.
   */
  readonly survivors: (process: { name: string }, index: number) => boolean
  /** Whether a node's oldest worker is never ended. */
  readonly sparesOldest: boolean
  readonly start: (t: Lifetime, address: string) => Promise<Service>
}

/** The time limits of every node here: small, so that a run sees them pass. */
export const limits = { heartbeatMs: 1000, deadPeerMs: 6000, stalledStreamMs: 3000, drainMs: 1000 }

const flags = [
  ...['--heartbeat', `${limits.heartbeatMs}ms`, '--dead-peer', `${limits.deadPeerMs}ms`],
  ...['--stalled-stream', `${limits.stalledStreamMs}ms`, '--drain', `${limits.drainMs}ms`],
]
/** Small, so that they are full soon and do not grow any more; with a durable log smaller still. */
const ring = {
  durable: ['--ring-bytes', '1MiB', '--catch-up-bytes', '1MiB'],
  memory: ['--ring-bytes', '2MiB'],
}

function folderFor(t: Lifetime): string {
  const folder = mkdtempSync(join(tmpdir(), 'ringcast-soak-'))
  t.teardown(() => {
    rmSync(folder, { recursive: true, force: true })
  })
  return folder
}

const streamFaults = ['stall', 'longStall', 'halfClose', 'storm', 'vanish'] as const

const redis: Scenario = {
  name: 'redis',
  what: 'two nodes on one Redis (appendfsync always): a has one process and lives, b has two workers',
  faults: [
    ...(['killWorker', 'drainWorker', 'killNode', 'drainNode', 'killRedis', 'pauseRedis'] as const),
    ...streamFaults,
  ],
  mayHaveGaps: false,
  keyed: 1,
  survivors: ({ name }) => name === 'a',
  sparesOldest: false,
  async start(t, address) {
    const folder = folderFor(t)
    const server = await startRedis(t, { durable: true })
    const common = { address, store: server.url, folder, flags: [...flags, ...ring.durable] }
    const a = new ServedNode(t, { ...common, name: 'a', port: await freePort(), workers: 1 })
    const b = new ServedNode(t, { ...common, name: 'b', port: await freePort(), workers: 2 })
    await Promise.all([a.start(), b.start()])
    return { nodes: [a, b], victim: b, redis: server }
  },
}

const file: Scenario = {
  name: 'file',
  what: 'one node with two workers on a file log; the node itself is restarted in the first fifth only',
  faults: ['killWorker', 'drainWorker', 'killNode', 'drainNode', ...streamFaults],
  mayHaveGaps: false,
  keyed: 1,
  survivors: (_, index) => index < 2,
  sparesOldest: true,
  async start(t, address) {
    const folder = folderFor(t)
    const store = `file:${join(folder, 'log')}`
    const common = { address, store, folder, flags: [...flags, ...ring.durable] }
    const node = new ServedNode(t, { ...common, name: 'node', port: await freePort(), workers: 2 })
    await node.start()
    return { nodes: [node], victim: node }
  },
}

const memory: Scenario = {
  name: 'memory',
  what: 'one process with the memory log, which is never restarted',
  faults: streamFaults,
  mayHaveGaps: true,
  // Keys are remembered for five minutes: with many of them memory would grow for so long, rightly.
  keyed: 0.1,
  survivors: () => true,
  sparesOldest: false,
  async start(t, address) {
    const folder = folderFor(t)
    const common = { address, store: 'memory:', folder, flags: [...flags, ...ring.memory] }
    const node = new ServedNode(t, { ...common, name: 'node', port: await freePort(), workers: 1 })
    await node.start()
    return { nodes: [node], victim: node }
  },
}

/** All scenarios. */
export const scenarios: readonly Scenario[] = [redis, file, memory]

/** The kinds of faults of a scenario, without those that can't be had here. */
export function faultKinds({ faults: names, sparesOldest }: Scenario, hasNetwork: boolean) {
  return names
    .map((name) => faults[name])
    .filter(({ lane }) => hasNetwork || lane !== 'network')
    .map((kind) => ({
      ...kind,
      early: sparesOldest && (kind === faults.killNode || kind === faults.drainNode),
    }))
}
