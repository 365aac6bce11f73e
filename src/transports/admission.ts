import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { TurnQueue } from './turn-queue.js'

/**
 * Lets new connections in a few at each turn of the event loop. When all clients of a node that went
 * come at once, thousands are there to be accepted in one turn: a tenth of a second, in which nothing
 * is pushed or delivered. So a connection is accepted, and nothing is made for it or read from it
 * until it is let in. To be called before anybody else listens to the server's connections.
 */
export function admitInTurns(server: Server): void {
  const listeners = server.listeners('connection') as ((this: Server, socket: Socket) => void)[]
  const [serve] = listeners
  if (serve === undefined || listeners.length > 1) {
    throw new Error('only the server itself may listen to its connections yet')
  }
  server.removeListener('connection', serve)
  // The option of net.Server, which http.Server does not hand on to it.
  const paused = (pauseOnConnect: boolean): void => {
    Object.assign(server, { pauseOnConnect })
  }
  paused(true)
  const waiting = new TurnQueue<Socket>((socket) => {
    // What closes a server closes what it knows, and of this one it does not know yet.
    if (!server.listening) socket.destroy()
    if (socket.destroyed) return
    // A server over TLS would pause what it makes of it, too.
    paused(false)
    serve.call(server, socket)
    paused(true)
    socket.resume()
  })
  server.on('connection', (socket) => {
    waiting.add(socket)
  })
}
