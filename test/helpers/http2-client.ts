import {
  connect,
  constants,
  type ClientHttp2Session,
  type ClientHttp2Stream,
  type IncomingHttpHeaders,
  type OutgoingHttpHeaders,
  type SecureClientSessionOptions,
} from 'node:http2'
import type { Test } from 'tap'
import { testCertificate } from './certificate.js'
import { eventStream, type EventStream } from './event-stream.js'
import { until } from './until.js'

/** One event stream over HTTP/2. */
export interface Http2Stream extends EventStream {
  readonly stream: ClientHttp2Stream
  /** The headers of the answer, once they are here. */
  headers(): IncomingHttpHeaders
  body(): string
  /** Whether the stream is over. */
  readonly closed: boolean
  /** Whether it ended as planned, not by a reset or with its connection. */
  readonly ended: boolean
}

/** A connection over HTTP/2 that trusts the certificate of the tests; it ends with the test. */
export function http2Session(
  t: Test,
  port: number,
  options: SecureClientSessionOptions = {},
): ClientHttp2Session {
  const session = connect(`https://127.0.0.1:${port}`, {
    ca: testCertificate().cert,
    ...options,
  })
  session.on('error', () => {
    // Told by `close`.
  })
  t.teardown(() => {
    session.destroy()
  })
  return session
}

/** Opens an event stream on a connection, and resolves once something of its body came. */
export async function http2Stream(
  session: ClientHttp2Session,
  path: string,
  headers: OutgoingHttpHeaders = {},
): Promise<Http2Stream> {
  const stream = session.request({ ':path': path, ...headers })
  const read = eventStream()
  let answer: IncomingHttpHeaders = {}
  let body = ''
  let [closed, ended] = [false, false]
  stream.setEncoding('utf8')
  stream.on('response', (received) => (answer = received))
  stream.on('data', (text: string) => {
    body += text
    read.feed(text)
  })
  stream.on('end', () => (ended = !stream.aborted && stream.rstCode === constants.NGHTTP2_NO_ERROR))
  stream.on('close', () => (closed = true))
  stream.on('error', () => {
    // A reset is told by `close`.
  })
  await until(() => body !== '' || closed, `a body of ${path}`)
  return {
    stream,
    headers: () => answer,
    body: () => body,
    events: read.events,
    control: read.control,
    get lastId() {
      return read.lastId
    },
    get retryMs() {
      return read.retryMs
    },
    get closed() {
      return closed
    },
    get ended() {
      return ended
    },
    received: (count) => read.received(count),
    told: (type) => read.told(type),
  }
}
