import type { ByeReason, Frame, WireFormat } from './wire-format.js'

/** What a stream writes to: one client's connection. */
export interface Transport {
  /** What kind of connection it is, as `/api/streams` and the figures name it. */
  readonly kind: 'sse' | 'websocket'
  /** The bytes that it understands. */
  readonly format: WireFormat
  /** The client's address, without a port. */
  readonly address: string
  /** How many bytes were handed to the connection so far. */
  readonly bytesWritten: number
  /**
   * Hands one write to the connection, whole.
   *
   * @returns false when the connection has not taken all of it: nothing more may be written until
   * it tells the stream that it has drained.
   */
  write(frame: Frame): boolean
  /** Ends the connection as planned, after what was written: the client can tell it from a crash. */
  end(reason: ByeReason): void
  /** Ends the connection at once; what was not sent is lost. */
  destroy(): void
}
