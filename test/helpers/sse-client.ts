import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { eventStream, type ControlMessage, type EventStream } from './event-stream.js'
import { until } from './until.js'

export type { ControlMessage }

/** What a raw client may do differently. */
export interface RawOptions {
  /** Headers beside `Host`. */
  readonly headers?: Record<string, string>
  /** The last id, as the header `Last-Event-ID`. */
  readonly lastEventId?: string | undefined
}

/** A client on a bare socket, which sees what really goes over the wire. */
export interface RawStream extends EventStream {
  readonly socket: Socket
  /** The status line and headers, once they are here. */
  head(): string
  /** The body so far, chunks joined. */
  body(): string
  /** Whether the connection is closed. */
  readonly closed: boolean
  /** Cuts the connection. */
  cut(): void
}

/** Opens a stream on a bare socket, and resolves once `open` or the first bytes of a body came. */
export async function openStream(
  t: Test,
  port: number,
  path: string,
  { headers = {}, lastEventId }: RawOptions = {},
): Promise<RawStream> {
  const stream = rawStream(connect(port, '127.0.0.1'))
  t.teardown(() => stream.socket.destroy())
  const fields = {
    Host: `127.0.0.1:${port}`,
    ...(lastEventId === undefined ? {} : { 'Last-Event-ID': lastEventId }),
    ...headers,
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  stream.socket.write(`GET ${path} HTTP/1.1\r\n${lines.join('')}\r\n`)
  await until(() => stream.body() !== '' || stream.closed, `a body of ${path}`)
  return stream
}

/** Reads what comes over a socket as an event stream. */
export function rawStream(socket: Socket): RawStream {
  const stream = eventStream()
  let [head, body] = ['', '']
  let rest: Buffer = Buffer.alloc(0)
  let closed = false
  socket.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes])
    if (head === '') {
      const end = rest.indexOf('\r\n\r\n')
      if (end === -1) return
      head = rest.subarray(0, end).toString()
      rest = rest.subarray(end + 4)
    }
    const chunked = /transfer-encoding: chunked/i.test(head)
    const [text, left] = chunked ? chunks(rest) : [rest.toString(), Buffer.alloc(0)]
    rest = left
    body += text
    stream.feed(text)
  })
  socket.on('error', () => {
    // A cut connection is told by `close`.
  })
  socket.on('close', () => (closed = true))
  return {
    socket,
    head: () => head,
    body: () => body,
    events: stream.events,
    control: stream.control,
    get lastId() {
      return stream.lastId
    },
    get retryMs() {
      return stream.retryMs
    },
    get closed() {
      return closed
    },
    received: (count) => stream.received(count),
    told: (type) => stream.told(type),
    cut: () => socket.destroy(),
  }
}

/** The bodies of the whole chunks at the beginning, and what is left. */
function chunks(bytes: Buffer): [text: string, rest: Buffer] {
  const parts: Buffer[] = []
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n')
    const length = lineEnd === -1 ? NaN : Number.parseInt(bytes.toString('latin1', 0, lineEnd), 16)
    if (!(bytes.length >= lineEnd + 4 + length)) break
    parts.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + length))
    bytes = bytes.subarray(lineEnd + 4 + length)
  }
  return [Buffer.concat(parts).toString(), bytes]
}
