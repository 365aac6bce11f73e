import type { Duplex } from 'node:stream'

/**
 * The sockets that streams write to past Node's HTTP layer. That layer knows nothing of these
 * writes: an answer to a request that came behind the stream's, or to garbage, would land in the
 * middle of the stream. So a taken socket answers nothing any more; it is destroyed instead.
 */
const taken = new WeakSet<Duplex>()

/** Takes a socket for one stream, until its end. */
export function takeSocket(socket: Duplex): void {
  taken.add(socket)
}

/** Gives a socket back: what was to be a stream was answered in another way. */
export function giveBackSocket(socket: Duplex): void {
  taken.delete(socket)
}

/** Whether a stream has, or is about to have, this socket for itself. */
export function isTaken(socket: Duplex): boolean {
  return taken.has(socket)
}
