import type { Socket } from 'node:net'
import type { Hub } from '../hub/hub.js'
import type { Stream } from '../hub/stream.js'
import type { Transport } from '../hub/transport.js'
import type { Frame, WireFormat } from '../hub/wire-format.js'
import type { LostReason, WatchedSocket } from './dead-peers.js'
import { reset } from './secure-sockets.js'

/** The last chunk of a chunked body (RFC 9112 section 7.1). */
const lastChunk = Buffer.from('0\r\n\r\n')

/**
 * A stream's connection over HTTP/1.x. Node writes the head; from then on ready buffers go straight
 * to the socket: what Node's response does for each write (its own chunk frame, its own queue)
 * would cost a third more, and would be done again for each of the streams that share a buffer. The
 * paced shape pays for it; it is right since the socket is taken: nobody else writes to it.
 */
export class SseTransport implements Transport, WatchedSocket {
  readonly kind = 'sse'
  readonly format: WireFormat
  readonly address: string
  readonly socket: Socket
  readonly #chunked: boolean
  #hub: Hub | undefined
  #stream: Stream | undefined

  /**
   * Takes over a socket to which the head of a response was written, and nothing else is to be.
   *
   * @param chunked whether the head says that the body comes in chunks; else it ends with the
   * connection.
   */
  constructor(socket: Socket, chunked: boolean, format: WireFormat, address: string) {
    this.socket = socket
    this.#chunked = chunked
    this.format = format
    this.address = address
  }

  /** Tells the stream's hub what befalls the connection; to be called once. */
  attach(hub: Hub, stream: Stream): void {
    this.#hub = hub
    this.#stream = stream
    this.socket.on('drain', () => {
      hub.drained(stream)
    })
    this.socket.on('close', () => {
      hub.closed(stream)
    })
  }

  progressed(): void {
    this.#hub!.progressed(this.#stream!)
  }

  lost(reason: LostReason): void {
    this.#hub!.lost(this.#stream!, reason)
  }

  get bytesWritten(): number {
    return this.socket.bytesWritten
  }

  write(frame: Frame): boolean {
    const { socket } = this
    // Node closes a socket by itself once the client has half-closed; `close` follows.
    if (!socket.writable) return false
    const bytes = this.#chunked ? frame.bytes : frame.bytes.subarray(frame.start, frame.end)
    // A gather may be larger than the high-water mark and still have gone to the kernel whole.
    return socket.write(bytes) || socket.writableLength === 0
  }

  end(): void {
    // Why was said by its bye.
    if (!this.socket.writable) return
    if (this.#chunked) this.socket.end(lastChunk)
    else this.socket.end()
  }

  destroy(): void {
    reset(this.socket)
  }
}
