import { connect, type Socket } from 'node:net'
import type { Test } from 'tap'
import { until } from './until.js'

/** A bare connection, and all the bytes that came over it. */
export interface Connection {
  readonly socket: Socket
  bytes(): Buffer
  text(): string
  readonly closed: boolean
  /** Resolves once the text so far matches. */
  says(pattern: RegExp): Promise<string>
  /** Resolves with all that came, once the connection is closed. */
  end(): Promise<string>
}

/** Opens a bare connection and writes to it as it is. */
export function connection(t: Test, port: number, text: string): Connection {
  // Half-open: the server's FIN does not make this side send its own.
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true })
  t.teardown(() => socket.destroy())
  const parts: Buffer[] = []
  let closed = false
  socket.on('data', (bytes: Buffer) => parts.push(bytes))
  socket.on('end', () => (closed = true))
  socket.on('close', () => (closed = true))
  socket.on('error', () => {
    // A reset is told by `close`.
  })
  socket.write(text)
  const all = (): Buffer => Buffer.concat(parts)
  return {
    socket,
    bytes: all,
    text: () => all().toString(),
    get closed() {
      return closed
    },
    async says(pattern) {
      await until(() => pattern.test(all().toString()), `${pattern} on the connection`)
      return all().toString()
    },
    async end() {
      await until(() => closed, 'the end of the connection')
      return all().toString()
    },
  }
}

/** A request as it goes over the wire. */
export function requestText(
  method: string,
  path: string,
  { body, headers = {} }: { body?: string; headers?: Record<string, string> } = {},
): string {
  const fields: Record<string, string> = {
    Host: '127.0.0.1',
    ...(body === undefined ? {} : { 'Content-Length': String(Buffer.byteLength(body)) }),
    ...headers,
  }
  const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}\r\n`)
  return `${method} ${path} HTTP/1.1\r\n${lines.join('')}\r\n${body ?? ''}`
}

/** A push of JSON as it goes over the wire. */
export function pushText(body: unknown): string {
  return requestText('POST', '/api/push', {
    body: JSON.stringify(body),
    headers: { 'Content-Type': 'application/json' },
  })
}

/** The chunks of a chunked body so far, behind its head. */
export function chunksOf(bytes: Buffer): string[] {
  const chunks: string[] = []
  let at = bytes.indexOf('\r\n\r\n') + 4
  for (;;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return chunks
    const length = Number.parseInt(bytes.toString('latin1', at, lineEnd), 16)
    const end = lineEnd + 2 + length
    if (bytes.length < end + 2) return chunks
    chunks.push(bytes.toString('utf8', lineEnd + 2, end))
    at = end + 2
  }
}
