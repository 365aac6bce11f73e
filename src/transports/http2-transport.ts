import { constants, type ServerHttp2Stream } from 'node:http2'
import type { Hub } from '../hub/hub.js'
import type { Stream } from '../hub/stream.js'
import type { Transport } from '../hub/transport.js'
import type { Frame, WireFormat } from '../hub/wire-format.js'
import type { LostReason } from './dead-peers.js'
import { connectionOf, type Http2Connection } from './http2-connections.js'

/**
 * A stream's share of a connection over HTTP/2. It has a flow-control window of its own (RFC 9113
 * section 5.2): a reader that takes nothing parks its stream, and holds up no other of its connection.
 */
export class Http2Transport implements Transport {
  readonly kind = 'sse'
  readonly format: WireFormat
  readonly address: string
  readonly #http2: ServerHttp2Stream
  readonly #connection: Http2Connection
  #hub: Hub | undefined
  #stream: Stream | undefined
  #bytesWritten = 0

  /**
   * Takes over a stream to which the head of a response was written, and nothing else is to be. Its
   * connection is there still.
   */
  constructor(http2: ServerHttp2Stream, format: WireFormat, address: string) {
    this.#http2 = http2
    this.#connection = connectionOf(http2.session!)
    this.format = format
    this.address = address
  }

  /** Tells the stream's hub what befalls it; to be called once. */
  attach(hub: Hub, stream: Stream): void {
    this.#hub = hub
    this.#stream = stream
    this.#http2.on('drain', () => {
      hub.drained(stream)
    })
    this.#connection.add(this)
    this.#http2.on('close', () => {
      this.#connection.remove(this)
      hub.closed(stream)
    })
  }

  /** Nothing more can reach the peer. */
  lost(reason: LostReason): void {
    this.#hub!.lost(this.#stream!, reason)
  }

  get bytesWritten(): number {
    return this.#bytesWritten
  }

  write(frame: Frame): boolean {
    if (!this.#http2.writable) return false
    const bytes = frame.bytes.subarray(frame.start, frame.end)
    this.#bytesWritten += bytes.length
    return this.#http2.write(bytes)
  }

  end(): void {
    // Why was said by its bye.
    if (this.#http2.writable) this.#http2.end()
  }

  destroy(): void {
    // Not its end: a client is to see that it was cut.
    this.#http2.close(constants.NGHTTP2_CANCEL)
    this.#http2.destroy()
  }
}
