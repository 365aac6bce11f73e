import type { EventEmitter } from 'node:events'
import type { Server } from 'node:http'
import websocketPlugin from '@fastify/websocket'
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { RingcastError } from '../errors.js'
import { webSocketOperation } from '../openapi/stream-operations.js'
import type { Pings } from '../transports/pings.js'
import { TurnQueue } from '../transports/turn-queue.js'
import { sortUpgrades } from '../transports/upgrades.js'
import { givenBy } from './access.js'
import { onClientError } from './answer-errors.js'
import { addressOf } from './client.js'
import { Conversation, type ConversationParts, type Handshake } from './conversation.js'
import { readLastEventId } from './events.js'
import type { Inbox } from './inbox.js'
import { tellUpgradeIds } from './request-ids.js'
import type { Service } from './service.js'
import { turnedAwayTeller } from './turned-away.js'

const path = '/ws'
/** The version of the protocol (RFC 6455 section 4.1). */
const version = '13'
/** What a message may have beside the data of an event: topics, and the rest of JSON, in bytes. */
const messageBytes = 128 * 1024
/** What a byte of data may take in JSON, as `\u0000`. */
const longestEscape = 6
/** A peer that does not answer a close frame for this long is cut off, in milliseconds. */
const closeTimeoutMs = 5000

declare module 'fastify' {
  interface FastifyRequest {
    /** What a handshake brought, as its route reads it. */
    handshake: Handshake | null
  }
}

/** All conversations of a process. */
export interface Conversations {
  /**
   * Ends those that are no streams; the hubs see to those that are. It resolves when all are gone.
   *
   * @param drainMs how long that may take; who is not gone by then is cut off.
   */
  drain(drainMs: number): Promise<void>
}

/** `GET /ws`: streams whose clients talk back, over WebSocket (RFC 6455). */
export async function websocketRoute(
  app: FastifyInstance,
  service: Service,
  pings: Pings,
): Promise<Conversations> {
  const open = new Set<Conversation>()
  let allClosed = (): void => {
    // Nobody waits for it yet.
  }
  const parts: ConversationParts = {
    service,
    log: app.log,
    turns: new TurnQueue<Inbox>((inbox) => {
      inbox.turn()
    }),
    maxMessageBytes: messageBytes + longestEscape * service.maxEventBytes,
    tellTurnedAway: turnedAwayTeller(app.log),
    onClosed: (conversation) => {
      open.delete(conversation)
      pings.remove(conversation.transport)
      if (open.size === 0) allClosed()
    },
  }
  // A scope of its own: what the plug-in does to routes, it does to this one alone.
  await app.register(async (scope) => {
    await scope.register(websocketPlugin, {
      options: {
        server: upgradesOf(app.server),
        clientTracking: false,
        maxPayload: 2 * parts.maxMessageBytes,
        maxFragments: 1024,
        closeTimeout: closeTimeoutMs,
      } as object,
      // Streams have said goodbye by then.
      preClose: (done) => {
        done()
      },
    })
    scope.websocketServer.on('wsClientError', onClientError)
    const tellIdOf = tellUpgradeIds(scope.websocketServer)
    scope.decorateRequest('handshake', null)
    // Nobody reads the connection of a handshake that was refused: its end would go unseen.
    scope.addHook('onResponse', (request, _reply, done) => {
      if (request.headers.upgrade !== undefined) request.raw.socket.destroySoon()
      done()
    })
    scope.route({
      method: 'GET',
      url: path,
      schema: webSocketOperation,
      onRequest: (request, reply, done) => {
        if (request.ws && service.hub.draining) {
          reply.hijack()
          request.raw.socket.destroy()
          return
        }
        try {
          if (request.ws) {
            checkVersion(request, reply)
            request.handshake = handshakeOf(service, request)
          }
          done()
        } catch (error) {
          done(error as Error)
        }
      },
      // The answer to a handshake is written by `ws`: this one, with all that hangs on it, is let go.
      preHandler: (request, reply, done) => {
        if (request.ws) {
          tellIdOf(request)
          reply.raw.detachSocket(request.raw.socket)
        }
        done()
      },
      handler: (_request, reply) => {
        reply.headers({ upgrade: 'websocket', connection: 'Upgrade' })
        throw new RingcastError('RINGCAST_UPGRADE_REQUIRED', 'this route is for WebSocket: ws://…')
      },
      wsHandler: (webSocket, { raw, handshake }) => {
        // The listener of the plug-in holds the request for as long as the connection lives.
        webSocket.removeAllListeners('error')
        // The types of `ws` have an interface by the name of its class, which the rule takes for another.
        // eslint-disable-next-line @typescript-eslint/no-unsafe-class-instance-assignment
        const conversation = new Conversation(parts, webSocket, raw.socket, handshake!)
        webSocket.on('error', (error) => {
          app.log.debug({ error: error.message }, 'a WebSocket connection broke the protocol')
          conversation.refuse()
        })
        open.add(conversation)
        pings.add(conversation.transport)
      },
    })
  })
  return {
    drain: async (drainMs) => {
      if (open.size === 0) return
      const closed = new Promise<void>((resolve) => (allClosed = resolve))
      const deadline = new Promise<void>((resolve) => setTimeout(resolve, drainMs).unref())
      for (const conversation of open) conversation.drain()
      await Promise.race([closed, deadline])
      for (const { transport } of open) transport.destroy()
    },
  }
}

/** Handshakes for this route; whatever else a client wants to speak, it is answered in HTTP/1.1. */
function upgradesOf(server: Server): EventEmitter {
  return sortUpgrades(
    server,
    ({ method, url, headers }) =>
      method === 'GET' &&
      url!.split('?', 1)[0] === path &&
      headers.upgrade!.toLowerCase() === 'websocket',
  )
}

/** @throws RingcastError `RINGCAST_UPGRADE_REQUIRED`, with the version that is (RFC 6455 section 4.4). */
function checkVersion({ headers }: FastifyRequest, reply: FastifyReply): void {
  if (headers['sec-websocket-version'] === version) return
  reply.header('sec-websocket-version', version)
  throw new RingcastError('RINGCAST_UPGRADE_REQUIRED', `this route speaks version ${version}`)
}

/**
 * What is needed of a handshake. A credential that is none is told over the connection, since a
 * browser shows a page neither status nor body of a handshake that is refused.
 *
 * @throws RingcastError `RINGCAST_ORIGIN_REFUSED`.
 */
function handshakeOf(service: Service, request: FastifyRequest): Handshake {
  const { id: requestId, query } = request
  const common = { requestId, address: addressOf(request), query }
  try {
    const lastEventId = readLastEventId(request)
    return { ...common, lastEventId, given: givenBy(service.credentials, service.origins, request) }
  } catch (error) {
    if (!(error instanceof RingcastError) || error.code === 'RINGCAST_ORIGIN_REFUSED') throw error
    return { ...common, lastEventId: undefined, given: error }
  }
}
