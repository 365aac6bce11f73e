import type { AcceptedEvent } from '../hub/event.js'

const topicKind = 1
const userKind = 2
const sequenceBytes = 8
const half = 2 ** 32

/** A sequence as a key: big-endian, so that keys sort as sequences do. */
export function sequenceKey(sequence: number): Buffer {
  const key = Buffer.allocUnsafe(sequenceBytes)
  writeSequence(key, 0, sequence)
  return key
}

/** The sequence at the end of a key. */
export function sequenceOfKey(key: Buffer): number {
  const at = key.length - sequenceBytes
  return key.readUInt32BE(at) * half + key.readUInt32BE(at + 4)
}

/** The index key of a topic for the segment that begins with a sequence. Names have no zero byte. */
export function topicKey(topic: string, first: number): Buffer {
  return nameKey(topicKind, topic, first)
}

/** The same of a user. */
export function userKey(user: string, first: number): Buffer {
  return nameKey(userKind, user, first)
}

/**
 * The index of a segment: for each name a key, and as its value which events these are, counted from
 * the first, a byte each.
 */
export function indexRows(events: readonly AcceptedEvent[]): [key: Buffer, value: Buffer][] {
  const topics = new Map<string, number[]>()
  const users = new Map<string, number[]>()
  for (const [offset, event] of events.entries()) {
    for (const topic of event.topics) addTo(topics, topic, offset)
    for (const user of event.users) addTo(users, user, offset)
  }
  const { sequence } = events[0]!
  const rows: [Buffer, Buffer][] = []
  for (const [topic, offsets] of topics)
    rows.push([topicKey(topic, sequence), Buffer.from(offsets)])
  for (const [user, offsets] of users) rows.push([userKey(user, sequence), Buffer.from(offsets)])
  return rows
}

function nameKey(kind: number, name: string, first: number): Buffer {
  const bytes = Buffer.byteLength(name)
  const key = Buffer.allocUnsafe(1 + bytes + 1 + sequenceBytes)
  key[0] = kind
  key.write(name, 1)
  key[1 + bytes] = 0
  writeSequence(key, bytes + 2, first)
  return key
}

function writeSequence(key: Buffer, at: number, sequence: number): void {
  key.writeUInt32BE(Math.floor(sequence / half), at)
  key.writeUInt32BE(sequence % half, at + 4)
}

function addTo(lists: Map<string, number[]>, name: string, offset: number): void {
  const list = lists.get(name)
  if (list === undefined) lists.set(name, [offset])
  else list.push(offset)
}
