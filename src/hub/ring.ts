import type { AcceptedEvent, EventDraft } from './event.js'
import { EvictionHorizon } from './eviction-horizon.js'
import { SequenceQueue } from './sequence-queue.js'
import type { WireFormat } from './wire-format.js'

/** What an event costs in memory beside its texts: objects and array slots. */
const entryOverheadBytes = 120
/**
 * What each of its topics and users costs beside the text: a place in the index, and, where nothing
 * else of that name is held, the name's own map entry, queue and array.
 */
const nameOverheadBytes = 300
/** What a cached encoding costs beside its bytes: the Buffer object. */
const encodingOverheadBytes = 96
/** What an encoding has beside its data, about: its id, its name, the ends of its lines. */
const frameBytes = 64
/** Gathers are cut where this many bytes of events have gone by, so that late streams share them. */
const blockBytes = 16 * 1024

/** An event in the ring, with what was made of it. */
export interface RingEntry {
  readonly event: AcceptedEvent
  /** Which fixed stretch of the log it is in; grows with the bytes that went by. */
  readonly block: number
  /** What it holds in memory, encodings included. */
  bytes: number
  /** Encoded once for each wire format, on first need. */
  encodings: (Buffer | undefined)[] | undefined
}

/**
 * The newest part of the log, in memory, bounded in events and in bytes. It holds each event once,
 * whoever has still to read it, and indexes the events by topic and by user.
 */
export class Ring {
  readonly #maxEvents: number
  readonly #maxBytes: number
  readonly #slots: (RingEntry | undefined)[]
  readonly #mask: number
  readonly #topics = new Map<string, SequenceQueue>()
  readonly #users = new Map<string, SequenceQueue>()
  /** What may have been evicted, by topic and user. */
  readonly horizon: EvictionHorizon
  #first: number
  #next: number
  #bytes = 0
  #bytesGoneBy = 0

  /**
   * @param maxEvents the most events it holds.
   * @param maxBytes the most memory that they take, cached encodings included; the newest event
   * stays whatever its size.
   * @param next the sequence that comes first.
   */
  constructor(maxEvents: number, maxBytes: number, next: number) {
    this.#maxEvents = maxEvents
    this.#maxBytes = maxBytes
    const capacity = 2 ** Math.ceil(Math.log2(maxEvents))
    this.#slots = new Array<RingEntry | undefined>(capacity).fill(undefined)
    this.#mask = capacity - 1
    this.horizon = new EvictionHorizon(maxEvents, next - 1)
    this.#first = next
    this.#next = next
  }

  /** The oldest sequence held; equal to `next` while the ring is empty. */
  get first(): number {
    return this.#first
  }

  /** The sequence after the newest: where a stream stands that has read everything. */
  get next(): number {
    return this.#next
  }

  /** How many events it holds. */
  get size(): number {
    return this.#next - this.#first
  }

  /** The memory that its events take, in bytes. */
  get bytes(): number {
    return this.#bytes
  }

  /** How full it is, 0 to 1, by events or by bytes, whichever is nearer to its bound. */
  get fill(): number {
    return Math.max(this.size / this.#maxEvents, this.#bytes / this.#maxBytes)
  }

  /** The entry of a sequence that the ring holds. */
  entry(sequence: number): RingEntry {
    return this.#slots[sequence & this.#mask]!
  }

  /** The sequences held of one exact topic, if any. */
  ofTopic(topic: string): SequenceQueue | undefined {
    return this.#topics.get(topic)
  }

  /** The sequences held for one user, if any. */
  ofUser(user: string): SequenceQueue | undefined {
    return this.#users.get(user)
  }

  /**
   * The oldest sequence that would still be held once so many events of so many bytes were appended;
   * undefined if the ring is too small for these alone.
   */
  firstAfter(events: number, bytes: number): number | undefined {
    if (events > this.#maxEvents || bytes > this.#maxBytes) return undefined
    let first = this.#first + Math.max(0, this.size + events - this.#maxEvents)
    let over = this.#bytes + bytes - this.#maxBytes
    if (over <= 0) return first
    for (let sequence = this.#first; sequence < first; sequence++) {
      over -= this.entry(sequence).bytes
    }
    while (over > 0 && first < this.#next) over -= this.entry(first++).bytes
    return first
  }

  /** Takes the next event of the log, and lets go of the oldest where that needs their room. */
  append(event: AcceptedEvent): void {
    const bytes = bytesOf(event)
    while (
      this.size > 0 &&
      (this.size >= this.#maxEvents || this.#bytes + bytes > this.#maxBytes)
    ) {
      this.#evict()
    }
    this.#bytesGoneBy += event.data.length + frameBytes
    const block = Math.floor(this.#bytesGoneBy / blockBytes)
    this.#slots[this.#next & this.#mask] = { event, block, bytes, encodings: undefined }
    this.#bytes += bytes
    for (const topic of event.topics) index(this.#topics, topic, this.#next)
    for (const user of event.users) index(this.#users, user, this.#next)
    this.#next++
  }

  /** Begins anew with the newest events of a log, the first of them at `next`. */
  restart(events: readonly AcceptedEvent[], next: number): void {
    this.#slots.fill(undefined)
    this.#topics.clear()
    this.#users.clear()
    this.horizon.restart(next - 1)
    this.#first = next
    this.#next = next
    this.#bytes = 0
    for (const event of events) this.append(event)
  }

  /** An entry's event as one wire format has it, encoded if that has not been needed before. */
  encoded(entry: RingEntry, format: WireFormat): Buffer {
    const known = entry.encodings?.[format.slot]
    if (known !== undefined) return known
    const encoding = format.event(entry.event)
    entry.encodings ??= []
    entry.encodings[format.slot] = encoding
    entry.bytes += encoding.length + encodingOverheadBytes
    this.#bytes += encoding.length + encodingOverheadBytes
    return encoding
  }

  /** Whether encodings, made since the last append, hold more than the bound. */
  get overfull(): boolean {
    return this.#bytes > this.#maxBytes && this.size > 1
  }

  /** Lets go of the oldest events, none from `floor` on, until it is no longer overfull. */
  trim(floor: number): void {
    while (this.overfull && this.#first < floor) this.#evict()
  }

  #evict(): void {
    const sequence = this.#first++
    const { event, bytes } = this.entry(sequence)
    this.#slots[sequence & this.#mask] = undefined
    this.#bytes -= bytes
    for (const topic of event.topics) unindex(this.#topics, topic)
    for (const user of event.users) unindex(this.#users, user)
    this.horizon.evicted(sequence, event.topics, event.users)
  }
}

function bytesOf({ data, topics, users, key }: EventDraft): number {
  let bytes = entryOverheadBytes + Buffer.byteLength(data) + (key?.length ?? 0)
  for (const topic of topics) bytes += nameOverheadBytes + topic.length
  for (const user of users) bytes += nameOverheadBytes + user.length
  return bytes
}

/** What a batch takes in a ring, without encodings, in bytes. */
export function bytesOfAll(batch: readonly EventDraft[]): number {
  return batch.reduce((total, draft) => total + bytesOf(draft), 0)
}

function index(queues: Map<string, SequenceQueue>, name: string, sequence: number): void {
  let queue = queues.get(name)
  if (queue === undefined) queues.set(name, (queue = new SequenceQueue()))
  queue.push(sequence)
}

function unindex(queues: Map<string, SequenceQueue>, name: string): void {
  const queue = queues.get(name)!
  queue.shift()
  if (queue.length === 0) queues.delete(name)
}
