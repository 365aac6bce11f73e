import { formatEventId } from '../hub/event-id.js'
import type { AcceptedEvent } from '../hub/event.js'
import { envelopeJson } from './envelope.js'
import type { ControlEvent, ControlFields, Frame, WireFormat } from '../hub/wire-format.js'

/** Where a line of an event stream ends (WHATWG HTML, section 9.2.5). */
const lineEnd = /\r\n|\r|\n/
const anyLineEnd = /[\r\n]/
const crlf = '\r\n'

/** Events as they were pushed: `id:`, `event:`, `data:`. */
export const sse: WireFormat = format(0, (event) => fields(event, event.event, event.data))

/** Events whole: `data` is the envelope as JSON, and there is no `event:` line. */
export const sseEnvelope: WireFormat = format(1, (event) =>
  fields(event, undefined, envelopeJson(event)),
)

function format(slot: number, encode: (event: AcceptedEvent) => string): WireFormat {
  return {
    slot,
    event: (event) => Buffer.from(encode(event)),
    frame,
    control: (event, controlFields) => Buffer.from(control(event, controlFields)),
    quietOpen: (retryMs) => Buffer.from(`retry: ${retryMs}\n:\n`),
    // One line, no blank line: a block without data makes some parsers fire an empty message.
    heartbeat: frame([Buffer.from(':\n')]),
  }
}

function fields(event: AcceptedEvent, name: string | undefined, data: string): string {
  // Outside a log an event has no place that a client could come back to.
  const id = event.epoch === '' ? '' : `id: ${formatEventId(event.epoch, event.sequence)}\n`
  return id + (name === undefined ? '' : `event: ${name}\n`) + dataLines(data) + '\n'
}

function dataLines(data: string): string {
  // Nearly all data is one line, compact JSON always is: it is not split to be joined again.
  if (!anyLineEnd.test(data)) return `data: ${data}\n`
  return data
    .split(lineEnd)
    .map((line) => `data: ${line}\n`)
    .join('')
}

function control(event: ControlEvent, { id, retryMs }: ControlFields): string {
  return (
    (retryMs === undefined ? '' : `retry: ${retryMs}\n`) +
    (id === undefined ? '' : `id: ${id}\n`) +
    `event: ringcast\ndata: ${JSON.stringify(event)}\n\n`
  )
}

/**
 * Joins encoded events to one chunk of a chunked body (RFC 9112 section 7.1). The chunk's own frame
 * is made here, once for all streams that share the buffer: the paced shape pays for it.
 */
function frame(parts: readonly Buffer[]): Frame {
  let length = 0
  for (const part of parts) length += part.length
  const head = length.toString(16) + crlf
  const bytes = Buffer.allocUnsafe(head.length + length + crlf.length)
  let at = bytes.write(head, 0, 'latin1')
  for (const part of parts) {
    part.copy(bytes, at)
    at += part.length
  }
  bytes.write(crlf, at, 'latin1')
  return { bytes, start: head.length, end: at }
}
