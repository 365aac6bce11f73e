import { EventEmitter } from 'node:events'
import { ServerResponse, type IncomingMessage, type Server } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import { isTaken } from './taken-sockets.js'
import { TurnQueue } from './turn-queue.js'

/** A request that wants its connection to speak another protocol. */
interface Upgrade {
  readonly request: IncomingMessage
  readonly socket: Socket
  /** What came behind the request already. */
  readonly head: Buffer
}

/**
 * Sorts the upgrade requests of a server. Those that are wanted are emitted as `upgrade` by what is
 * returned, a few at each turn of the event loop: a thousand handshakes at once would take a tenth of
 * a second. Any other is served as if it asked for none (RFC 9110 section 7.8), such as that for HTTP/2
 * which curl sends: once there is a listener, Node takes every request with `Upgrade` for one of its.
 *
 * @param isWanted whether a request is for the protocol that is listened for.
 */
export function sortUpgrades(
  server: Server,
  isWanted: (request: IncomingMessage) => boolean,
): EventEmitter {
  const wanted = new EventEmitter()
  const turns = new TurnQueue<Upgrade>(({ request, socket, head }) => {
    if (!socket.destroyed) wanted.emit('upgrade', request, socket, head)
  })
  server.on('upgrade', (request, socket: Socket, head) => {
    if (isTaken(socket) || !isFree(request, socket)) {
      socket.destroy()
      return
    }
    // Node watches it no more, and whoever is next does not yet. Once: a client may ask many times.
    socket.removeListener('error', ignore)
    socket.on('error', ignore)
    if (isWanted(request)) {
      turns.add({ request, socket, head })
      return
    }
    socket.unshift(Buffer.concat([plainHead(request), head]))
    server.emit(socket instanceof TLSSocket ? 'secureConnection' : 'connection', socket)
  })
  return wanted
}

function ignore(): void {
  // Told by `close`.
}

/** Whether every earlier request of the connection is answered: answers would mix with frames. */
function isFree(request: IncomingMessage, socket: Socket): boolean {
  const probe = new ServerResponse(request)
  try {
    probe.assignSocket(socket)
    probe.detachSocket(socket)
    return true
  } catch {
    return false
  }
}

/** A request's line and headers as they came, without the wish for another protocol. */
function plainHead({ method, url, httpVersion, rawHeaders }: IncomingMessage): Buffer {
  const lines = [`${method!} ${url!} HTTP/${httpVersion}`]
  for (let i = 0; i < rawHeaders.length; i += 2) {
    const [name, value] = [rawHeaders[i]!, rawHeaders[i + 1]!]
    if (!/^(upgrade|http2-settings)$/i.test(name)) lines.push(`${name}: ${value}`)
  }
  return Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
}
