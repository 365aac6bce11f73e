import type { AcceptedEvent } from '../hub/event.js'
import type { ControlEvent, ControlFields, Frame, WireFormat } from '../hub/wire-format.js'
import { envelopeJson } from './envelope.js'

/** The first byte of a whole text message in one frame: FIN, and the opcode (RFC 6455 section 5.2). */
const wholeText = 0x81

/**
 * Events and control events as WebSocket messages: a text frame of JSON each. A frame to a client is
 * not masked, so it is the same bytes for all who get the event: made once, and shared.
 */
export const websocket: WireFormat = {
  slot: 2,
  event: (event) => textFrame(eventJson(event)),
  frame: joined,
  control: (event, fields) => textFrame(controlJson(event, fields)),
  // Its clients are always told.
  quietOpen: () => Buffer.alloc(0),
  heartbeat: undefined,
}

/** An event that is sent again to who subscribed to it late; it is no place to resume from. */
export function replayedEvent(event: AcceptedEvent): Buffer {
  return textFrame(`{"type":"event","replay":true,${envelopeJson(event).slice(1)}`)
}

/** A message of the service, as one frame. */
export function message(value: object): Buffer {
  return textFrame(JSON.stringify(value))
}

/** Frames as the bytes of one write. */
export function joined(parts: readonly Buffer[]): Frame {
  const bytes = parts.length === 1 ? parts[0]! : Buffer.concat(parts)
  return { bytes, start: 0, end: bytes.length }
}

function eventJson(event: AcceptedEvent): string {
  return `{"type":"event",${envelopeJson(event).slice(1)}`
}

function controlJson(event: ControlEvent, { id, retryMs }: ControlFields): string {
  return JSON.stringify({ ...event, id, retryMs })
}

/** A text as one frame (RFC 6455 section 5.2): its length in 7, 16 or 64 bits. */
function textFrame(text: string): Buffer {
  const length = Buffer.byteLength(text)
  const head = length < 126 ? 2 : length < 65_536 ? 4 : 10
  const bytes = Buffer.allocUnsafe(head + length)
  bytes[0] = wholeText
  if (head === 2) bytes[1] = length
  else if (head === 4) {
    bytes[1] = 126
    bytes.writeUInt16BE(length, 2)
  } else {
    bytes[1] = 127
    bytes.writeBigUInt64BE(BigInt(length), 2)
  }
  bytes.write(text, head)
  return bytes
}
