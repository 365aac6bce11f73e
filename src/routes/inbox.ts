import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { ByteBudget } from '../limits/byte-budget.js'
import type { TurnQueue } from '../transports/turn-queue.js'

/** A connection is read no further while it has said so much that is not answered yet, in bytes. */
const pauseBytes = 64 * 1024
/** So much of one connection is always held: slow clients must not keep small messages out. */
const freeBytes = 64 * 1024

/** A message as it came. */
export interface Message {
  readonly data: Buffer
  readonly isBinary: boolean
}

/** What an inbox is made with. */
export interface InboxParts {
  /** Where all inboxes get their turns. */
  readonly turns: TurnQueue<Inbox>
  /** What large messages of all connections may hold together. */
  readonly budget: ByteBudget
  /** Whether the connection takes no answer for now. */
  readonly full: () => boolean
  /** Answers a message; the next one waits until that is done. */
  readonly answer: (message: Message) => void | Promise<void>
  /** The client has sent more, without an end, than there is room for. */
  readonly overflow: () => void
}

/**
 * What a client has said over WebSocket and was not answered yet. One message is answered after the
 * other, each at a turn of its own, so that nobody's flood keeps others waiting; and none while the
 * connection takes no answers. What waits is bounded: the connection is read no further meanwhile.
 */
export class Inbox {
  readonly #webSocket: WebSocket
  readonly #parts: InboxParts
  #messages: Message[] = []
  #bytes = 0
  /** What came of a message that is not whole yet, about. */
  #partial = 0
  #claimed = 0
  #scheduled = false
  #busy = false
  #closed = false
  /** How much may come of a message before its end, in bytes. */
  maxPartial: number

  constructor(webSocket: WebSocket, socket: Socket, maxPartial: number, parts: InboxParts) {
    this.#webSocket = webSocket
    this.#parts = parts
    this.maxPartial = maxPartial
    webSocket.on('message', (data: Buffer, isBinary) => {
      this.#partial = 0
      this.#add({ data, isBinary })
    })
    // Before `ws` reads it: of what comes now, a message may end.
    socket.prependListener('data', (bytes: Buffer) => {
      this.#partial += bytes.length
      if (!this.#closed && (this.#partial > this.maxPartial || !this.#settle())) parts.overflow()
    })
  }

  /** Lets everything wait until something is done. */
  hold(done: Promise<void>): void {
    this.#busy = true
    void done.finally(() => {
      this.#busy = false
      this.goOn()
    })
  }

  /** Goes on, if there is something to go on with: the connection takes answers again. */
  goOn(): void {
    if (this.#closed || this.#scheduled || this.#busy) return
    if (this.#messages.length === 0) {
      if (this.#webSocket.isPaused) this.#webSocket.resume()
      return
    }
    this.#scheduled = true
    this.#parts.turns.add(this)
  }

  /** Answers the next message. */
  turn(): void {
    this.#scheduled = false
    if (this.#closed || this.#parts.full()) return
    const message = this.#messages.shift()
    if (message === undefined) return
    this.#bytes -= message.data.length
    this.#settle()
    const done = this.#parts.answer(message)
    if (done === undefined) this.goOn()
    else this.hold(done)
  }

  /** Forgets what was said, and listens no more. */
  close(): void {
    this.#closed = true
    this.#messages = []
    this.#parts.budget.release(this.#claimed)
    this.#claimed = 0
  }

  #add(message: Message): void {
    if (this.#closed) return
    this.#messages.push(message)
    this.#bytes += message.data.length
    if (this.#bytes > pauseBytes && !this.#webSocket.isPaused) this.#webSocket.pause()
    this.goOn()
  }

  /** Claims room for what is held, or gives some back; false if there is none. */
  #settle(): boolean {
    const needed = Math.max(0, this.#bytes + this.#partial - freeBytes)
    if (needed > this.#claimed && !this.#parts.budget.claim(needed - this.#claimed)) return false
    if (needed < this.#claimed) this.#parts.budget.release(this.#claimed - needed)
    this.#claimed = needed
    return true
  }
}
