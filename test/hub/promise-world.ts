import { setImmediate as turnEnd } from 'node:timers/promises'
import { createParser } from 'eventsource-parser'
import { RingcastError } from '../../dist/errors.js'
import type { EventDraft } from '../../dist/hub/event.js'
import { Filter, isWanted, type Wants } from '../../dist/hub/filter.js'
import { Hub } from '../../dist/hub/hub.js'
import type { Stream } from '../../dist/hub/stream.js'
import { literalPrefix } from '../../dist/hub/topic.js'
import type { Transport } from '../../dist/hub/transport.js'
import type { Frame } from '../../dist/hub/wire-format.js'
import type { EventLog } from '../../dist/hub/event-log.js'
import { MemoryLog } from '../../dist/logs/memory-log.js'
import { RetainingLog } from './retaining-log.js'
import { sse, sseEnvelope } from '../../dist/wire/sse.js'
import { heartbeatMs, type ClientSpec, type Scenario, type Step } from './promise-scenario.js'

/** What all runs met, so that a run that meets nothing fails. */
export const met = {
  events: 0,
  stalls: 0,
  lagged: 0,
  evicted: 0,
  cursors: 0,
  resumes: 0,
  busy: 0,
  byes: 0,
  duplicates: 0,
  reads: 0,
}

function fail(message: string): never {
  throw new Error(message)
}

/** A connection whose peer may stop reading, and whose unread bytes are lost when it is cut. */
class FakeTransport implements Transport {
  readonly kind = 'sse'
  readonly address = '127.0.0.1'
  bytesWritten = 0
  stalled = false
  closed = false
  /** The next write finds the connection gone. */
  vanishing = false
  #unread = Buffer.alloc(0)
  #ending = false

  constructor(
    readonly format: Transport['format'],
    readonly arrive: (bytes: Buffer) => void,
    readonly gone: () => void,
  ) {}

  get full(): boolean {
    return this.#unread.length > 0
  }

  write(frame: Frame): boolean {
    if (this.closed || this.#ending) fail('written to a connection that was ended')
    if (this.full) fail('written to a full connection that has not drained')
    if (this.vanishing) {
      this.close(0)
      this.gone()
      return false
    }
    const bytes = frame.bytes.subarray(frame.start, frame.end)
    this.bytesWritten += bytes.length
    if (!this.stalled) this.arrive(bytes)
    else {
      met.stalls++
      this.#unread = Buffer.from(bytes)
    }
    return !this.stalled
  }

  /** The peer reads again. */
  drain(): void {
    this.stalled = false
    const bytes = this.#unread
    this.#unread = Buffer.alloc(0)
    if (bytes.length > 0) this.arrive(bytes)
    this.closed ||= this.#ending
  }

  /** The connection breaks; of what was on the way a part may still arrive. */
  close(arrived: number): void {
    this.arrive(this.#unread.subarray(0, Math.floor(this.#unread.length * arrived)))
    this.#unread = Buffer.alloc(0)
    this.closed = true
  }

  end(): void {
    if (this.full) this.#ending = true
    else this.closed = true
  }

  destroy(): void {
    this.close(0)
  }
}

/** One subscriber over all its connections, which checks what it gets as it gets it. */
class Client {
  readonly wants: Wants
  transport: FakeTransport | undefined
  stream: Stream | undefined
  lastId: string | undefined
  /** The first sequence that it may still get; undefined before it ever was told a place. */
  position: number | undefined
  /** Whether this connection was seen to have read everything, and took all that was written since. */
  keepsUp = false
  /** Whether this connection was told goodbye. */
  saidBye = false
  #asked: string | undefined
  #expectsGap = false
  #opened = false

  constructor(
    readonly world: World,
    readonly spec: ClientSpec,
  ) {
    this.wants = { filter: new Filter(spec.topics), user: spec.user }
  }

  get connected(): boolean {
    return this.transport?.closed === false
  }

  connect(): void {
    if (this.connected) return
    const { hub } = this.world
    this.#asked = this.lastId
    this.#opened = false
    this.keepsUp = false
    this.saidBye = false
    if (this.lastId !== undefined) met.resumes++
    const format = this.spec.envelope ? sseEnvelope : sse
    const parser = createParser({
      onEvent: (message) => {
        if (message.id !== undefined) this.lastId = message.id
        if (message.event === 'ringcast') this.#told(message.data, message.id)
        else this.#got(message.id!, message.event, message.data)
      },
      onError: (error) => {
        throw error
      },
    })
    // Bytes are cut anywhere, within a character too.
    const decoder = new TextDecoder()
    let stream: Stream | undefined = undefined
    const transport = new FakeTransport(
      format,
      (bytes) => {
        parser.feed(decoder.decode(bytes, { stream: true }))
      },
      () => {
        hub.closed(stream!)
      },
    )
    this.transport = transport
    const request = this.lastId === undefined ? this.spec.start : { lastEventId: this.lastId }
    const expected = this.#expectedStart()
    stream = hub.subscribe({ ...this.wantsAsked(), ...request }, transport, this.spec.control)
    this.stream = stream
    if (this.spec.control && this.position !== expected) {
      fail(`began at ${this.position}, not at ${expected}`)
    }
  }

  wantsAsked(): { topics: readonly string[]; user: string | undefined } {
    return { topics: this.spec.topics, user: this.spec.user }
  }

  /** By a naive reading of the ring, the position that the opening names; a gap moves it itself. */
  #expectedStart(): number {
    const { ring } = this.world.hub
    const { oldest } = this.world
    const { lastEventId, last = 0 } = this.spec.start
    if (this.lastId !== undefined) {
      const position = sequenceOf(this.lastId) + 1
      return this.world.gapIsDue(this.wants, position) ? oldest : position
    }
    if (lastEventId === 'earliest') return oldest
    const held = this.world.wanted(this.wants, ring.first, ring.next - 1)
    return last === 0 || held.length === 0 ? ring.next : held.slice(-last)[0]!
  }

  /** Everything that it was still owed has come. */
  checkComplete(): void {
    if (!this.spec.control || this.position === undefined) return
    const missing = this.world.wanted(this.wants, this.position, this.world.log.length)
    if (missing.length > 0) fail(`events ${missing.join()} never came to ${this.#name()}`)
  }

  #got(id: string, event: string | undefined, data: string): void {
    if (!this.#opened && this.spec.control) fail('an event before open')
    if (this.#expectsGap) fail('open had no id, and no gap followed')
    met.events++
    const sequence = sequenceOf(id)
    const accepted = this.world.log[sequence - 1]
    if (accepted === undefined) fail(`event ${sequence} was never pushed`)
    if (!isWanted(this.wants, asAccepted(accepted))) fail(`event ${sequence} is not for it`)
    if (!this.spec.control) {
      if (sequence < (this.position ?? 1)) fail(`event ${sequence} out of order or twice`)
    } else {
      const [next] = this.world.wanted(this.wants, this.position!, this.world.log.length)
      if (sequence !== next) fail(`got ${sequence}, not ${next}: ${this.#name()}`)
    }
    this.position = sequence + 1
    if (this.spec.envelope) {
      const envelope = JSON.parse(data) as Record<string, unknown>
      if (envelope['id'] !== id || envelope['data'] !== accepted.data) fail('another envelope')
    } else if (data !== accepted.data.split(/\r\n|\r|\n/).join('\n')) fail('other data')
    else if (event !== accepted.event) fail('another name')
  }

  #told(json: string, id: string | undefined): void {
    if (!this.spec.control) fail('a control event for one that wants none')
    const message = JSON.parse(json) as { type: string; reason?: string; after?: string }
    if (this.#opened === (message.type === 'open')) fail(`${message.type} in the wrong place`)
    switch (message.type) {
      case 'open':
        this.#opened = true
        this.#expectsGap = id === undefined
        if (id === undefined) break
        if (this.#asked !== undefined && id !== this.#asked) fail('open has not the id asked for')
        this.position ??= sequenceOf(id) + 1
        break
      case 'cursor':
        met.cursors++
        this.#skip(sequenceOf(id!), false)
        break
      case 'gap':
        this.#gap(message.reason!, message.after!, sequenceOf(id!))
        break
      case 'bye':
        met.byes++
        this.saidBye = true
        break
      default:
        fail(`unknown control event ${message.type}`)
    }
  }

  #gap(reason: string, after: string, place: number): void {
    if (reason !== 'lagged' && reason !== 'evicted') fail(`a gap because of ${reason}`)
    if ((reason === 'evicted') !== this.#expectsGap) fail(`${reason} in the wrong place`)
    if (this.keepsUp) fail(`a gap for a stream that kept up: ${this.#name()}`)
    if (reason === 'evicted' && after !== this.#asked) fail('a gap after another id')
    if (reason === 'lagged' && sequenceOf(after) + 1 !== this.position) {
      // A place without an event of its own may lie between.
      if (sequenceOf(after) + 1 < this.position!) fail('a gap after a place long past')
      this.#skip(sequenceOf(after), false)
    }
    met[reason]++
    this.#expectsGap = false
    if (place !== this.world.oldest - 1 && reason === 'evicted') fail('a gap of another size')
    this.#skip(place, true)
  }

  /** Goes on behind a place; without a gap nothing of its own may be left behind. */
  #skip(place: number, gap: boolean): void {
    if (place < this.position! - 1) fail(`went back to ${place}`)
    const own = this.world.wanted(this.wants, this.position!, place)
    if (!gap && own.length > 0) fail(`events ${own.join()} were passed over`)
    if (gap && !this.world.gapIsDue(this.wants, this.position!, place)) fail('a needless gap')
    this.position = place + 1
  }

  #name(): string {
    return `${this.spec.topics.join(' ')} of ${this.spec.user ?? 'nobody'}`
  }
}

/** A hub in the hands of a scenario, and the model of its log. */
export class World {
  readonly log: EventDraft[] = []
  readonly hub: Hub
  readonly eventLog: EventLog
  readonly clients: Client[]
  #slices: (() => void)[] = []
  #time = 0
  #tick: () => void = () => {}

  constructor({ ringEvents, ringBytes, retained, lookMs, clients }: Scenario) {
    let [random, streams] = [0, 0]
    this.hub = new Hub({
      log: (this.eventLog = logOf(retained)),
      ringEvents,
      ringBytes,
      catchUpBytes: 16 * 1024 * 1024,
      node: 'n',
      nextStreamNumber: () => ++streams,
      heartbeatMs,
      stalledStreamMs: 4 * heartbeatMs,
      maxStreamAgeMs: 60 * heartbeatMs,
      now: () => (this.#time += lookMs),
      defer: (slice) => this.#slices.push(slice),
      random: () => (random = (random + 0.37) % 1),
      every: (_ms, work) => {
        this.#tick = work
        return () => {}
      },
    })
    this.clients = clients.map((spec) => new Client(this, spec))
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

  /**
   * Runs a slice of the dispatcher, or of what reads the log for it, if there is one, and gives the log
   * a turn; whether there is more.
   */
  async slice(): Promise<boolean> {
    const most = this.eventLog.retained === undefined ? 1 : 2
    if (this.#slices.length > most) fail('two slices at once')
    const slice = this.#slices.shift()
    slice?.()
    if (this.eventLog.retained !== undefined) await turnEnd()
    const reading = this.clients.some(({ stream }) => stream?.state === 'reading')
    return slice !== undefined || this.#slices.length > 0 || reading
  }

  /** The oldest sequence that can still be read, from the ring or the log. */
  get oldest(): number {
    return Math.min(this.hub.ring.first, this.eventLog.retained?.first ?? Infinity)
  }

  /** The sequences of the events of a stretch, both ends included, that are wanted. */
  wanted(wants: Wants, from: number, to: number): number[] {
    const found: number[] = []
    for (let sequence = from; sequence <= to; sequence++) {
      if (isWanted(wants, asAccepted(this.log[sequence - 1]!))) found.push(sequence)
    }
    return found
  }

  /** Whether something of its own, or for a pattern something near, is gone from a stretch. */
  gapIsDue({ filter, user }: Wants, from: number, to = this.oldest - 1): boolean {
    return this.log
      .slice(from - 1, Math.max(from - 1, to))
      .some(
        (draft) =>
          draft.users.some((name) => name === user) ||
          draft.topics.some(
            (topic) =>
              filter.exact.has(topic) ||
              filter.patterns.some((pattern) => topic.startsWith(literalPrefix(pattern))),
          ),
      )
  }

  /** The hub shuts down; who was stalled reads on. Everybody gets the rest, and a goodbye. */
  async shutDown(): Promise<void> {
    const connected = this.clients.filter((client) => {
      return client.connected && client.transport?.vanishing === false
    })
    const state = { done: false }
    const drained = this.hub.drain(60_000).then(() => (state.done = true))
    for (let i = 0; !state.done; i++) {
      if (i > 10_000) fail('the hub does not shut down')
      const who = i >> 1
      await this.take(i % 2 === 0 ? { do: 'slice', times: 1 } : { do: 'drain', who })
    }
    await drained
    for (const client of connected) {
      client.checkComplete()
      if (client.spec.control && !client.saidBye) fail('an end without goodbye')
    }
  }

  async #push(batch: EventDraft[]): Promise<void> {
    try {
      const receipts = await this.hub.publish(batch)
      for (const [index, { sequence, duplicate }] of receipts.entries()) {
        if (duplicate) {
          met.duplicates++
          if (this.log[sequence - 1]?.key !== batch[index]!.key) fail('a repeat of another event')
        } else if (this.log.push(batch[index]!) !== sequence) fail('a place of another event')
      }
    } catch (error) {
      if (!(error instanceof RingcastError)) throw error
      if (error.code === 'RINGCAST_BUSY') met.busy++
      else if (error.code !== 'RINGCAST_BODY_TOO_LARGE') throw error
      if (this.hub.ring.next !== this.log.length + 1) fail('a refused push was accepted in part')
      // Who does not keep up must not hold up the publishers.
      const owed = this.clients.some(
        ({ keepsUp, connected, stream }) => keepsUp && connected && stream?.state === 'queued',
      )
      if (error.code === 'RINGCAST_BUSY' && !owed) fail('busy for nobody who keeps up')
    }
  }

  #touch(step: Extract<Step, { who: number }>, client: Client): void {
    if (step.do === 'connect') {
      client.connect()
      return
    }
    const { transport, stream } = client
    if (transport === undefined || stream === undefined || transport.closed) return
    if (step.do === 'stall') transport.stalled = true
    else if (step.do === 'vanish') transport.vanishing = true
    else if (step.do === 'end') this.hub.end(stream, 'rebalance', true)
    else if (step.do === 'cut') {
      transport.close(step.arrived)
      this.hub.closed(stream)
    } else {
      transport.drain()
      this.hub.drained(stream)
    }
  }

  /** A stream that rests has had all that was for it. */
  #checkIdle(): void {
    for (const client of this.clients) {
      if (!client.connected || client.transport!.full) client.keepsUp = false
      else if (client.stream!.state === 'idle') {
        client.checkComplete()
        client.keepsUp = true
      } else if (client.stream!.state === 'parked') fail('parked though all was taken')
    }
  }

  /** In the end all peers read, all come back, and all has come. */
  async settle(): Promise<void> {
    for (const do_ of ['drain', 'connect', 'drain'] as const) {
      for (const who of this.clients.keys()) await this.take({ do: do_, who })
      for (let i = 0; await this.slice(); i++) if (i > 10_000) fail('slices without end')
      await this.take({ do: 'slice', times: 0 })
    }
    for (const client of this.clients) {
      if (client.connected && client.stream!.state !== 'idle') fail('one does not come to rest')
      client.checkComplete()
    }
  }
}

function logOf(retained: number | undefined): EventLog {
  if (retained === undefined) return new MemoryLog({ epoch: 'e', now: () => 0 })
  return new RetainingLog(retained, () => met.reads++)
}

function sequenceOf(id: string): number {
  return Number.parseInt(/^e-([0-9a-z]+)$/.exec(id)?.[1] ?? fail(`no id: ${id}`), 36)
}

function asAccepted(
  draft: EventDraft,
): EventDraft & { epoch: string; sequence: number; time: string } {
  return { ...draft, epoch: 'e', sequence: 0, time: '' }
}
