import { blockEvents } from '../hub/event-log.js'
import type { AcceptedEvent } from '../hub/event.js'
import { encodeSegment } from './segment.js'
import { indexRows } from './store-keys.js'

/** A segment with more text than this ends early, in UTF-16 units. */
const segmentText = 256 * 1024
/** What a row of the store takes beside its key and value, about. */
const rowBytes = 24

/** A segment as the store has it. */
export interface SegmentRows {
  readonly first: number
  readonly segment: Buffer
  readonly rows: readonly [Buffer, Buffer][]
  /** What all of it takes, in bytes. */
  readonly size: number
}

/** Cuts events into segments: none crosses the border of a block, or has too much text. */
export function cutSegments(events: readonly AcceptedEvent[]): SegmentRows[] {
  const segments: AcceptedEvent[][] = []
  let text = Infinity
  for (const event of events) {
    text += event.data.length
    if (text > segmentText || event.sequence % blockEvents === 0) {
      segments.push([])
      text = event.data.length
    }
    segments.at(-1)!.push(event)
  }
  return segments.map(rowsOf)
}

function rowsOf(events: readonly AcceptedEvent[]): SegmentRows {
  const segment = encodeSegment(events)
  const rows = indexRows(events)
  return { first: events[0]!.sequence, segment, rows, size: bytesOfRows(segment, rows) }
}

/** What a segment and its index take in the store, in bytes. */
export function bytesOfRows(segment: Buffer, rows: readonly (readonly [Buffer, Buffer])[]): number {
  const ofIndex = rows.reduce((sum, [key, value]) => sum + key.length + value.length + rowBytes, 0)
  return segment.length + rowBytes + ofIndex
}
