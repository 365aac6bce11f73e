import type { Reach } from './eviction-horizon.js'
import { isWanted, type Wants } from './filter.js'
import type { Ring, RingEntry } from './ring.js'
import type { SequenceQueue } from './sequence-queue.js'

/** So few entries are read faster one by one than by way of the index: the paced shape pays for it. */
const fewEntries = 16

/**
 * Hands each wanted entry of the ring to `take`, in order, from a sequence on, until `take` answers
 * false or the end. Exact topics and users are found by their index; patterns by reading entries.
 *
 * @param scanLimit the most entries to read one by one, so that a turn stays short.
 * @returns where to go on from: the sequence that `take` refused or that the scan stopped at, or the
 * ring's `next` when nothing is left.
 */
export function selectForward(
  ring: Ring,
  wants: Wants,
  from: number,
  scanLimit: number,
  take: (entry: RingEntry, sequence: number) => boolean,
): number {
  const start = Math.max(from, ring.first)
  if (wants.filter.patterns.length > 0 || ring.next - start <= fewEntries) {
    const end = Math.min(ring.next, start + scanLimit)
    for (let sequence = start; sequence < end; sequence++) {
      const entry = ring.entry(sequence)
      if (isWanted(wants, entry.event) && !take(entry, sequence)) return sequence
    }
    return end
  }
  const queues = queuesOf(ring, wants).filter((queue) => queue.last >= start)
  const positions = queues.map((queue) => queue.indexFrom(start))
  for (;;) {
    const sequence = smallest(queues, positions)
    if (sequence === Infinity) return ring.next
    if (!take(ring.entry(sequence), sequence)) return sequence
  }
}

/**
 * The sequences of the newest wanted events, at most `count`, the newest first.
 *
 * @param before only of events before this sequence; by default of all.
 */
export function newestWanted(
  ring: Ring,
  wants: Wants,
  count: number,
  before: number = ring.next,
): number[] {
  const found: number[] = []
  if (wants.filter.patterns.length > 0) {
    for (let sequence = before - 1; sequence >= ring.first; sequence--) {
      if (found.length === count) break
      if (isWanted(wants, ring.entry(sequence).event)) found.push(sequence)
    }
    return found
  }
  const queues = queuesOf(ring, wants)
  const positions = queues.map((queue) => queue.indexFrom(before) - 1)
  while (found.length < count) {
    const sequence = largest(queues, positions)
    if (sequence === -Infinity) break
    found.push(sequence)
  }
  return found
}

/** Whether an event after this sequence that was wanted may be gone from what can be read. */
export function mayHaveMissed({ first, horizon }: Reach, wants: Wants, after: number): boolean {
  if (after >= first - 1) return false
  for (const topic of wants.filter.exact) if (horizon.ofTopic(topic) > after) return true
  for (const prefix of wants.filter.prefixes) if (horizon.ofPrefix(prefix) > after) return true
  return wants.user !== undefined && horizon.ofUser(wants.user) > after
}

function queuesOf(ring: Ring, wants: Wants): SequenceQueue[] {
  const queues: SequenceQueue[] = []
  for (const topic of wants.filter.exact) {
    const queue = ring.ofTopic(topic)
    if (queue !== undefined) queues.push(queue)
  }
  const queue = wants.user === undefined ? undefined : ring.ofUser(wants.user)
  if (queue !== undefined) queues.push(queue)
  return queues
}

/** The smallest sequence at the positions, all that stand on it moved one on; Infinity at the end. */
function smallest(queues: readonly SequenceQueue[], positions: number[]): number {
  let sequence = Infinity
  for (const [i, queue] of queues.entries()) {
    if (positions[i]! < queue.length) sequence = Math.min(sequence, queue.at(positions[i]!))
  }
  for (const [i, queue] of queues.entries()) {
    if (positions[i]! < queue.length && queue.at(positions[i]!) === sequence) positions[i]!++
  }
  return sequence
}

/** The largest sequence at the positions, all that stand on it moved one back; -Infinity at the end. */
function largest(queues: readonly SequenceQueue[], positions: number[]): number {
  let sequence = -Infinity
  for (const [i, queue] of queues.entries()) {
    if (positions[i]! >= 0) sequence = Math.max(sequence, queue.at(positions[i]!))
  }
  for (const [i, queue] of queues.entries()) {
    if (positions[i]! >= 0 && queue.at(positions[i]!) === sequence) positions[i]!--
  }
  return sequence
}
