import type { FastifyBaseLogger } from 'fastify'
import type { Caller } from '../auth/caller.js'
import { checkMayPublish, checkSubscribe } from '../auth/grants.js'
import { RingcastError } from '../errors.js'
import { checkEvent } from '../hub/event.js'
import type { Hub } from '../hub/hub.js'
import type { StartRequest } from '../hub/resume.js'
import type { Stream } from '../hub/stream.js'
import type { MoreRequest } from '../hub/subscriptions.js'
import { isReserved } from '../hub/topic.js'
import type { WebSocketTransport } from '../transports/websocket-transport.js'
import { joined, message, replayedEvent } from '../wire/websocket.js'
import { clientOf } from './client.js'
import type { ClientMessage, Ref } from './client-messages.js'
import { checkTopics, mixedTopics } from './query.js'
import { hubOf, type Service } from './service.js'
import { topicsOf, type Subscription } from './websocket-query.js'

/** How many pushes of one connection may be on their way into the log at once. */
const maxPushes = 64

/** What a client's requests are answered with. */
export interface StreamRequestParts {
  readonly service: Service
  readonly log: FastifyBaseLogger
  readonly transport: WebSocketTransport
  /** Told of a request that fails after it was answered as far as others have to wait for it. */
  readonly failed: (error: unknown, ref: Ref | undefined) => void
}

/** Answers what is asked of a stream over WebSocket: by whose it is, and what is granted to them. */
export class StreamRequests {
  readonly #parts: StreamRequestParts
  readonly #stream: Stream
  #hub: Hub
  #caller: Caller
  #pushes = 0

  /** @param stream of the hub of all that is pushed; its client may choose the other one. */
  constructor(parts: StreamRequestParts, stream: Stream, caller: Caller) {
    this.#parts = parts
    this.#stream = stream
    this.#caller = caller
    this.#hub = parts.service.hub
  }

  /**
   * Answers a request. It resolves when the next one may be answered.
   *
   * @throws RingcastError, BadMessage.
   */
  async answer(asked: ClientMessage): Promise<void> {
    // Nothing is done for who is on the way out: the bye is the answer.
    if (this.#stream.state === 'ended' || this.#stream.farewell !== undefined) return
    switch (asked.type) {
      case 'subscribe':
        return this.#subscribe(asked)
      case 'unsubscribe':
        this.#unsubscribe(asked)
        return
      case 'push':
        return this.#push(asked)
      default:
        this.ok(asked.ref)
    }
  }

  /** Notes that the connection is being closed for what its client has said. */
  refused(): void {
    this.#hub.refused(this.#stream)
  }

  /** Says that a request is done. */
  ok(ref: Ref | undefined, answer: object = {}): void {
    this.tell({ type: 'ok', ref, ...answer })
  }

  /** Says something. */
  tell(told: object): void {
    this.#hub.tell(this.#stream, joined([message(told)]))
  }

  /** Says whose the stream is, and until when. */
  tellHolder(ref: Ref | undefined): void {
    const { user, expiresAt } = this.#caller
    const expires = expiresAt === undefined ? null : new Date(expiresAt).toISOString()
    this.ok(ref, { user: user ?? null, expires })
  }

  /**
   * Goes on by another credential of the same user, which grants what is subscribed to.
   *
   * @throws RingcastError `RINGCAST_FORBIDDEN`.
   */
  renew(caller: Caller): void {
    if (caller.user !== this.#caller.user) {
      throw new RingcastError(
        'RINGCAST_FORBIDDEN',
        'this connection is of another user, or of none: open another one',
      )
    }
    checkSubscribe(caller, this.#stream.filter.topics)
    this.#caller = caller
    this.#hub.renew(this.#stream, caller.expiresAt)
  }

  /**
   * Subscribes for the first time, which sets the cursor of the stream.
   *
   * @throws RingcastError `RINGCAST_FORBIDDEN`, `RINGCAST_INVALID_TOPIC`, `RINGCAST_LOG_UNAVAILABLE`.
   */
  async begin({ topics, ...start }: Subscription): Promise<void> {
    const stream = this.#stream
    checkSubscribe(this.#caller, topics)
    checkStart(topics, start)
    const hub = hubOf(this.#parts.service, topics)
    await hub.reach(start)
    const request = { topics, user: stream.user, ...start }
    const startAt = await hub.startOfLast(request)
    if (stream.state === 'ended') return
    if (hub !== this.#hub) {
      // Who goes over now would miss the goodbye of both.
      if (hub.draining) throw draining()
      this.#hub.handOver(stream, hub)
      this.#parts.transport.attach(hub, stream)
      this.#hub = hub
    }
    hub.subscriptions.begin(stream, topics, { ...start, startAt })
  }

  async #subscribe(asked: ClientMessage): Promise<void> {
    const stream = this.#stream
    const { topics, ...start } = topicsOf(asked)
    if (!stream.begun) {
      await this.begin({ topics, ...start })
      this.ok(asked.ref, { topics: stream.filter.topics })
      return
    }
    const all = [...new Set([...stream.filter.topics, ...topics])]
    checkTopics(all, 'topics')
    if (hubOf(this.#parts.service, topics) !== this.#hub) throw mixedTopics('topics')
    checkSubscribe(this.#caller, topics)
    checkStart(topics, start)
    if (start.lastEventId === undefined && start.last === undefined) {
      this.#hub.subscriptions.add(stream, all)
      this.ok(asked.ref, { topics: stream.filter.topics })
      return
    }
    await this.#hub.reach(start)
    await this.#replay(asked.ref, { more: topics, topics: all, ...start })
  }

  #replay(ref: Ref | undefined, request: MoreRequest): Promise<void> {
    return new Promise((resolve) => {
      const words = {
        event: replayedEvent,
        gap: (hole: object) => message({ type: 'gap', ...hole, replay: true, ref }),
        done: () => {
          resolve()
          return message({ type: 'ok', ref, topics: this.#stream.filter.topics })
        },
      }
      this.#hub.subscriptions.replay(this.#stream, request, words, (error) => {
        this.#parts.failed(error, ref)
        resolve()
      })
    })
  }

  #unsubscribe(asked: ClientMessage): void {
    const gone = new Set(topicsOf(asked).topics)
    const left = this.#stream.filter.topics.filter((topic) => !gone.has(topic))
    if (this.#stream.begun) this.#hub.subscriptions.change(this.#stream, left)
    this.ok(asked.ref, { topics: left })
  }

  /** Pushes an event; only where many are on their way already does the next request wait for it. */
  async #push({ ref, fields }: ClientMessage): Promise<void> {
    const { service, log, transport } = this.#parts
    const failed = (error: unknown): void => {
      if (error instanceof RingcastError) service.pushRefused(error.code)
      this.#parts.failed(error, ref)
    }
    let pushed
    try {
      checkMayPublish(this.#caller)
      const draft = checkEvent(fields, service.maxEventBytes)
      await service.quota?.count(
        clientOf(this.#caller, () => transport.address),
        1,
      )
      pushed = service.pushes.push(this.#caller, { drafts: [draft], single: true })
    } catch (error) {
      failed(error)
      return
    }
    this.#pushes++
    const answered = pushed
      .then((accepted) => {
        log.debug({ events: 1 }, 'pushed')
        this.ok(ref, accepted)
      }, failed)
      .finally(() => this.#pushes--)
    if (this.#pushes >= maxPushes) await answered
  }
}

function draining(): RingcastError {
  return new RingcastError(
    'RINGCAST_DRAINING',
    'this node is shutting down: connect to another, or in a moment',
    { retryAfterSeconds: 1 },
  )
}

function checkStart(topics: readonly string[], { lastEventId, last }: StartRequest): void {
  if (lastEventId === undefined && last === undefined) return
  if (!topics.some(isReserved)) return
  throw new RingcastError(
    'RINGCAST_INVALID_TOPIC',
    '$sys topics are not in the log: there is nothing to resume or replay',
    { path: lastEventId === undefined ? 'last' : 'lastEventId' },
  )
}
