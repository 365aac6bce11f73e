import type { Socket } from 'node:net'
import type { FastifyBaseLogger, FastifyRequest } from 'fastify'
import type { WebSocket } from 'ws'
import type { Caller } from '../auth/caller.js'
import type { Given } from '../auth/credentials.js'
import { maySubscribe } from '../auth/grants.js'
import { RingcastError, type ErrorCode } from '../errors.js'
import type { StreamOwner } from '../limits/stream-limits.js'
import type { TurnQueue } from '../transports/turn-queue.js'
import {
  closeCodes,
  WebSocketTransport,
  type CloseCode,
} from '../transports/websocket-transport.js'
import { joined, message, websocket } from '../wire/websocket.js'
import { userOf } from './access.js'
import { BadMessage, bad, readMessage, type ClientMessage, type Ref } from './client-messages.js'
import { Inbox, type Message } from './inbox.js'
import type { Query } from './query.js'
import type { Service } from './service.js'
import { StreamRequests } from './stream-requests.js'
import type { TurnedAway } from './turned-away.js'
import { startOf, type Subscription } from './websocket-query.js'

/** How long a client may take until it says who it is, or what it wants, in milliseconds. */
const firstMessageMs = 10_000
/** The longest first message, about, in bytes: a token is shorter. */
const maxFirstMessage = 16 * 1024
/**
 * What is counted of a message beside it, in bytes: the heads of its frames, and what was read along
 * with its end. `ws` closes a connection for a message that is too large, before this does.
 */
const slack = 96 * 1024
/** So many messages that are none are answered; the client that goes on is closed. */
const maxBadMessages = 10

/** What all conversations share. */
export interface ConversationParts {
  readonly service: Service
  readonly log: FastifyBaseLogger
  readonly turns: TurnQueue<Inbox>
  /** The largest message, in bytes. */
  readonly maxMessageBytes: number
  readonly tellTurnedAway: (stream: TurnedAway) => void
  /** Told that it is over. */
  readonly onClosed: (conversation: Conversation) => void
}

/** What came with the handshake. */
export interface Handshake {
  /** What the log calls its request by. */
  readonly requestId: string
  readonly address: string
  readonly query: FastifyRequest['query']
  /** The id to resume from, if one is named. */
  readonly lastEventId: string | undefined
  /** The credential, or why it is none, or why the handshake says nothing good. */
  readonly given: Given | undefined | RingcastError
}

/** What is left of it once it has been read: a token and a query may have kilobytes. */
const emptyHandshake: Handshake = {
  requestId: '',
  address: '',
  query: {},
  lastEventId: undefined,
  given: undefined,
}

/**
 * One connection over WebSocket: finds out who is there, and answers what they ask for, one request
 * after the other. Once it is known whose the connection is, it is a stream of the hub.
 */
export class Conversation {
  readonly #parts: ConversationParts
  #handshake: Handshake
  readonly #inbox: Inbox
  readonly transport: WebSocketTransport
  #caller: Caller | undefined
  /** Answers its requests, once it is a stream. */
  #requests: StreamRequests | undefined
  /** To whom its place is counted, until its stream is. */
  #owner: StreamOwner | undefined
  /** What it subscribes to once it is known whose it is. */
  #first: Subscription | undefined
  #timer: NodeJS.Timeout | undefined
  #badMessages = 0
  #closed = false

  constructor(
    parts: ConversationParts,
    webSocket: WebSocket,
    socket: Socket,
    handshake: Handshake,
  ) {
    this.#parts = parts
    this.#handshake = handshake
    this.transport = new WebSocketTransport(webSocket, socket, websocket, handshake.address, {
      drained: () => {
        this.#inbox.goOn()
      },
      closed: () => {
        this.#over()
      },
    })
    this.#inbox = new Inbox(webSocket, socket, maxFirstMessage + slack, {
      turns: parts.turns,
      budget: parts.service.bodies,
      full: () => this.transport.full,
      answer: (message) => this.#answer(message),
      overflow: () => {
        this.#overflow()
      },
    })
    for (const sign of ['message', 'ping', 'pong']) {
      webSocket.on(sign, () => {
        this.transport.alive()
      })
    }
    this.#inbox.hold(this.#open())
  }

  /** Ends the connection if it is no stream yet: the hub sees to those. */
  drain(): void {
    if (this.#requests === undefined) this.#end(closeCodes.goingAway)
  }

  /**
   * Hears no more of its client: what it has said before, and says now, is not done any more, and its
   * stream ends for that. Where the protocol was broken, `ws` itself closes the connection.
   */
  refuse(): void {
    this.#inbox.close()
    this.#requests?.refused()
  }

  async #open(): Promise<void> {
    try {
      const { given, query, lastEventId } = this.#handshake
      if (given instanceof RingcastError) throw given
      this.#first = startOf(query as Query, lastEventId)
      this.#caller = await this.#callerOf(given)
      if (!(await this.#takePlace(this.#caller))) return
      const caller = this.#caller
      if (caller === undefined || this.#maySayMore(caller)) this.#await()
      else await this.#begin(this.#admit(caller))
    } catch (error) {
      this.#refuse(error, undefined)
    }
  }

  /** Whose the credential is of the handshake; nobody's yet where none came and one is needed. */
  async #callerOf(given: Given | undefined): Promise<Caller | undefined> {
    const { credentials } = this.#parts.service
    try {
      return await credentials.callerOf(given)
    } catch (error) {
      if (given === undefined && isCode(error, 'RINGCAST_UNAUTHENTICATED')) return undefined
      throw error
    }
  }

  /**
   * Whether somebody without a credential is to say who they are, or what they want: the handshake
   * says nothing of it, or asks for what is not for everybody.
   */
  #maySayMore(caller: Caller): boolean {
    if (caller.kind !== 'anonymous') return false
    return this.#first === undefined || !maySubscribe(caller, this.#first.topics)
  }

  #await(): void {
    this.#timer = setTimeout(() => {
      this.#refuse(unknown(), undefined)
    }, firstMessageMs).unref()
  }

  /** Takes a place for the connection; false if there is none, or nobody who would need it. */
  async #takePlace(caller: Caller | undefined): Promise<boolean> {
    const { service, tellTurnedAway } = this.#parts
    const { address, query } = this.#handshake
    const user = caller === undefined ? undefined : userOf(service, { query, caller })
    const owner = { user, address }
    if (this.#owner !== undefined) {
      if (this.#owner.user === user) return true
      service.streamPlaces.giveBack(this.#owner)
      this.#owner = undefined
    }
    const limit = await service.streamPlaces.take(owner)
    if (limit === undefined) {
      if (!this.#closed) this.#owner = owner
      else service.streamPlaces.giveBack(owner)
      return !this.#closed
    }
    if (!this.transport.open) return false
    tellTurnedAway({ setting: limit, ...owner })
    this.#inbox.close()
    this.transport.attach(service.hub, service.hub.turnAway(this.transport))
    return false
  }

  /** Makes the connection a stream; not if that is forbidden by now. */
  #admit(caller: Caller): StreamRequests | undefined {
    const { service, log, maxMessageBytes } = this.#parts
    clearTimeout(this.#timer)
    // It may have been long that the client was waited for, or its place.
    if (!this.transport.open) return undefined
    if (service.hub.draining || service.credentials.revocations.has(caller)) {
      this.#end(service.hub.draining ? closeCodes.goingAway : closeCodes.ended)
      return undefined
    }
    this.#caller = caller
    const { transport } = this
    const { expiresAt } = caller
    const { requestId } = this.#handshake
    const { user } = this.#owner!
    const stream = service.hub.admit({ user, expiresAt, requestId }, transport)
    transport.attach(service.hub, stream)
    this.#owner = undefined
    this.#handshake = emptyHandshake
    this.#inbox.maxPartial = 2 * maxMessageBytes + slack
    const failed = (error: unknown, ref: Ref | undefined): void => {
      this.#failed(error, ref)
    }
    return (this.#requests = new StreamRequests(
      { service, log, transport, failed },
      stream,
      caller,
    ))
  }

  /** Subscribes to what the handshake asked for. */
  async #begin(requests: StreamRequests | undefined): Promise<void> {
    const first = this.#first
    this.#first = undefined
    if (requests === undefined || first === undefined) return
    try {
      await requests.begin(first)
    } catch (error) {
      this.#refuse(error, undefined)
    }
  }

  async #answer({ data, isBinary }: Message): Promise<void> {
    let asked: ClientMessage | undefined
    try {
      asked = this.#read(data, isBinary)
      await this.#do(asked)
      if (this.#badMessages > 0) this.#badMessages--
    } catch (error) {
      this.#failed(error, asked?.ref)
    }
  }

  #read(data: Buffer, isBinary: boolean): ClientMessage {
    const { maxMessageBytes } = this.#parts
    if (isBinary) throw bad('a message is text', undefined)
    if (data.length <= maxMessageBytes) return readMessage(data.toString())
    throw new BadMessage(
      new RingcastError('RINGCAST_BODY_TOO_LARGE', `a message has up to ${maxMessageBytes} bytes`),
    )
  }

  async #do(asked: ClientMessage): Promise<void> {
    if (asked.type === 'auth') {
      await this.#auth(asked)
      return
    }
    if (this.#caller === undefined) throw unknown()
    const requests = this.#requests ?? this.#admit(this.#caller)
    await this.#begin(requests)
    await requests?.answer(asked)
  }

  async #auth({ ref, fields: { token } }: ClientMessage): Promise<void> {
    if (typeof token !== 'string') throw bad('auth has "token", a key or a token', ref)
    // Who they are is said in time: what it takes to look at it is not theirs.
    clearTimeout(this.#timer)
    const { credentials } = this.#parts.service
    const caller = await credentials.callerOf({ from: 'header', text: token })
    if (this.#requests !== undefined) {
      // An open service asks nobody who they are.
      if (credentials.configured) this.#requests.renew(caller)
      this.#requests.tellHolder(ref)
      return
    }
    if (!(await this.#takePlace(caller))) return
    const requests = this.#admit(caller)
    requests?.tellHolder(ref)
    await this.#begin(requests)
  }

  /** Says what was wrong with a request, and ends the connection where that is enough. */
  #failed(error: unknown, asked: Ref | undefined): void {
    const { answer, ref } =
      error instanceof BadMessage ? error : { answer: this.#known(error), ref: asked }
    // Who is not known yet has one try.
    if (this.#requests === undefined) {
      this.#refuse(answer, ref)
      return
    }
    this.#tell(errorMessage(answer, ref))
    const isBad = error instanceof BadMessage || isCode(error, 'RINGCAST_INVALID_CREDENTIAL')
    if (isBad && ++this.#badMessages > maxBadMessages) this.#end(closeCodes.badMessage)
  }

  #tell(told: object): void {
    if (this.#requests === undefined) this.transport.write(joined([message(told)]))
    else this.#requests.tell(told)
  }

  #known(error: unknown): RingcastError {
    if (error instanceof RingcastError) return error
    this.#parts.log.error(error, 'a request over WebSocket failed')
    return new RingcastError('RINGCAST_INTERNAL', 'a fault of the service; the log has it')
  }

  #refuse(error: unknown, ref: Ref | undefined): void {
    const known = this.#known(error)
    this.#tell(errorMessage(known, ref))
    this.#end(closeCodeOf(known))
  }

  #overflow(): void {
    const isStranger = this.#requests === undefined
    if (this.#inbox.closed) this.transport.destroy()
    else this.#end(isStranger ? closeCodes.badMessage : closeCodes.overLimit)
  }

  /** Hears no more of its client, and ends the connection. */
  #end(code: CloseCode): void {
    this.refuse()
    this.transport.close(code)
  }

  #over(): void {
    this.#closed = true
    clearTimeout(this.#timer)
    this.#inbox.close()
    if (this.#owner !== undefined) this.#parts.service.streamPlaces.giveBack(this.#owner)
    this.#owner = undefined
    this.#parts.onClosed(this)
  }
}

function errorMessage(error: RingcastError, ref: Ref | undefined): object {
  const { code, message: text, details } = error
  return { type: 'error', ref, code, message: text, ...details }
}

/** The refusal of who has not said who they are. */
function unknown(): RingcastError {
  return new RingcastError(
    'RINGCAST_UNAUTHENTICATED',
    'who is this? Say {"type":"auth","token":"…"} first, or connect with a ticket, a session or "Authorization"',
  )
}

function isCode(error: unknown, code: ErrorCode): boolean {
  return error instanceof RingcastError && error.code === code
}

/** What a connection is closed with whose beginning fails. */
function closeCodeOf({ code, statusCode }: RingcastError): CloseCode {
  if (code === 'RINGCAST_REVOKED') return closeCodes.ended
  if (statusCode === 401 || statusCode === 403) return closeCodes.badCredentials
  return statusCode >= 500 ? closeCodes.overLimit : closeCodes.badMessage
}
