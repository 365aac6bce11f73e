import { connect, type TLSSocket } from 'node:tls'
import {
  eventStreamRequest,
  flag,
  frame,
  FrameReader,
  frameType,
  isOk,
  preface,
} from './http2-frames.js'
import { nowNs, type StampedEvents } from './stamped-events.js'

/** What a load is told of its connections. */
export interface LoadEvents {
  /** So many bytes came. */
  onRead(bytes: number): void
  /** All that came was read. */
  afterRead(): void
  /** A stream was closed from the other side. */
  onClosed(stream: StampedEvents): void
  /** Ends the load, for what no load is to meet. */
  fail(problem: string): never
}

/** A connection over HTTP/2 and TLS with event streams on it. */
export class Http2Connection {
  readonly #socket: TLSSocket
  readonly #streams = new Map<number, StampedEvents>()
  readonly #load: LoadEvents
  #nextStream = 1
  #readNs = 0

  /** Begins to connect to a port of 127.0.0.1, whatever certificate is shown there. */
  constructor(port: number, load: LoadEvents) {
    this.#load = load
    this.#socket = connect({
      ...{ port, host: '127.0.0.1', ALPNProtocols: ['h2'] },
      rejectUnauthorized: false,
    })
    this.#socket.setNoDelay(true)
    this.#socket.write(preface())
    const frames = new FrameReader((...of) => this.#onFrame(...of))
    this.#socket.on('data', (bytes: Buffer) => {
      load.onRead(bytes.length)
      this.#readNs = nowNs()
      frames.read(bytes)
      load.afterRead()
    })
    this.#socket.on('error', () => {
      // Told by `close`.
    })
    this.#socket.on('close', () => {
      for (const id of [...this.#streams.keys()]) this.#closed(id)
    })
  }

  /** Asks for a stream; what comes of it is read by `events`. */
  request(path: string, events: StampedEvents): void {
    this.#streams.set(this.#nextStream, events)
    this.#socket.write(eventStreamRequest(this.#nextStream, path))
    this.#nextStream += 2
  }

  #onFrame(type: number, flags: number, id: number, buffer: Buffer, at: number, end: number): void {
    switch (type) {
      case frameType.data:
        if (flags & flag.padded) this.#load.fail('a frame is padded')
        this.#streams.get(id)?.read(buffer, at, end, this.#readNs)
        if (flags & flag.endStream) this.#closed(id)
        break
      case frameType.headers:
        if (flags & (flag.padded | flag.priority)) this.#load.fail('a frame is padded')
        if (flags & flag.endStream) this.#closed(id)
        else if (!isOk(buffer.subarray(at, end))) this.#load.fail('a stream was refused')
        break
      case frameType.reset:
        this.#closed(id)
        break
      case frameType.settings:
        if (!(flags & flag.ack)) this.#answer(type, Buffer.alloc(0))
        break
      case frameType.ping:
        if (!(flags & flag.ack)) this.#answer(type, buffer.subarray(at, end))
        break
    }
  }

  #answer(type: number, payload: Buffer): void {
    this.#socket.write(frame(type, flag.ack, 0, payload))
  }

  #closed(id: number): void {
    const stream = this.#streams.get(id)
    if (stream === undefined) return
    this.#streams.delete(id)
    this.#load.onClosed(stream)
  }
}
