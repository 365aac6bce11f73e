import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { Hub } from '../hub/hub.js'
import type { Stream } from '../hub/stream.js'
import type { Timed } from '../hub/timer-wheel.js'
import type { Transport } from '../hub/transport.js'
import type { ByeReason, Frame, WireFormat } from '../hub/wire-format.js'
import type { LostReason, WatchedSocket } from './dead-peers.js'
import { reset } from './secure-sockets.js'

/** Why a connection is closed, as its client is told (RFC 6455 section 7.4). */
export const closeCodes = {
  /** The node goes away, or wants the client to find another one: come back. */
  goingAway: 1001,
  /** The credential is none, or not good for this: come back with another one. */
  badCredentials: 4001,
  /** The credential has expired, or was revoked. */
  ended: 4003,
  /** The client said, and went on saying, what is no message of this service. */
  badMessage: 4009,
  /** One too many, or not now: come back later. */
  overLimit: 4013,
} as const

/** What a connection may be closed with. */
export type CloseCode = (typeof closeCodes)[keyof typeof closeCodes]

const codeOf: Record<ByeReason, CloseCode> = {
  shutdown: closeCodes.goingAway,
  rebalance: closeCodes.goingAway,
  expired: closeCodes.ended,
  revoked: closeCodes.ended,
  limit: closeCodes.overLimit,
}

/** Told what befalls a connection, beside its stream. */
export interface ConnectionEvents {
  /** It takes more again. */
  drained(): void
  /** It is gone. */
  closed(): void
}

/**
 * A connection over WebSocket. What `ws` reads of it is a message after the other; what is written to
 * it are frames made once for all who get them, straight to the socket, between those of `ws`: a
 * frame is one write, so they never mix. `ws` itself would frame each message anew for each client.
 */
export class WebSocketTransport implements Transport, WatchedSocket, Timed {
  readonly kind = 'websocket'
  readonly format: WireFormat
  readonly address: string
  readonly socket: Socket
  readonly #webSocket: WebSocket
  #hub: Hub | undefined
  #stream: Stream | undefined
  #full = false
  /** How many pings were sent since the client gave its last sign of life. */
  unanswered = 0

  wheelTick = -1
  wheelPrevious: Timed | undefined
  wheelNext: Timed | undefined

  /** @param format the bytes that it understands, whole frames. */
  constructor(
    webSocket: WebSocket,
    socket: Socket,
    format: WireFormat,
    address: string,
    events: ConnectionEvents,
  ) {
    this.#webSocket = webSocket
    this.socket = socket
    this.format = format
    this.address = address
    socket.on('drain', () => {
      this.#full = false
      if (this.#stream !== undefined) this.#hub!.drained(this.#stream)
      events.drained()
    })
    socket.on('close', () => {
      if (this.#stream !== undefined) this.#hub!.closed(this.#stream)
      events.closed()
    })
  }

  /** Tells a stream's hub what befalls the connection, from now on. */
  attach(hub: Hub, stream: Stream): void {
    this.#hub = hub
    this.#stream = stream
  }

  /** Whether the connection takes nothing for now. */
  get full(): boolean {
    return this.#full
  }

  /** Whether what the client says is read for now. */
  get heard(): boolean {
    return !this.#webSocket.isPaused
  }

  /** Whether it may still be written to, as far as is known. */
  get open(): boolean {
    return this.#webSocket.readyState === this.#webSocket.OPEN && this.socket.writable
  }

  /** Notes that the client is there. */
  alive(): void {
    this.unanswered = 0
  }

  /** Asks whether the client is there. */
  ping(): void {
    this.unanswered++
    this.#webSocket.ping()
  }

  progressed(): void {
    this.alive()
    if (this.#stream !== undefined) this.#hub!.progressed(this.#stream)
  }

  lost(reason: LostReason): void {
    if (this.#stream === undefined) this.destroy()
    else this.#hub!.lost(this.#stream, reason)
  }

  get bytesWritten(): number {
    return this.socket.bytesWritten
  }

  write({ bytes }: Frame): boolean {
    const { socket } = this
    // Behind a close frame comes nothing; `close` follows.
    if (!this.open) return false
    const taken = socket.write(bytes) || socket.writableLength === 0
    this.#full = !taken
    return taken
  }

  end(reason: ByeReason): void {
    this.close(codeOf[reason])
  }

  /** Ends the connection, and says why. */
  close(code: CloseCode): void {
    this.#webSocket.close(code)
  }

  destroy(): void {
    reset(this.socket)
  }
}
