import type { Duplex } from 'node:stream'

/**
 * Marks the sockets that streams write to past Node's HTTP layer. That layer knows nothing of these
 * writes: an answer to a request that came behind the stream's, or to garbage, would land in the
 * middle of the stream. So a taken socket answers nothing any more; it is destroyed instead.
 *
 * The mark is a property: a WeakSet of fifteen thousand sockets costs each of them more memory, and
 * every garbage collection a walk.
 */
const taken = Symbol('taken')

interface Markable extends Duplex {
  [taken]?: boolean
}

/** Takes a socket for one stream, until its end. */
export function takeSocket(socket: Markable): void {
  socket[taken] = true
}

/** Gives a socket back: what was to be a stream was answered in another way. */
export function giveBackSocket(socket: Markable): void {
  socket[taken] = false
}

/** Whether a stream has, or is about to have, this socket for itself. */
export function isTaken(socket: Markable): boolean {
  return socket[taken] === true
}
