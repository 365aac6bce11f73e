import type { Http2Session } from 'node:http2'
import type { Server, Socket } from 'node:net'
import { TLSSocket } from 'node:tls'

/** What Node keeps to itself of a connection over TLS. */
interface Hidden {
  /** The connection itself: `session.socket` of HTTP/2 throws as soon as the session is destroyed. */
  readonly own: TLSSocket
  /** The TCP connection below it. */
  readonly plain: Socket | undefined
}

const hidden = Symbol('hidden')

interface WithHidden extends TLSSocket {
  [hidden]?: Hidden
}

/**
 * Notes of each connection of a server over TLS what {@link reset} and {@link socketOf} need.
 *
 * @param server one over TLS that does not listen yet.
 */
export function noteSecureSockets(server: Server): void {
  /** Those whose handshake is under way, by their other end. */
  const waiting = new Map<string, Socket>()
  server.prependListener('connection', (socket: Socket) => {
    const end = endOf(socket)
    waiting.set(end, socket)
    socket.once('close', () => {
      if (waiting.get(end) === socket) waiting.delete(end)
    })
  })
  server.prependListener('secureConnection', (socket: WithHidden) => {
    // Given back to the server, once it wanted no other protocol after all.
    if (socket[hidden] !== undefined) return
    const end = endOf(socket)
    socket[hidden] = { own: socket, plain: waiting.get(end) }
    waiting.delete(end)
  })
}

function endOf({ remoteAddress, remotePort }: Socket): string {
  return `${remoteAddress ?? ''} ${remotePort ?? 0}`
}

/** The connection of a session of HTTP/2, itself; undefined once the session is over. */
export function socketOf(session: Http2Session | undefined): Socket | undefined {
  return session === undefined || session.destroyed
    ? undefined
    : (session.socket as WithHidden)[hidden]?.own
}

/**
 * Ends a connection at once, by a reset: after a plain close the kernel would go on for minutes with
 * what it has queued, up to megabytes, for a peer that takes nothing.
 */
export function reset(socket: Socket): void {
  if (socket instanceof TLSSocket) {
    const { plain } = (socket as WithHidden)[hidden] ?? {}
    // What is below goes first: closed by what is above, it would be closed in peace.
    if (plain?.destroyed === false) plain.resetAndDestroy()
    socket.destroy()
  } else socket.resetAndDestroy()
}
