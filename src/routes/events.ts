import type { IncomingMessage, ServerResponse } from 'node:http'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import Negotiator from 'negotiator'
import { checkSubscribe } from '../auth/grants.js'
import { RingcastError } from '../errors.js'
import type { Hub, SubscribeRequest } from '../hub/hub.js'
import type { WireFormat } from '../hub/wire-format.js'
import { isReserved } from '../hub/topic.js'
import { lastLimits } from '../limits/request-limits.js'
import type { StreamLimit, StreamOwner } from '../limits/stream-limits.js'
import { parametersOf } from '../openapi/operation.js'
import { eventsOperation } from '../openapi/stream-operations.js'
import { carrierOf, http2StreamOf } from '../transports/carrier.js'
import { Http2Transport } from '../transports/http2-transport.js'
import { SseTransport } from '../transports/sse-transport.js'
import { giveBackSocket, isTaken, takeSocket } from '../transports/taken-sockets.js'
import { TurnQueue } from '../transports/turn-queue.js'
import { sse, sseEnvelope } from '../wire/sse.js'
import { identified, userOf } from './access.js'
import { addressOf } from './client.js'
import {
  checkNames,
  integer,
  invalidQuery,
  oneOf,
  single,
  subscription,
  type Query,
} from './query.js'
import { rememberLast } from './remember-last.js'
import { hubOf, type Service } from './service.js'
import { turnedAwayTeller, type TurnedAway } from './turned-away.js'

const parameters = parametersOf(eventsOperation)

const headers = {
  'content-type': 'text/event-stream',
  // no-transform keeps proxies from compressing, and so from holding back, what goes through.
  'cache-control': 'no-cache, no-store, no-transform',
  'x-accel-buffering': 'no',
}

/** `GET /events`: the stream itself. `HEAD /events`: its head. */
export function eventsRoute(app: FastifyInstance, service: Service): void {
  const tellTurnedAway = turnedAwayTeller(app.log)
  // The storm shape pays for it: of a thousand requests that are ready in one turn of the event loop
  // each is read at once, and opened, which takes three times as long, in a slice of a later turn.
  const openings = new TurnQueue<Opening>((opening) => {
    const { request, wanted } = opening
    const hub = hubOf(service, wanted.topics)
    if (!mayOpen(service, hub, request)) return
    const owner = { user: wanted.user, address: addressOf(request) }
    const limit = service.streamPlaces.take(owner)
    if (limit instanceof Promise) placed.open(opening, owner, limit)
    else openStream(service, hub, tellTurnedAway, { ...opening, owner, limit })
  })
  const placed = new PlacedOpenings(service, tellTurnedAway)
  app.route({
    method: 'GET',
    url: '/events',
    schema: eventsOperation,
    // First of all that is done for the request: what is pipelined behind it must find it taken.
    onRequest: [
      (request, _reply, done) => {
        takeSocket(carrierOf(request.raw))
        done()
      },
      identified(service),
    ],
    onResponse: (request, _reply, done) => {
      giveBackSocket(carrierOf(request.raw))
      done()
    },
    errorHandler: stopRevoked,
    handler: (request, reply) => {
      checkAccept(request)
      const wanted = readRequest(service, request)
      const open = (startAt?: number): void => {
        reply.hijack()
        whenFirst(request.raw, reply.raw, () => {
          openings.add({ request, reply, wanted: { ...wanted, startAt } })
        })
      }
      // A status other than 200 would end a browser's EventSource for good.
      const close = (error: unknown): void => {
        if ((error as RingcastError).code !== 'RINGCAST_LOG_UNAVAILABLE') throw error
        reply.hijack()
        carrierOf(request.raw).destroy()
      }
      const hub = hubOf(service, wanted.topics)
      const reached = hub.reach(wanted)
      if (reached !== undefined) return reached.then(() => open(), close)
      const lookedUp = hub.startOfLast(wanted)
      if (lookedUp !== undefined) return lookedUp.then(open, close)
      open()
      return undefined
    },
  })
  app.head(
    '/events',
    { schema: eventsOperation, onRequest: identified(service), errorHandler: stopRevoked },
    (request, reply) => {
      checkAccept(request)
      readRequest(service, request)
      return reply.headers(headers).send()
    },
  )
}

/** A revoked client is told in the one way that makes an EventSource stop. */
function stopRevoked(error: FastifyError, _request: FastifyRequest, reply: FastifyReply): void {
  if (error.code !== 'RINGCAST_REVOKED') throw error
  reply.code(204).send()
}

/** A stream that is to be opened once its turn has come. */
interface Opening {
  readonly request: FastifyRequest
  readonly reply: FastifyReply
  readonly wanted: StreamRequest
}

/** The same with its place, or the limit that forbids one. */
interface PlacedOpening extends Opening {
  readonly owner: StreamOwner
  readonly limit: StreamLimit | undefined
}

/** Opens, in turns as well, the streams whose places another process counts. */
class PlacedOpenings {
  readonly #turns: TurnQueue<PlacedOpening>

  constructor(service: Service, tellTurnedAway: (stream: TurnedAway) => void) {
    this.#turns = new TurnQueue<PlacedOpening>((opening) => {
      const hub = hubOf(service, opening.wanted.topics)
      if (mayOpen(service, hub, opening.request)) {
        openStream(service, hub, tellTurnedAway, opening)
      } else if (opening.limit === undefined) service.streamPlaces.giveBack(opening.owner)
    })
  }

  open(opening: Opening, owner: StreamOwner, limit: Promise<StreamLimit | undefined>): void {
    limit.then(
      (limit) => {
        this.#turns.add({ ...opening, owner, limit })
      },
      (error: unknown) => {
        const { id: reqId, log } = opening.request
        log.warn({ err: error, reqId }, 'whether there is place for a stream could not be asked')
        carrierOf(opening.request.raw).destroy()
      },
    )
  }
}

/** Whether a stream may be opened still, after it has waited; if not, its connection is closed. */
function mayOpen(service: Service, hub: Hub, { raw, caller }: FastifyRequest): boolean {
  // Gone while it waited: there will be no `close` to tell of it.
  const carrier = carrierOf(raw)
  if (carrier.destroyed) return false
  // A status other than 200 would end a browser's EventSource for good: it comes back to a node
  // that lives if its connection just closes.
  if (!hub.draining && !service.credentials.revocations.has(caller)) return true
  carrier.destroy()
  return false
}

function openStream(
  service: Service,
  hub: Hub,
  tellTurnedAway: (stream: TurnedAway) => void,
  { request, reply, wanted, owner, limit }: PlacedOpening,
): void {
  const carrier = carrierOf(request.raw)
  // One segment for head and opening, not two.
  carrier.cork()
  reply.raw.writeHead(200, { ...(reply.getHeaders() as Record<string, string>), ...headers })
  reply.raw.flushHeaders()
  const format = wanted.envelope ? sseEnvelope : sse
  const transport = takeOver(request.raw, reply.raw, format, owner.address)
  if (limit === undefined) {
    transport.attach(hub, hub.subscribe(wanted, transport, wanted.control))
  } else {
    tellTurnedAway({ setting: limit, ...owner })
    // Whatever it asked for: the figures are those of this hub.
    transport.attach(service.hub, service.hub.turnAway(transport, wanted.control))
  }
  carrier.uncork()
}

/** What a stream writes to from now on, behind the head. */
function takeOver(
  request: IncomingMessage,
  response: ServerResponse,
  format: WireFormat,
  address: string,
): SseTransport | Http2Transport {
  const http2 = http2StreamOf(request)
  if (http2 !== undefined) {
    request.resume()
    return new Http2Transport(http2, format, address)
  }
  // An HTTP/1.0 client gets a body that ends with the connection, unless it says that it takes chunks.
  const chunked = response.chunkedEncoding
  letGo(request, response)
  return new SseTransport(request.socket, chunked, format, address)
}

/** Goes on once every earlier request of the connection is answered, so that answers don't mix. */
function whenFirst(request: IncomingMessage, response: ServerResponse, go: () => void): void {
  if (http2StreamOf(request) !== undefined || response.socket === request.socket) go()
  else if (!request.socket.destroyed) response.once('socket', go)
}

const noHeaders = {}

/**
 * Lets go of what a stream needs no more, which Node would keep until its answer has ended: the
 * response with all that Fastify hangs on it, and the headers of the request, up to 16 KiB. The idle
 * shape pays for them.
 */
function letGo(request: IncomingMessage, response: ServerResponse): void {
  response.detachSocket(request.socket)
  // How long a stream may be silent is not for the server of requests to say.
  request.socket.setTimeout(0)
  request.rawHeaders = []
  request.headers = noHeaders
  // A body that came with the request is read and dropped, so that the end of the client is seen.
  request.resume()
}

/** What a client wants: of the log, and how it is to be told. */
interface StreamRequest extends SubscribeRequest {
  readonly envelope: boolean
  readonly control: boolean
}

function readRequest(service: Service, request: FastifyRequest): StreamRequest {
  const query = request.query as Query
  checkNames(query, parameters)
  const topics = subscription(query)
  checkSubscribe(request.caller, topics)
  const lastEventId = readLastEventId(request)
  const last = integer(query, 'last', lastLimits)
  if (isReserved(topics[0]!) && (lastEventId !== undefined || last !== undefined)) {
    throw invalidQuery(
      'lastEventId',
      '$sys topics are not in the log: there is nothing to resume or replay',
    )
  }
  return {
    topics,
    user: userOf(service, request),
    expiresAt: request.caller.expiresAt,
    requestId: request.id,
    lastEventId,
    last,
    envelope: oneOf(query, 'envelope', ['0', '1']) === '1',
    control: oneOf(query, 'control', ['on', 'off']) !== 'off',
  }
}

/** The id to resume from: the header's, else the query's; an empty one counts as none. */
export function readLastEventId(request: FastifyRequest): string | undefined {
  const header = request.headers['last-event-id']
  if (typeof header === 'string' && header !== '') return header
  return single(request.query as Query, 'lastEventId')
}

const acceptsEvents = rememberLast(
  (accept) =>
    new Negotiator({ headers: { accept } }).mediaType(['text/event-stream']) !== undefined,
)

function checkAccept({ headers: { accept } }: FastifyRequest): void {
  if (accept === undefined || acceptsEvents(accept)) return
  throw new RingcastError(
    'RINGCAST_NOT_ACCEPTABLE',
    'this route answers text/event-stream: ask with "Accept: text/event-stream" or without Accept',
  )
}

/** Whether a request came in behind a stream, on its connection; it must not be executed. */
export function isBehindStream(request: FastifyRequest): boolean {
  return isTaken(carrierOf(request.raw))
}
