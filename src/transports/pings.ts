import { everyInterval } from '../hub/stream-times.js'
import { tickFor, TimerWheel } from '../hub/timer-wheel.js'
import type { WebSocketTransport } from './websocket-transport.js'

/** So many pings in a row may stay without any sign of life. */
const patience = 2

/**
 * Pings WebSocket connections (RFC 6455 section 5.5.2), whether they have a stream or not, and ends
 * those whose peer gives no sign of life. A pong is one, and so is whatever else comes, and what the
 * kernel says the peer has taken: a slow reader answers a ping when it gets to it. One that takes
 * nothing is not pinged at all; that is `STALLED_STREAM`'s. Nor is one that is not heard for now.
 */
export class Pings {
  readonly #everyMs: number
  readonly #now: () => number
  readonly #wheel: TimerWheel<WebSocketTransport>
  readonly #stop: () => void

  /** @param everyMs `HEARTBEAT`, in milliseconds. */
  constructor(everyMs: number, every = everyInterval, now = () => performance.now()) {
    this.#everyMs = everyMs
    const tickMs = tickFor(everyMs)
    this.#wheel = new TimerWheel(tickMs, now(), (transport) => {
      this.#due(transport, now())
    })
    this.#now = now
    this.#stop = every(tickMs, () => {
      this.#wheel.advance(now())
    })
  }

  /** Begins to ping a connection. */
  add(transport: WebSocketTransport): void {
    this.#wheel.set(transport, this.#now() + this.#everyMs)
  }

  /** Pings a connection no more, since it is closed. */
  remove(transport: WebSocketTransport): void {
    this.#wheel.clear(transport)
  }

  /** Ends it for good. */
  stop(): void {
    this.#stop()
  }

  #due(transport: WebSocketTransport, now: number): void {
    if (transport.open && !transport.full && transport.heard) {
      if (transport.unanswered >= patience) {
        transport.lost('dead-peer')
        return
      }
      transport.ping()
    }
    this.#wheel.set(transport, now + this.#everyMs)
  }
}
