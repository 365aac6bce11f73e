import { crc32 } from 'node:zlib'
import type { AcceptedEvent } from '../hub/event.js'

/*
 * A segment is the events that were written together, as one value of the store:
 *
 *   0  u32  CRC-32 of all that follows
 *   4  u32  how many numbers there are
 *   8  f64  the sequence of the first event
 *  16  f64  when they were accepted, in milliseconds since the Unix epoch
 *  24  u32  how many events there are
 *  28  u32  each number, little-endian: for each event its shape, then how long its texts are
 *      …    the texts, one after the other, in UTF-8
 *
 * The numbers are the routing header, the texts are finished data: nothing has to be parsed, and a
 * segment takes one call to encode and one to decode, however many events it has. Lengths are in
 * UTF-16 units, as a string is cut.
 */

const headerBytes = 28

const isJson = 1
const hasName = 2
const hasKey = 4
const topicsShift = 8
const usersShift = 16

/** Events in a row as the bytes of a segment. They were accepted at the time of the first. */
export function encodeSegment(events: readonly AcceptedEvent[]): Buffer {
  const numbers: number[] = []
  let text = ''
  const add = (part: string): void => {
    numbers.push(part.length)
    text += part
  }
  for (const { topics, users, event, data, json, key } of events) {
    numbers.push(
      (json ? isJson : 0) |
        (event === undefined ? 0 : hasName) |
        (key === undefined ? 0 : hasKey) |
        (topics.length << topicsShift) |
        (users.length << usersShift),
    )
    for (const topic of topics) add(topic)
    for (const user of users) add(user)
    if (event !== undefined) add(event)
    add(data)
    if (key !== undefined) add(key)
  }
  const textAt = headerBytes + numbers.length * 4
  const bytes = Buffer.allocUnsafe(textAt + Buffer.byteLength(text))
  bytes.writeUInt32LE(numbers.length, 4)
  bytes.writeDoubleLE(events[0]!.sequence, 8)
  bytes.writeDoubleLE(Date.parse(events[0]!.time), 16)
  bytes.writeUInt32LE(events.length, 24)
  for (const [index, number] of numbers.entries()) {
    bytes.writeUInt32LE(number, headerBytes + index * 4)
  }
  bytes.write(text, textAt)
  bytes.writeUInt32LE(crc32(bytes.subarray(4)), 0)
  return bytes
}

/** When the events of a segment were accepted, in milliseconds since the Unix epoch. */
export function timeOfSegment(bytes: Buffer): number {
  return bytes.readDoubleLE(16)
}

/** The last sequence of a segment. */
export function lastOfSegment(bytes: Buffer): number {
  return bytes.readDoubleLE(8) + bytes.readUInt32LE(24) - 1
}

/**
 * The events of a segment.
 *
 * @param epochOf names the life that a sequence belongs to.
 * @returns undefined when the bytes are not those that were written.
 */
export function decodeSegment(
  bytes: Buffer,
  epochOf: (sequence: number) => string,
): AcceptedEvent[] | undefined {
  if (bytes.length < headerBytes || crc32(bytes.subarray(4)) !== bytes.readUInt32LE(0)) {
    return undefined
  }
  const textAt = headerBytes + bytes.readUInt32LE(4) * 4
  const text = bytes.toString('utf8', textAt)
  const first = bytes.readDoubleLE(8)
  const time = new Date(timeOfSegment(bytes)).toISOString()
  let [at, from] = [headerBytes, 0]
  const number = (): number => bytes.readUInt32LE((at += 4) - 4)
  const part = (): string => {
    const start = from
    return text.slice(start, (from += number()))
  }
  const parts = (count: number): readonly string[] =>
    count === 0 ? none : Array.from({ length: count }, part)
  return Array.from({ length: bytes.readUInt32LE(24) }, (_, index) => {
    const shape = number()
    const sequence = first + index
    // The order of the fields is the order of the texts.
    return {
      topics: parts((shape >> topicsShift) & 0xff),
      users: parts((shape >> usersShift) & 0xff),
      event: (shape & hasName) === 0 ? undefined : part(),
      data: part(),
      json: (shape & isJson) !== 0,
      key: (shape & hasKey) === 0 ? undefined : part(),
      epoch: epochOf(sequence),
      sequence,
      time,
    }
  })
}

const none: readonly string[] = []
