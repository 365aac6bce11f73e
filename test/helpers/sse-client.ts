import { connect, type Socket } from 'node:net'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import type { Test } from 'tap'
import { until } from './until.js'

/** What a raw client may do differently. */
export interface RawOptions {
  /** Headers beside `Host`. */
  readonly headers?: Record<string, string>
  /** The last id, as the header `Last-Event-ID`. */
  readonly lastEventId?: string | undefined
}

/** A message of the service itself, and how many events came before it. */
export type ControlMessage = { id: string | undefined; behind: number } & Record<string, unknown>

/** A client on a bare socket, which sees what really goes over the wire. */
export interface RawStream {
  readonly socket: Socket
  /** The status line and headers, once they are here. */
  head(): string
  /** The body so far, chunks joined. */
  body(): string
  /** The events so far, those of the service (`ringcast`) apart. */
  readonly events: EventSourceMessage[]
  readonly control: ControlMessage[]
  /** The last `id:` of all, where this client would resume. */
  readonly lastId: string | undefined
  /** The last `retry:` of all: after how many milliseconds this client would come back. */
  readonly retryMs: number | undefined
  /** Whether the connection is closed. */
  readonly closed: boolean
  /** Resolves once that many events are here. */
  received(count: number): Promise<EventSourceMessage[]>
  /** Resolves once a control event of this type is here. */
  told(type: string): Promise<ControlMessage>
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
  const events: EventSourceMessage[] = []
  const control: RawStream['control'] = []
  let [head, body] = ['', '']
  let rest: Buffer = Buffer.alloc(0)
  let lastId: string | undefined
  let retryMs: number | undefined
  let closed = false
  const parser = createParser({
    onEvent(message) {
      if (message.id !== undefined) lastId = message.id
      if (message.event !== 'ringcast') events.push(message)
      else {
        const { id, data } = message
        control.push({ id, ...(JSON.parse(data) as object), behind: events.length })
      }
    },
    onRetry: (ms) => (retryMs = ms),
  })
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
    parser.feed(text)
  })
  socket.on('error', () => {
    // A cut connection is told by `close`.
  })
  socket.on('close', () => (closed = true))
  return {
    socket,
    head: () => head,
    body: () => body,
    events,
    control,
    get lastId() {
      return lastId
    },
    get retryMs() {
      return retryMs
    },
    get closed() {
      return closed
    },
    async received(count) {
      await until(() => events.length >= count, `${count} events`, 30_000)
      return events
    },
    async told(type) {
      await until(() => control.some((event) => event['type'] === type), `a ${type}`)
      return control.find((event) => event['type'] === type)!
    },
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
