import type { Filter, Wants } from './filter.js'
import type { Ring, RingEntry } from './ring.js'
import { selectForward } from './selection.js'
import type { Frame, WireFormat } from './wire-format.js'

/** The bytes of one write: one event, or as many as fit in `gatherBytes`. */
export interface Gather {
  readonly frame: Frame
  /** Which events it holds. */
  readonly sequences: readonly number[]
  /** For which wire format. */
  readonly slot: number
}

/** All that an answer depends on, and where it ends. */
interface Question {
  readonly ring: Ring
  readonly filter: Filter
  readonly user: string | undefined
  readonly from: number
  readonly format: WireFormat
  readonly ringFirst: number
  readonly ringNext: number
  readonly next: number
}

/** The most that one write gathers, unless a single event is larger. */
export const gatherBytes = 32 * 1024
/** The most entries that one turn reads one by one for a pattern: about half a millisecond. */
const scanLimit = 4096
/** What gathers may stay in memory for other streams that need the same. */
const sharedBytes = 4 * 1024 * 1024

/**
 * Makes the writes of streams. A gather is shared by what it holds, not by who asked: streams whose
 * filters and users differ get one buffer where the events that concern them are the same. The paced
 * and burst shapes pay for it; it is right since an event never changes, so that the same sequences in
 * the same format are the same bytes.
 */
export class Gatherer {
  readonly #shared = new Map<number, Gather>()
  #sharedSize = 0

  /** Where the stream goes on from after the last `gather`. */
  next = 0

  /** What was asked last, and found. */
  #last: { readonly question: Question; readonly gather: Gather | undefined } | undefined

  #ring!: Ring
  #format!: WireFormat
  #sequences: number[] = []
  #parts: Buffer[] = []
  #bytes = 0

  /**
   * What to write next to a stream that stands at a sequence; undefined when nothing is wanted.
   *
   * @param ring where to gather from: the ring, or a block of the log behind it.
   */
  gather(ring: Ring, wants: Wants, from: number, format: WireFormat): Gather | undefined {
    this.#ring = ring
    const last = this.#last
    // The paced shape pays for it: the streams of one topic ask one after the other, and the ring
    // that has neither more nor fewer events than before gives the same answer to the same question.
    if (last !== undefined && this.#isSame(last.question, wants, from, format)) {
      this.next = last.question.next
      return last.gather
    }
    const gather = this.#gather(wants, from, format)
    const { filter, user } = wants
    const [ringFirst, ringNext, next] = [ring.first, ring.next, this.next]
    this.#last = {
      question: { ring, filter, user, from, format, ringFirst, ringNext, next },
      gather,
    }
    return gather
  }

  /** Forgets what was gathered, since the log is another one: its sequences name other events. */
  forget(): void {
    this.#shared.clear()
    this.#sharedSize = 0
    this.#last = undefined
  }

  #isSame(question: Question, wants: Wants, from: number, format: WireFormat): boolean {
    return (
      question.ring === this.#ring &&
      question.filter === wants.filter &&
      question.user === wants.user &&
      question.from === from &&
      question.format === format &&
      question.ringNext === this.#ring.next &&
      question.ringFirst === this.#ring.first
    )
  }

  #gather(wants: Wants, from: number, format: WireFormat): Gather | undefined {
    this.#format = format
    this.#sequences.length = 0
    this.#parts.length = 0
    this.#bytes = 0
    this.next = selectForward(this.#ring, wants, from, scanLimit, this.#take)
    if (this.#sequences.length === 0) return undefined
    if (this.#bytes === Infinity) this.#cutAtBlock()
    return this.#sharedGather()
  }

  readonly #take = (entry: RingEntry, sequence: number): boolean => {
    const encoded = this.#ring.encoded(entry, this.#format)
    if (this.#parts.length > 0 && this.#bytes + encoded.length > gatherBytes) {
      this.#bytes = Infinity
      return false
    }
    this.#bytes += encoded.length
    this.#sequences.push(sequence)
    this.#parts.push(encoded)
    return true
  }

  /**
   * Ends a full gather where a block of the ring ends, so that streams which came in at different
   * places soon gather the same and share it. The resume storm pays for it; what is cut off is
   * gathered next, since `next` is moved back to it.
   */
  #cutAtBlock(): void {
    const block = (sequence: number): number => this.#ring.entry(sequence).block
    let length = this.#sequences.length
    const nextBlock = block(this.next)
    if (block(this.#sequences[length - 1]!) !== nextBlock) return
    while (length > 0 && block(this.#sequences[length - 1]!) === nextBlock) length--
    if (length === 0) return
    this.next = this.#sequences[length]!
    this.#sequences.length = length
    this.#parts.length = length
  }

  #sharedGather(): Gather {
    const { slot } = this.#format
    let hash = slot
    for (const sequence of this.#sequences) hash = (Math.imul(hash, 31) + sequence) | 0
    const known = this.#shared.get(hash)
    if (known !== undefined && known.slot === slot && sameList(known.sequences, this.#sequences)) {
      return known
    }
    const gather = {
      frame: this.#format.frame(this.#parts),
      sequences: this.#sequences.slice(),
      slot,
    }
    if (known !== undefined) this.#forget(hash, known)
    this.#shared.set(hash, gather)
    this.#sharedSize += sizeOf(gather)
    if (this.#sharedSize > sharedBytes) this.#forgetOldest(hash)
    return gather
  }

  #forgetOldest(newest: number): void {
    for (const [hash, gather] of this.#shared) {
      if (this.#sharedSize <= sharedBytes || hash === newest) break
      this.#forget(hash, gather)
    }
  }

  #forget(hash: number, gather: Gather): void {
    this.#shared.delete(hash)
    this.#sharedSize -= sizeOf(gather)
  }
}

/** What a gather holds in memory, its objects counted as half a kilobyte. */
function sizeOf(gather: Gather): number {
  return gather.frame.bytes.length + gather.sequences.length * 8 + 512
}

function sameList(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((value, index) => value === b[index])
}
