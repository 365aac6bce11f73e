import { once } from 'node:events'
import { setTimeout as pause } from 'node:timers/promises'
import { keptMs } from '../../dist/logs/log-limits.js'
import type { Lifetime } from '../helpers/lifetime.js'
import {
  createNamespace,
  whyNoNamespaces,
  type NetworkNamespace,
} from '../helpers/network-namespace.js'
import { until } from '../helpers/until.js'
import { check } from './checker.js'
import { drawAddressees, drawSizes, gather, wishes, type Crowd } from './crowd.js'
import { faults, type Victims } from './faults.js'
import { Ledger } from './ledger.js'
import type { Holdings } from './node.js'
import { briefMs, draw, restAt, type Plan, type Planned } from './plan.js'
import { Publisher } from './publisher.js'
import { Random } from './random.js'
import { inMb, judgeHeld, type Held, type Outcome } from './report.js'
import { faultKinds, limits, type Scenario, type Service } from './services.js'
import { Subscriber } from './subscriber.js'
import { endStreams, readFirstPage } from './warm-up.js'

/** How a scenario is run. */
export interface RunOptions {
  readonly totalMs: number
  readonly seed: number
  /** Told of everything that is done, in a line each. */
  readonly say: (line: string) => void
}

/** How long everyone has to get all that is owed once nothing is pushed any more, in milliseconds. */
const settleMs = 60_000
/** How many events are read again before memory is measured: more than the caches hold. */
const rereadEvents = 3000
/** How many events are in each push that is made at the rest. */
const batchEvents = 50
/** How many publishers there are, and how long each waits between its pushes, in milliseconds. */
const publishers = 3
const pushPauseMs = [100, 700] as const
/** The measured memory of a shorter run proves nothing, in milliseconds. */
const shortMs = 5 * 60_000

/** Runs a scenario from its first process to its last. Rejects where it could not be run to its end. */
export async function runScenario(
  t: Lifetime,
  scenario: Scenario,
  options: RunOptions,
): Promise<Outcome> {
  const why = whyNoNamespaces()
  if (why !== false) options.say(`nobody vanishes: ${why}`)
  const network = why === false ? createNamespace(t) : undefined
  const service = await scenario.start(t, network?.hostAddress ?? '127.0.0.1')
  const relays = await relaysTo(service, network)
  return new Run(t, scenario, options, service, network, relays).toTheEnd()
}

/** Ways to the nodes that can be cut: their URLs. */
async function relaysTo(service: Service, network?: NetworkNamespace): Promise<string[]> {
  if (network === undefined) return []
  const program = new URL('relay.js', import.meta.url).pathname
  return Promise.all(
    service.nodes.map(async ({ url }) => {
      const { hostname, port } = new URL(url)
      const child = network.exec(process.execPath, [
        program,
        network.namespaceAddress,
        hostname,
        port,
      ])
      const [line] = (await once(child.stdout!, 'data')) as [Buffer]
      return `http://${network.namespaceAddress}:${line.toString().trim()}`
    }),
  )
}

class Run {
  readonly #scenario: Scenario
  readonly #options: RunOptions
  readonly #service: Service
  readonly #ledger = new Ledger()
  readonly #publisher: Publisher
  readonly #crowd: Crowd
  readonly #all: readonly Subscriber[]
  readonly #victims: Victims
  readonly #injected = new Map<string, number>()
  readonly #failures: string[] = []
  #isCut = false
  /** While it rests nobody pushes, and everybody is connected. */
  #rests = false
  #isOver = false

  constructor(
    t: Lifetime,
    scenario: Scenario,
    options: RunOptions,
    service: Service,
    network: NetworkNamespace | undefined,
    relays: readonly string[],
  ) {
    this.#scenario = scenario
    this.#options = options
    this.#service = service
    const urls = service.nodes.map(({ url }) => url)
    this.#publisher = new Publisher({ ledger: this.#ledger, urls, keyed: scenario.keyed })
    this.#crowd = gather(
      this.#ledger,
      this.#random('crowd'),
      () => urls,
      () => (this.#isCut || relays.length === 0 ? urls : relays),
      (line) => {
        this.#say(line)
      },
    )
    const { steady, churning, slow, remote } = this.#crowd
    this.#all = [...steady, ...churning, ...slow, ...remote]
    t.teardown(() => {
      this.#isOver = true
      for (const each of this.#all) each.off()
      this.#publisher.close()
    })
    this.#victims = {
      node: service.victim,
      sparesOldest: scenario.sparesOldest,
      redis: service.redis,
      network,
      remote,
      slow,
      all: this.#all,
      setCut: (isCut) => (this.#isCut = isCut),
      publisher: this.#publisher,
      random: this.#random('faults'),
      settings: limits,
    }
  }

  async toTheEnd(): Promise<Outcome> {
    const { totalMs } = this.#options
    const kinds = faultKinds(this.#scenario, this.#victims.network !== undefined)
    const plan = draw(kinds, totalMs, this.#random('plan'))
    await this.#push(this.#random('first'))
    const descriptorsBefore = await this.#descriptors()
    const begin = performance.now()
    for (const each of this.#all) each.on()
    const loops = [
      ...Array.from({ length: publishers }, (_, n) =>
        this.#publish(this.#random(`publisher ${n}`)),
      ),
      ...this.#crowd.churning.map((each, n) => this.#churn(each, this.#random(`churn ${n}`))),
    ]
    const held = await this.#inject(plan, begin)
    this.#isOver = true
    await Promise.all(loops)
    const longestSettleMs = await this.#settle()
    if (held.length > 0) await this.#fillCaches()
    await this.#measure(held, 'atEnd')
    await this.#audit()
    return this.#close(held, descriptorsBefore, performance.now() - begin, longestSettleMs)
  }

  #random(use: string): Random {
    return new Random(this.#options.seed, `${this.#scenario.name} ${use}`)
  }

  #say(line: string): void {
    this.#options.say(`${this.#scenario.name}: ${line}`)
  }

  /** Does all that is planned, with a rest in between at which memory is measured first. */
  async #inject({ before, after }: Plan, begin: number): Promise<Held[]> {
    const { totalMs } = this.#options
    if (totalMs < briefMs) {
      await this.#lanes(after, begin)
      return []
    }
    await this.#lanes(before, begin)
    await pause(Math.max(0, begin + totalMs * restAt - performance.now()))
    this.#rests = true
    await this.#pushAhead(performance.now() - begin)
    await this.#settle()
    const held = await this.#survivors()
    await this.#endStreams(held)
    await this.#fillCaches()
    await this.#measure(held, 'atRest')
    this.#rests = false
    let sampling = Promise.resolve()
    const samples = setInterval(() => {
      sampling = sampling.then(() => this.#sample(held))
    }, totalMs / 10)
    await this.#lanes(after, begin)
    await pause(Math.max(0, begin + totalMs - performance.now()))
    clearInterval(samples)
    await sampling
    return held
  }

  async #lanes(planned: readonly Planned[], begin: number): Promise<void> {
    const lanes = [...new Set(planned.map(({ lane }) => lane))]
    await Promise.all(
      lanes.map(async (lane) => {
        for (const each of planned.filter((one) => one.lane === lane)) {
          await pause(Math.max(0, begin + each.atMs - performance.now()))
          // On a slow machine faults take longer than planned: some are left out, but no kind is.
          const isLate = performance.now() > begin + this.#options.totalMs
          if (!isLate || !this.#injected.has(each.fault)) await this.#do(each.fault)
        }
      }),
    )
  }

  async #do(name: string): Promise<void> {
    const fault = Object.values(faults).find((each) => each.name === name)!
    this.#injected.set(name, (this.#injected.get(name) ?? 0) + 1)
    this.#say(name)
    const begin = performance.now()
    await fault.run(this.#victims)
    this.#say(`${name}: over after ${Math.round(performance.now() - begin)} ms`)
  }

  async #push(random: Random): Promise<void> {
    await this.#publisher.push(drawAddressees(random), drawSizes(random), random)
  }

  /**
   * Pushes as many events as would have come if it had begun five minutes ago, at the pace of so far:
   * as many keys are known then as later, and they neither grow nor shrink from the rest to the end.
   */
  async #pushAhead(sinceMs: number): Promise<void> {
    const random = this.#random('ahead')
    const count = (this.#ledger.size / sinceMs) * Math.max(0, keptMs - sinceMs)
    for (let events = 0; events < count; events += batchEvents) {
      const sizes = Array.from({ length: batchEvents }, () => drawSizes(random)[0]!)
      await this.#publisher.push(drawAddressees(random), sizes, random)
    }
  }

  /** Has processes remember as many streams that ended as they ever do. */
  async #endStreams(held: readonly Held[]): Promise<void> {
    for (const { url, serving } of new Set(held.map(({ node }) => node))) {
      await endStreams(url, serving, wishes)
    }
  }

  async #publish(random: Random): Promise<void> {
    while (!this.#isOver) {
      await pause(random.between(...pushPauseMs))
      if (!this.#rests) await this.#push(random)
    }
  }

  async #churn(subscriber: Subscriber, random: Random): Promise<void> {
    while (!this.#isOver) {
      await pause(random.between(500, 6000))
      if (this.#rests) continue
      subscriber.off()
      await pause(random.between(50, random.next() < 0.1 ? 8000 : 2000))
      subscriber.on()
    }
  }

  /** Resolves when everyone is connected and has all that is owed: after how many milliseconds. */
  async #settle(): Promise<number> {
    const begin = performance.now()
    const isBehind = (each: Subscriber): boolean => {
      const newest = this.#ledger.owed(each.wants).at(-1)?.sequence ?? 0
      return !each.isOpen || each.place < newest
    }
    let behind: readonly Subscriber[] = this.#all
    const nobody = (): boolean => (behind = behind.filter(isBehind)).length === 0
    try {
      await until(nobody, 'everyone', settleMs)
    } catch {
      const names = behind.map(({ name, isOpen }) => `${name}${isOpen ? '' : ' (not connected)'}`)
      this.#failures.push(`not up to date after ${settleMs} ms: ${names.join(', ')}`)
    }
    return performance.now() - begin
  }

  /** Has one who was never there read the whole log, where it is all retained. */
  async #audit(): Promise<void> {
    if (this.#scenario.mayHaveGaps) return
    const urls = this.#service.nodes.map(({ url }) => url)
    await this.#read('auditor', 'earliest', urls)
  }

  /**
   * Has the newest part of the log read again at every process that reads it from disk: whatever was read
   * there last, their caches are full then, and what they hold can be compared.
   */
  async #fillCaches(): Promise<void> {
    if (this.#scenario.mayHaveGaps) return
    const { epoch, newest } = this.#ledger
    const from = `${epoch ?? ''}-${Math.max(0, newest - rereadEvents).toString(36)}`
    for (const { url } of this.#service.nodes) {
      const readers = Array.from({ length: 4 }, (_, n) => this.#read(`reader ${n}`, from, [url]))
      await Promise.all(readers)
      // What was read last depends on who came last; now it is the same at each measurement.
      await readFirstPage(url, epoch ?? '')
    }
  }

  /** Reads all topics from an id on to the end, as a subscriber of its own. */
  async #read(name: string, lastEventId: string, urls: readonly string[]): Promise<void> {
    const reader = new Subscriber({
      name,
      wants: { topics: ['**'] },
      first: { lastEventId },
      ledger: this.#ledger,
      random: this.#random(name),
      urls: () => urls,
      say: (line) => {
        this.#say(line)
      },
    })
    const newest = this.#ledger.owed(reader.wants).at(-1)?.sequence ?? 0
    reader.on()
    await until(() => reader.place >= newest, `all at the ${name}`, settleMs * 2).catch(
      (error: unknown) => this.#failures.push(`the ${name}: ${String(error)}`),
    )
    reader.off()
    this.#failures.push(...check(reader, this.#ledger, false).failures)
  }

  /** Notes what heap the survivors have in the middle of it all. */
  async #sample(held: readonly Held[]): Promise<void> {
    for (const { node, pid, samples } of held) {
      await node.holdings(pid).then(
        ({ heap }) => samples.push(heap),
        (error: unknown) => this.#failures.push(String(error)),
      )
    }
  }

  async #survivors(): Promise<Held[]> {
    const held: Held[] = []
    for (const node of this.#service.nodes) {
      const pids = await node.pids()
      held.push(
        ...pids
          .filter(this.#scenario.survivors)
          .map(({ name, pid }) => ({ node, name, pid, samples: [] })),
      )
    }
    return held
  }

  async #measure(held: Held[], when: 'atRest' | 'atEnd'): Promise<void> {
    for (const each of held) {
      // The least of three: what a measurement finds under way is no leak.
      const all: Holdings[] = []
      for (let n = 0; n < 3; n++) {
        all.push(await each.node.holdings(each.pid))
        await pause(200)
      }
      each[when] = all.sort((a, b) => a.heap - b.heap)[0]!
      const { heap, buffers } = each[when]
      this.#say(`${each.name} holds ${inMb(heap)} MB of heap after GC, ${inMb(buffers)} of buffers`)
    }
  }

  /** The open descriptors of all processes of all nodes, together. */
  async #descriptors(): Promise<number> {
    let sum = 0
    for (const node of this.#service.nodes) sum += await node.descriptors()
    return sum
  }

  async #close(
    held: readonly Held[],
    descriptorsBefore: number,
    tookMs: number,
    longestSettleMs: number,
  ): Promise<Outcome> {
    for (const each of this.#all) each.off()
    this.#publisher.close()
    const streamsLeft = await this.#streamsLeft()
    const descriptorsAfter = await this.#descriptors()
    for (const node of this.#service.nodes) {
      node.checkWorkers()
      await node.drain()
    }
    const verdicts = this.#all.map((each) => check(each, this.#ledger, this.#scenario.mayHaveGaps))
    const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0)
    return {
      scenario: this.#scenario.name,
      what: this.#scenario.what,
      seconds: tookMs / 1000,
      streamsOpened: sum(this.#all.map(({ opened }) => opened)),
      resumed: sum(this.#all.map(({ resumed }) => resumed)),
      silences: sum(this.#all.map(({ silences }) => silences)),
      pushed: this.#ledger.size,
      repeated: sum([...this.#publisher.refused.values()]),
      delivered: sum(verdicts.map(({ delivered }) => delivered)),
      gaps: sum(verdicts.map(({ gaps }) => gaps)),
      inGaps: sum(verdicts.map(({ inGaps }) => inGaps)),
      longestCatchUpMs: Math.max(...this.#all.map(({ longestCatchUpMs }) => longestCatchUpMs)),
      longestAwayMs: Math.max(...this.#all.map(({ longestAwayMs }) => longestAwayMs)),
      longestSettleMs,
      faults: Object.fromEntries(this.#injected),
      held: held.map(({ name, pid, samples, atRest, atEnd }) => ({
        ...{ name, pid, samples, atRest, atEnd },
      })),
      streamsLeft,
      descriptorsBefore,
      descriptorsAfter,
      failures: [
        ...this.#failures,
        ...this.#ledger.failures,
        ...this.#publisher.failures,
        ...this.#service.nodes.flatMap(({ failures }) => failures),
        ...this.#all.flatMap(({ refusals }) => refusals),
        ...verdicts.flatMap(({ failures }) => failures),
        ...(streamsLeft === 0
          ? []
          : [`${streamsLeft} streams were left when all clients had gone`]),
        ...(this.#options.totalMs < shortMs
          ? []
          : judgeHeld(held, descriptorsBefore, descriptorsAfter)),
      ],
    }
  }

  /** How many streams are left once all clients have been gone for as long as that may take. */
  async #streamsLeft(): Promise<number> {
    let left = 0
    const none = async (): Promise<boolean> => {
      left = 0
      for (const node of this.#service.nodes) left += await node.streams()
      return left === 0
    }
    await until(none, 'the end of all streams', limits.deadPeerMs * 5).catch(() => undefined)
    return left
  }
}
