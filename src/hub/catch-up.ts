import { blockOf, type BlockCache } from './block-cache.js'
import type { Ring } from './ring.js'
import type { Stream } from './stream.js'

/** A stream that was sent nothing for so many events asks the index where to read on. */
const seekAfter = 16 * 256
/** How long look-ups in the index go on before the event loop gets its turn, in milliseconds. */
const seekMs = 2

/** What becomes of a stream that waits for the log. */
export interface CatchUpEvents {
  /** What it waits for can be read now. */
  readonly ready: (stream: Stream) => void
  /** What the log has at its cursor cannot be read. */
  readonly unreadable: (stream: Stream, error: unknown) => void
}

/**
 * Reads the log for the streams that the ring has passed, one block at each turn of the event loop.
 * Blocks are taken in the order of the log, and from its beginning again after the last that somebody
 * waits for, as an elevator goes: so streams that came at different times and places soon read the
 * same block at the same time, and however many there are, a block is read once in a round.
 */
export class CatchUp {
  readonly #blocks: BlockCache
  readonly #ring: Ring
  readonly #events: CatchUpEvents
  readonly #now: () => number
  readonly #turnEnd: () => Promise<void>
  /** Who waits, by the number of the block. */
  readonly #waiting = new Map<number, Stream[]>()
  /** Who was told that its block is there, and has perhaps not read it yet. */
  #group: readonly Stream[] = []
  #position = 0
  #running = false
  /** Counts the logs that were read: what was found in one is nothing to the next. */
  #logs = 0

  /**
   * @param now the hub's clock, in milliseconds.
   * @param turnEnd resolves once the event loop has seen to what is ready.
   */
  constructor(
    blocks: BlockCache,
    ring: Ring,
    events: CatchUpEvents,
    now: () => number,
    turnEnd: () => Promise<void>,
  ) {
    this.#blocks = blocks
    this.#ring = ring
    this.#events = events
    this.#now = now
    this.#turnEnd = turnEnd
  }

  /** Has what is at a stream's cursor read; it is told when that is there. */
  wait(stream: Stream): void {
    stream.state = 'reading'
    const number = blockOf(stream.cursor)
    const others = this.#waiting.get(number)
    if (others === undefined) this.#waiting.set(number, [stream])
    else others.push(stream)
    if (!this.#running) void this.#run()
  }

  /** Forgets who waits, since the log is another one: they are sent on from where they still can. */
  forget(): void {
    this.#logs++
    this.#waiting.clear()
    this.#group = []
  }

  async #run(): Promise<void> {
    this.#running = true
    while (this.#waiting.size > 0) {
      await this.#turnEnd()
      // Until the last of them has read it, the block that comes next would miss some.
      if (this.#group.some((stream) => this.#hasToRead(stream))) continue
      // Forgotten meanwhile.
      if (this.#waiting.size === 0) continue
      const log = this.#logs
      const group = await this.#sought(this.#takeNext())
      if (log !== this.#logs) continue
      this.#group = group
      if (group.length > 0) await this.#load(group)
    }
    this.#group = []
    this.#running = false
  }

  /** Whether one of the group has still to read the block, and is not behind it or live by now. */
  #hasToRead({ state, cursor }: Stream): boolean {
    return state === 'queued' && blockOf(cursor) === this.#position
  }

  /** Who waits for the block that is next on the way. */
  #takeNext(): Stream[] {
    let [next, lowest] = [Infinity, Infinity]
    for (const number of this.#waiting.keys()) {
      lowest = Math.min(lowest, number)
      if (number >= this.#position) next = Math.min(next, number)
    }
    this.#position = next === Infinity ? lowest : next
    const streams = this.#waiting.get(this.#position)!
    this.#waiting.delete(this.#position)
    return streams.filter(isReading)
  }

  /** Those of a group that do not go elsewhere, after a look into the index. */
  async #sought(group: readonly Stream[]): Promise<readonly Stream[]> {
    const here: Stream[] = []
    let end = this.#now() + seekMs
    for (const stream of group) {
      if (stream.cursor - stream.lastSent < seekAfter || (await this.#isHere(stream))) {
        here.push(stream)
      }
      if (this.#now() < end) continue
      await this.#turnEnd()
      end = this.#now() + seekMs
    }
    return here.filter(isReading)
  }

  /** Whether a stream has something to read in this block; if not, it goes on where it has. */
  async #isHere(stream: Stream): Promise<boolean> {
    const { cursor, filter } = stream
    const number = blockOf(cursor)
    const log = this.#logs
    try {
      const next = await this.#blocks.seek(stream, cursor, this.#ring.first)
      if (log !== this.#logs || !isReading(stream)) return false
      // Its client wants something else by now: it waits anew, with that.
      if (stream.filter !== filter || stream.cursor !== cursor) return false
      stream.cursor = next
    } catch (error) {
      if (log === this.#logs) this.#unreadable(stream, error)
      return false
    }
    if (stream.cursor >= this.#ring.first) this.#events.ready(stream)
    else if (blockOf(stream.cursor) === number) return true
    else this.wait(stream)
    return false
  }

  async #load(group: readonly Stream[]): Promise<void> {
    const from = group.reduce((least, { cursor }) => Math.min(least, cursor), Infinity)
    const log = this.#logs
    try {
      await this.#blocks.load(from)
    } catch (error) {
      if (log === this.#logs) for (const stream of group) this.#unreadable(stream, error)
      return
    }
    if (log !== this.#logs) return
    for (const stream of group) if (isReading(stream)) this.#events.ready(stream)
  }

  #unreadable(stream: Stream, error: unknown): void {
    if (isReading(stream)) this.#events.unreadable(stream, error)
  }
}

/** Whether a stream still waits for the log; much may have befallen it meanwhile. */
function isReading({ state }: Stream): boolean {
  return state === 'reading'
}
