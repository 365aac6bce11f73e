import { setImmediate as turnEnd } from 'node:timers/promises'
import { RingcastError } from '../../dist/errors.js'
import type { EventLog } from '../../dist/hub/event-log.js'
import type { EventDraft } from '../../dist/hub/event.js'
import { Filter, isWanted, type Wants } from '../../dist/hub/filter.js'
import { Hub } from '../../dist/hub/hub.js'
import type { StartRequest } from '../../dist/hub/resume.js'
import type { Stream } from '../../dist/hub/stream.js'
import { literalPrefix } from '../../dist/hub/topic.js'
import type { Transport } from '../../dist/hub/transport.js'
import type { Frame } from '../../dist/hub/wire-format.js'
import { MemoryLog } from '../../dist/logs/memory-log.js'
import { EndedStreams } from '../../dist/peers/ended-streams.js'
import { joined, message, replayedEvent, websocket } from '../../dist/wire/websocket.js'
import { heartbeatMs } from './promise-scenario.js'
import { RetainingLog } from './retaining-log.js'
import type { From, Scenario, Step } from './subscriptions-scenario.js'

/** What all runs met, so that a run that meets nothing fails. */
export const met = {
  events: 0,
  replayed: 0,
  replays: 0,
  replayGaps: 0,
  places: 0,
  spared: 0,
  lagged: 0,
  resumes: 0,
  reads: 0,
  stalls: 0,
  unsubscribed: 0,
  'subscribed while idle': 0,
  'subscribed while queued': 0,
  'subscribed while reading': 0,
}

function fail(text: string): never {
  throw new Error(text)
}

/** A message of the service. */
interface Told {
  readonly type: string
  readonly id?: string
  readonly data?: string
  readonly replay?: true
  readonly reason?: string
  readonly after?: string
  readonly topics?: readonly string[]
}

/** A connection whose peer may stop reading; answers may come though it is full, turns must not. */
class FakeTransport implements Transport {
  readonly kind = 'websocket'
  readonly format = websocket
  readonly address = '127.0.0.1'
  readonly bytesWritten = 0
  stalled = false
  closed = false
  ending = false
  #unread: Buffer[] = []
  /** The events that were handed to it, live and as a replay. */
  readonly handed = { live: new Set<number>(), replayed: new Set<number>() }

  constructor(readonly arrive: (told: Told) => void) {}

  get full(): boolean {
    return this.#unread.length > 0
  }

  write({ bytes }: Frame): boolean {
    if (this.closed || this.ending) return false
    for (const { type, id, replay } of messagesOf(bytes)) {
      if (type === 'event') this.handed[replay ? 'replayed' : 'live'].add(sequenceOf(id!))
    }
    if (this.stalled) {
      met.stalls++
      this.#unread.push(bytes)
    } else this.#read(bytes)
    return !this.stalled
  }

  drain(): void {
    this.stalled = false
    for (const bytes of this.#unread.splice(0)) this.#read(bytes)
    this.closed ||= this.ending
  }

  end(): void {
    this.ending = true
    this.closed = !this.full
  }

  destroy(): void {
    this.#unread = []
    this.closed = true
  }

  #read(bytes: Buffer): void {
    for (const told of messagesOf(bytes)) this.arrive(told)
  }
}

function* messagesOf(bytes: Buffer): IterableIterator<Told> {
  for (let at = 0; at < bytes.length;) {
    const short = bytes[at + 1]!
    const head = short === 126 ? 4 : short === 127 ? 10 : 2
    const length =
      head === 2
        ? short
        : head === 4
          ? bytes.readUInt16BE(at + 2)
          : Number(bytes.readBigUInt64BE(at + 2))
    yield JSON.parse(bytes.toString('utf8', at + head, at + head + length)) as Told
    at += head + length
  }
}

/** A replay that a client has asked for and that is not over. */
interface Asked {
  readonly more: Filter
  readonly request: StartRequest
  readonly sent: number[]
  gap: boolean
}

/** One subscriber over all its connections, which checks what it gets as it gets it. */
class Client {
  transport: FakeTransport | undefined
  stream: Stream | undefined
  lastId: string | undefined
  /** The first sequence that it may still get live. */
  position = 0
  /** What it is subscribed to, as far as it was told. */
  wants: Wants
  #asked: Asked | undefined
  /** What came over this connection. */
  #got = new Set<number>()
  #changes = 0
  #expectsGap = false
  #askedFor: string | undefined

  constructor(
    readonly world: World,
    readonly user: string | undefined,
  ) {
    this.wants = { filter: new Filter([]), user }
  }

  get connected(): boolean {
    return this.transport?.closed === false && !this.transport.ending
  }

  /** Whether it may ask for something now: one request is answered after the other. */
  get mayAsk(): boolean {
    return this.connected && this.#asked === undefined && !this.transport!.full
  }

  connect(): void {
    if (this.connected) return
    this.#got = new Set()
    this.#asked = undefined
    this.#expectsGap = false
    this.#changes = 0
    this.wants = { filter: new Filter([]), user: this.user }
    this.transport = new FakeTransport((told) => {
      this.#told(told)
    })
    this.stream = this.world.hub.admit({ user: this.user }, this.transport)
  }

  subscribe(topics: readonly string[], from: From): void {
    if (!this.mayAsk) return
    const { hub } = this.world
    const stream = this.stream!
    if (!stream.begun) {
      const resumes = this.lastId !== undefined
      if (resumes) met.resumes++
      const request = resumes ? { lastEventId: this.lastId } : this.world.request(from)
      this.wants = { filter: new Filter(topics), user: this.user }
      this.#askedFor = request.lastEventId
      hub.subscriptions.begin(stream, topics, request)
      return
    }
    if (stream.state === 'idle' || stream.state === 'queued' || stream.state === 'reading') {
      met[`subscribed while ${stream.state}`]++
    }
    this.#changes++
    const all = [...stream.filter.topics, ...topics]
    const request = this.world.request(from)
    if (request.lastEventId === undefined && request.last === undefined) {
      hub.subscriptions.add(stream, all)
      this.#ok(stream)
      return
    }
    this.#asked = { more: new Filter(topics), request, sent: [], gap: false }
    hub.subscriptions.replay(
      stream,
      { more: topics, topics: all, ...request },
      {
        event: replayedEvent,
        gap: (hole) => message({ type: 'gap', replay: true, ...hole }),
        done: () => message({ type: 'ok', topics: stream.filter.topics }),
      },
      (error) => {
        throw error as Error
      },
    )
  }

  unsubscribe(topics: readonly string[]): void {
    if (!this.mayAsk || !this.stream!.begun) return
    met.unsubscribed++
    this.#changes++
    const left = this.stream!.filter.topics.filter((topic) => !topics.includes(topic))
    this.world.hub.subscriptions.change(this.stream!, left)
    this.#ok(this.stream!)
  }

  /** Everything that it is owed has come. */
  checkComplete(): void {
    const missing = this.world.wanted(this.wants, this.position, this.world.log.length)
    if (missing.length > 0) fail(`events ${missing.join()} never came`)
  }

  #ok(stream: Stream): void {
    const told = { type: 'ok', topics: stream.filter.topics }
    this.world.hub.tell(stream, joined([message(told)]))
  }

  #told(told: Told): void {
    switch (told.type) {
      case 'open':
        this.#opened(told)
        break
      case 'event':
        if (told.replay) this.#replayed(told)
        else this.#live(told)
        break
      case 'cursor':
        met.places++
        this.#skip(sequenceOf(told.id!), false)
        break
      case 'gap':
        this.#gap(told)
        break
      case 'ok':
        if (this.#asked !== undefined) this.#checkReplay(this.#asked)
        this.#asked = undefined
        this.wants = { filter: new Filter(told.topics!), user: this.user }
        break
      case 'bye':
        break
      default:
        fail(`unknown message ${told.type}`)
    }
    if (told.id !== undefined && !told.replay) this.lastId = told.id
  }

  #opened({ id }: Told): void {
    this.#expectsGap = id === undefined
    this.position = sequenceOf(id ?? this.#askedFor!) + 1
    if (id !== undefined && this.lastId !== undefined && id !== this.lastId) fail('another place')
  }

  #live(told: Told): void {
    if (this.#expectsGap) fail('open had no id, and no gap followed')
    if (this.#asked !== undefined && this.#asked.sent.length > 0) fail('live before the ok')
    met.events++
    const sequence = this.#checked(told)
    const [next] = this.world.wanted(this.wants, this.position, this.world.log.length)
    if (sequence !== next) fail(`got ${sequence}, not ${next}`)
    this.position = sequence + 1
    this.#got.add(sequence)
  }

  #replayed(told: Told): void {
    met.replayed++
    if (this.#asked === undefined) fail('a replay that nobody asked for')
    const sequence = this.#checked(told)
    const { sent } = this.#asked
    if (sequence <= (sent.at(-1) ?? 0)) fail(`${sequence} replayed out of order`)
    if (this.#got.has(sequence)) fail(`${sequence} came before`)
    sent.push(sequence)
    this.#got.add(sequence)
  }

  /** The sequence of an event that is what was pushed. */
  #checked({ id, data }: Told): number {
    const sequence = sequenceOf(id!)
    if (this.world.log[sequence - 1]?.data !== data) fail(`${sequence} is another event`)
    return sequence
  }

  /** By a naive reading of the log, what is replayed; holes only where a gap tells of them. */
  #checkReplay({ more, request, sent, gap }: Asked): void {
    met.replays++
    const { world } = this
    const wants = { filter: more, user: undefined }
    const after = request.lastEventId
    const begin = after === undefined || after === 'earliest' ? 1 : sequenceOf(after) + 1
    const matching = world.wanted(wants, begin, this.position - 1)
    const chosen =
      after === undefined ? matching.slice(Math.max(0, matching.length - request.last!)) : matching
    const due = chosen.filter((sequence) => sent.includes(sequence) || !this.#got.has(sequence))
    met.spared += chosen.length - due.length
    const unasked = sent.filter((sequence) => !chosen.includes(sequence))
    // Of what is gone, older ones do not take its place.
    if (unasked.length > 0) fail(`${unasked.join()} replayed unasked`)
    const missing = due.filter((sequence) => !sent.includes(sequence))
    // Of patterns there is no index, and of many changes no memory.
    const isKnown = more.patterns.length === 0 && this.#changes <= 16
    const reach = isKnown ? world.oldest : world.hub.ring.first
    const readable = missing.filter((sequence) => sequence >= reach)
    if (readable.length > 0 && this.#changes <= 16) fail(`${readable.join()} not replayed`)
    if (gap) met.replayGaps++
    if (after === undefined || after === 'earliest') return
    if (missing.length > 0 && !gap) fail(`${missing.join()} not replayed, and no gap told`)
    if (gap && missing.length === 0 && this.#changes <= 16 && !world.isGone(wants, begin)) {
      fail('a needless gap before a replay')
    }
  }

  #gap({ reason, after, id, replay }: Told): void {
    if (replay) {
      if (this.#asked === undefined) fail('a gap of a replay that nobody asked for')
      if (reason !== 'evicted') fail(`a replay with a gap because of ${reason}`)
      this.#asked.gap = true
      return
    }
    if (reason === 'evicted' && !this.#expectsGap) fail('evicted in the wrong place')
    this.#expectsGap = false
    if (reason === 'lagged') {
      met.lagged++
      this.#skip(sequenceOf(after!), false)
    }
    this.#skip(sequenceOf(id!), true)
  }

  /** Goes on behind a place; without a gap nothing of its own may be left behind. */
  #skip(place: number, gap: boolean): void {
    if (place < this.position - 1) fail(`went back to ${place}`)
    const own = this.world.wanted(this.wants, this.position, place)
    if (!gap && own.length > 0) fail(`events ${own.join()} were passed over`)
    this.position = place + 1
  }
}

/** A hub in the hands of a scenario, and the model of its log. */
export class World {
  readonly log: EventDraft[] = []
  readonly hub: Hub
  readonly clients: Client[]
  readonly ended = new EndedStreams()
  readonly #eventLog: EventLog
  #slices: (() => void)[] = []
  #time = 0
  #tick: () => void = () => {}

  constructor({ ringEvents, ringBytes, retained, lookMs, clients }: Scenario) {
    let streams = 0
    this.#eventLog =
      retained === undefined
        ? new MemoryLog({ epoch: 'e', now: () => 0 })
        : new RetainingLog(retained, () => met.reads++)
    this.hub = new Hub({
      log: this.#eventLog,
      ringEvents,
      ringBytes,
      catchUpBytes: 16 * 1024 * 1024,
      node: 'n',
      nextStreamNumber: () => ++streams,
      heartbeatMs,
      stalledStreamMs: 4 * heartbeatMs,
      maxStreamAgeMs: 0,
      now: () => (this.#time += lookMs),
      defer: (slice) => this.#slices.push(slice),
      random: () => 0.5,
      onEnd: (stream, reason) => {
        this.ended.add(this.hub, stream, reason)
      },
      every: (_ms, work) => {
        this.#tick = work
        return () => {}
      },
    })
    this.clients = clients.map((user) => new Client(this, user))
  }

  async take(step: Step): Promise<void> {
    switch (step.do) {
      case 'push':
        await this.#push(step.batch)
        break
      case 'slice':
        for (let i = 0; i < step.times; i++) await this.slice()
        break
      case 'pass time':
        this.#time += step.ms
        this.#tick()
        break
      default:
        this.#touch(step, this.clients[step.who % this.clients.length]!)
    }
    for (const { transport, stream } of this.clients) {
      if (transport?.closed === true && stream !== undefined) this.hub.closed(stream)
    }
    this.#checkIdle()
  }

  /** Runs a slice of the dispatcher, or of what reads the log; whether there is more. */
  async slice(): Promise<boolean> {
    const slice = this.#slices.shift()
    slice?.()
    await turnEnd()
    const waits = this.clients.some(({ stream }) => /reading|held/.test(stream?.state ?? ''))
    return slice !== undefined || this.#slices.length > 0 || waits
  }

  /** The oldest sequence that can still be read, from the ring or the log. */
  get oldest(): number {
    return Math.min(this.hub.ring.first, this.#eventLog.retained?.first ?? Infinity)
  }

  /** The sequences of the events of a stretch, both ends included, that are wanted. */
  wanted(wants: Wants, from: number, to: number): number[] {
    const found: number[] = []
    for (let sequence = from; sequence <= to; sequence++) {
      const event = { ...this.log[sequence - 1]!, epoch: 'e', sequence, time: '' }
      if (isWanted(wants, event)) found.push(sequence)
    }
    return found
  }

  /** Whether from a place on something wanted, or for a pattern something near, is not in the ring. */
  isGone({ filter }: Wants, from: number): boolean {
    const prefixes = filter.patterns.map(literalPrefix)
    const before = filter.patterns.length > 0 ? this.hub.ring.first : this.oldest
    return this.log
      .slice(from - 1, Math.max(from, before) - 1)
      .some(({ topics }) =>
        topics.some(
          (topic) => filter.exact.has(topic) || prefixes.some((prefix) => topic.startsWith(prefix)),
        ),
      )
  }

  /** What a client asks for, as it would say it. */
  request({ after, last }: From): StartRequest {
    if (after === undefined) return last === undefined ? {} : { last }
    if (after === 'earliest') return { lastEventId: after }
    return { lastEventId: `e-${Math.max(0, this.log.length - after).toString(36)}` }
  }

  /** In the end all peers read, all come back, and all has come. */
  async settle(): Promise<void> {
    for (const what of ['drain', 'connect', 'subscribe', 'drain'] as const) {
      for (const who of this.clients.keys()) {
        const from = {}
        if (what === 'subscribe') await this.take({ do: what, who, topics: ['a'], from })
        else await this.take({ do: what, who })
      }
      for (let i = 0; await this.slice(); i++) if (i > 10_000) fail('slices without end')
      await this.take({ do: 'slice', times: 0 })
    }
    for (const client of this.clients) {
      if (client.stream!.state !== 'idle')
        fail(`one does not come to rest: ${client.stream!.state}`)
      if (!client.mayAsk) fail('a replay without end')
      client.checkComplete()
    }
  }

  async #push(batch: EventDraft[]): Promise<void> {
    try {
      const receipts = await this.hub.publish(batch)
      for (const [index, { duplicate }] of receipts.entries()) {
        if (!duplicate) this.log.push(batch[index]!)
      }
    } catch (error) {
      if (!(error instanceof RingcastError)) throw error
    }
  }

  #touch(step: Extract<Step, { who: number }>, client: Client): void {
    const { transport, stream } = client
    if (step.do === 'connect') client.connect()
    else if (step.do === 'subscribe') client.subscribe(step.topics, step.from)
    else if (step.do === 'unsubscribe') client.unsubscribe(step.topics)
    else if (!client.connected) return
    else if (step.do === 'stall') transport!.stalled = true
    else if (step.do === 'cut') transport!.destroy()
    else if (step.do === 'end') this.hub.end(stream!, 'rebalance', true)
    else {
      transport!.drain()
      this.hub.drained(stream!)
    }
  }

  /** A stream that rests has had all that was for it. */
  #checkIdle(): void {
    for (const client of this.clients) {
      const { stream, transport } = client
      if (!client.connected || transport!.full) continue
      if (stream!.state === 'idle') client.checkComplete()
      else if (stream!.state === 'parked') fail('parked though all was taken')
    }
  }
}

function sequenceOf(id: string): number {
  return Number.parseInt(/^e-([0-9a-z]+)$/.exec(id)?.[1] ?? fail(`no id: ${id}`), 36)
}
