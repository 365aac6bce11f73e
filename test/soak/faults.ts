import { setTimeout as pause } from 'node:timers/promises'
import type { NetworkNamespace } from '../helpers/network-namespace.js'
import type { RedisServer } from '../helpers/redis-server.js'
import type { ServedNode } from './node.js'
import type { FaultKind } from './plan.js'
import type { Publisher } from './publisher.js'
import type { Random } from './random.js'
import type { Subscriber } from './subscriber.js'

/** What faults are done to. */
export interface Victims {
  /** The node that may be killed; no other is. */
  readonly node: ServedNode
  /** Whether the oldest worker is left alone, so that one lives all the time. */
  readonly sparesOldest: boolean
  readonly redis: RedisServer | undefined
  readonly network: NetworkNamespace | undefined
  /** Those whose way to the service can be pulled out; told that it is, so that they go another. */
  readonly remote: readonly Subscriber[]
  readonly setCut: (isCut: boolean) => void
  /** Those of the heavy topic, which stop reading. */
  readonly slow: readonly Subscriber[]
  readonly all: readonly Subscriber[]
  readonly publisher: Publisher
  readonly random: Random
  readonly settings: { readonly deadPeerMs: number; readonly stalledStreamMs: number }
}

/** The topic of the stallers: so much is pushed to it that no kernel buffer holds it. */
export const heavyTopic = 'heavy'
/** So much is more than the kernel takes for a reader that reads nothing, in events and bytes of each. */
const burst = { batches: 18, events: 10, bytes: 30_000 }

async function heavyBurst({ publisher, random }: Victims, batches: number): Promise<void> {
  for (let n = 0; n < batches; n++) {
    const sizes = Array<number>(burst.events).fill(burst.bytes)
    await publisher.push({ topics: [heavyTopic], users: [] }, sizes, random)
  }
}

/** Has so many of the slow stop reading, while so many batches come, and for as long behind them. */
async function stall(
  victims: Victims,
  count: number,
  batches: number,
  forMs: (victims: Victims) => number,
): Promise<void> {
  const stalled = victims.random.some(victims.slow, count)
  for (const each of stalled) each.stall()
  await heavyBurst(victims, batches)
  await pause(forMs(victims))
  for (const each of stalled) each.goOn()
}

interface Fault extends FaultKind {
  /** Does it, and undoes it. */
  readonly run: (victims: Victims) => Promise<void>
}

/** All that is done to a service; a scenario takes what it can have. */
export const faults = {
  killWorker: {
    name: 'kill a worker',
    lane: 'processes',
    weight: 2,
    run: ({ node, random, sparesOldest }) =>
      node.endWorker('SIGKILL', (all) => random.of(all.slice(sparesOldest ? 1 : 0))),
  },
  drainWorker: {
    name: 'drain a worker',
    lane: 'processes',
    run: ({ node, random, sparesOldest }) =>
      node.endWorker('SIGTERM', (all) => random.of(all.slice(sparesOldest ? 1 : 0))),
  },
  killNode: {
    name: 'kill a node',
    lane: 'processes',
    run: async ({ node, random }) => {
      await node.kill()
      await pause(random.between(0, 1000))
      await node.start()
    },
  },
  drainNode: {
    name: 'drain a node',
    lane: 'processes',
    run: async ({ node }) => {
      await node.drain()
      await node.start()
    },
  },
  killRedis: {
    name: 'kill Redis',
    lane: 'processes',
    run: async ({ redis, random }) => {
      await redis!.kill()
      await pause(random.between(100, 2000))
      await redis!.start()
    },
  },
  pauseRedis: {
    name: 'pause Redis',
    lane: 'processes',
    run: async ({ redis, random }) => {
      redis!.pause()
      // Now and then longer than a push waits for it (5 s).
      await pause(random.next() < 0.25 ? random.between(5500, 7000) : random.between(500, 3000))
      redis!.resume()
    },
  },
  stall: {
    name: 'stall',
    lane: 'streams',
    run: (victims) =>
      stall(victims, 2, 3, ({ random, settings }) =>
        random.between(500, settings.stalledStreamMs * 0.6),
      ),
  },
  longStall: {
    name: 'stall for too long',
    lane: 'streams',
    run: (victims) =>
      stall(victims, 1, burst.batches, ({ settings }) => settings.stalledStreamMs * 1.5),
  },
  halfClose: {
    name: 'half-close',
    lane: 'streams',
    run: async ({ all, random }) => {
      const some = random.some(all, 4)
      for (const each of some) each.halfClose()
      await pause(random.between(500, 2000))
      for (const each of some) each.cut()
    },
  },
  storm: {
    name: 'cut all streams at once',
    lane: 'streams',
    run: async ({ all }) => {
      for (const each of all) if (each.isOpen) each.cut()
      await pause(500)
    },
  },
  vanish: {
    name: 'vanish',
    lane: 'network',
    run: async ({ network, setCut, settings, random }) => {
      setCut(true)
      network!.cut()
      // Sometimes the cable is back before the service has noticed, and what it sent gets through.
      await pause(settings.deadPeerMs * (random.next() < 0.3 ? 0.4 : 1.2))
      network!.restore()
      setCut(false)
    },
  },
} as const satisfies Record<string, Fault>

/** The name of a fault, as a scenario takes it. */
export type FaultName = keyof typeof faults
