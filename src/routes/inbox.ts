import type { Socket } from 'node:net'
import type { WebSocket } from 'ws'
import type { ByteBudget } from '../limits/byte-budget.js'
import type { TurnQueue } from '../transports/turn-queue.js'

/** A connection is read no further while it has said so much that is not answered yet, in bytes. */
const pauseBytes = 64 * 1024
/** So much of one connection is always held: slow clients must not keep small messages out. */
const freeBytes = 64 * 1024
/** What a message that waits costs beside its text: objects, in bytes. An empty one is not free. */
const messageOverheadBytes = 128
/** The head of a control frame (RFC 6455 section 5.2): two bytes and the mask. */
const controlHeadBytes = 6

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
  /** The client has sent more, without an end, than there is room for; or goes on after the end. */
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
      this.#add({ data: ownBytes(data), isBinary })
    })
    for (const sign of ['ping', 'pong']) {
      webSocket.on(sign, (data: Buffer) => {
        this.#pass(controlHeadBytes + data.length)
      })
    }
    // Before `ws` reads it: of what comes now, a message may end.
    socket.prependListener('data', (bytes: Buffer) => {
      this.#partial += bytes.length
      if (this.#partial > this.maxPartial || !this.#settle()) parts.overflow()
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
    this.#bytes -= costOf(message)
    this.#settle()
    const done = this.#parts.answer(message)
    if (done === undefined) this.goOn()
    else this.hold(done)
  }

  /** Whether it listens no more. */
  get closed(): boolean {
    return this.#closed
  }

  /** Forgets what was said, and listens no more. */
  close(): void {
    this.#closed = true
    this.#messages = []
    this.#bytes = 0
    this.#partial = 0
    this.#parts.budget.release(this.#claimed)
    this.#claimed = 0
    // The client's part of the end is still to be read.
    if (this.#webSocket.isPaused) this.#webSocket.resume()
  }

  #add(message: Message): void {
    if (this.#closed) return
    this.#partial = 0
    this.#messages.push(message)
    this.#bytes += costOf(message)
    if (this.#bytes > pauseBytes && !this.#webSocket.isPaused) this.#webSocket.pause()
    this.goOn()
  }

  /** Control frames are answered at once, and hold nothing. What came behind a message counts no more. */
  #pass(bytes: number): void {
    if (!this.#closed) this.#partial = Math.max(0, this.#partial - bytes)
  }

  /** Claims room for what is held, or gives some back; false if there is none. */
  #settle(): boolean {
    if (this.#closed) return true
    const needed = Math.max(0, this.#bytes + this.#partial - freeBytes)
    if (needed > this.#claimed && !this.#parts.budget.claim(needed - this.#claimed)) return false
    if (needed < this.#claimed) this.#parts.budget.release(this.#claimed - needed)
    this.#claimed = needed
    return true
  }
}

function costOf({ data }: Message): number {
  return data.length + messageOverheadBytes
}

/** A message without what came with it: a slice keeps the whole of what was read at once. */
function ownBytes(data: Buffer): Buffer {
  return 2 * data.length < data.buffer.byteLength ? Buffer.from(data) : data
}
