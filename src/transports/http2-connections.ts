import type { Http2Session } from 'node:http2'
import type { Server, Socket } from 'node:net'
import type { LostReason, WatchedSocket } from './dead-peers.js'
import { reset, socketOf } from './secure-sockets.js'

/** What shares a connection, as far as its end goes. */
interface Sharer {
  /** Nothing more can reach the peer. */
  lost(reason: LostReason): void
}

/**
 * A connection over HTTP/2. It is watched by itself, not by the streams that share it: it may owe its
 * peer megabytes when the last of them is over.
 */
export class Http2Connection implements WatchedSocket {
  readonly socket: Socket
  readonly #sharers = new Set<Sharer>()

  constructor(socket: Socket) {
    this.socket = socket
  }

  add(sharer: Sharer): void {
    this.#sharers.add(sharer)
  }

  remove(sharer: Sharer): void {
    this.#sharers.delete(sharer)
  }

  progressed(): void {
    // What the peer took may have been any stream's: `drain` tells of each.
  }

  lost(reason: LostReason): void {
    for (const sharer of [...this.#sharers]) sharer.lost(reason)
    reset(this.socket)
  }
}

const connections = new WeakMap<Http2Session, Http2Connection>()

/** Keeps the connections over HTTP/2 of a server; what is returned has those that are open. */
export function keepConnections(server: Server): Iterable<Http2Connection> {
  const open = new Set<Http2Connection>()
  server.on('session', (session: Http2Session) => {
    const connection = new Http2Connection(socketOf(session)!)
    connections.set(session, connection)
    open.add(connection)
    session.once('close', () => {
      open.delete(connection)
    })
  })
  return open
}

/** The connection of a session that is not over. */
export function connectionOf(session: Http2Session): Http2Connection {
  return connections.get(session)!
}
