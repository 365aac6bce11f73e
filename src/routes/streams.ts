import type { FastifyInstance } from 'fastify'
import { RingcastError } from '../errors.js'
import type { Hub } from '../hub/hub.js'
import type { Stream } from '../hub/stream.js'
import { isPattern } from '../hub/topic.js'
import { administratorsOnly } from './access.js'
import { page } from './page.js'
import { checkNames, integer, oneOf, single, user, type Query } from './query.js'
import type { Service } from './service.js'

const maxLimit = 1000
const defaultLimit = 100

/** What one open stream looks like from outside. */
export interface StreamRow {
  readonly id: string
  readonly transport: string
  readonly user: string | null
  /** The client's address. */
  readonly address: string
  readonly topics: readonly string[]
  /** When it was opened: RFC 3339, UTC, milliseconds. */
  readonly since: string
  /** The id that its client would resume from; null where events have no ids. */
  readonly cursor: string | null
  /** How many events of the log, its own or not, it has still to pass. */
  readonly lag: number
  /** Bytes handed to its connection. */
  readonly bytes: number
  readonly state: string
}

/** `GET /api/streams` and `/api/topics`, and the deletions that end streams. */
export function streamRoutes(app: FastifyInstance, service: Service): void {
  const hubs = [service.hub, service.system]
  const admin = { onRequest: administratorsOnly(service) }

  app.get('/api/streams', admin, (request) => {
    const query = request.query as Query
    checkNames(query, ['user', 'topic', 'sort', 'limit', 'after'])
    const wantedUser = user(query)
    const topic = single(query, 'topic')
    const rows = hubs.flatMap((hub) =>
      [...hub.streams.values()]
        .filter((stream) => wantedUser === undefined || stream.user === wantedUser)
        .filter((stream) => topic === undefined || stream.filter.topics.includes(topic))
        .map((stream) => rowOf(hub, stream)),
    )
    const sort =
      oneOf(query, 'sort', ['-lag', 'lag', '-bytes', 'bytes', '-since', 'since']) ?? '-lag'
    const { items, total, after } = page(rows, sort, ({ id }) => id, pageRequest(query))
    return { streams: items, total, after }
  })

  app.get('/api/topics', admin, (request) => {
    const query = request.query as Query
    checkNames(query, ['topic', 'sort', 'limit', 'after'])
    const wanted = single(query, 'topic')
    const rows = hubs.flatMap((hub) =>
      [...hub.streams.topics()]
        .filter(([topic]) => wanted === undefined || topic === wanted)
        .map(([topic, streams]) => ({ topic, streams, last: lastOf(hub, topic) })),
    )
    const sort = oneOf(query, 'sort', ['-streams', 'streams', 'topic', '-topic']) ?? '-streams'
    const { items, total, after } = page(rows, sort, ({ topic }) => topic, pageRequest(query))
    return { topics: items, total, after }
  })

  app.delete('/api/streams/:id', admin, (request, reply) => {
    checkNames(request.query as Query, [])
    const { id } = request.params as { id: string }
    const found = hubs
      .map((hub) => ({ hub, stream: streamOf(hub, id) }))
      .find(({ stream }) => stream !== undefined)
    if (found?.stream === undefined) {
      throw new RingcastError(
        'RINGCAST_STREAM_NOT_FOUND',
        'no open stream of this node has this id',
      )
    }
    found.hub.end(found.stream, 'revoked', false)
    return reply.code(204).send()
  })

  app.delete('/api/users/:user/streams', admin, async (request) => {
    const query = request.query as Query
    checkNames(query, ['revoke'])
    const revoke = oneOf(query, 'revoke', ['true', 'false']) !== 'false'
    const params = request.params as { user: string }
    // First of all: what was ended comes back at once.
    const kept = revoke ? service.credentials.revocations.revoke(params.user) : undefined
    const ended = hubs.flatMap((hub) =>
      [...hub.streams.ofUser(params.user)].map((stream) => {
        hub.end(stream, revoke ? 'revoked' : 'rebalance', !revoke)
        return hub.streamId(stream)
      }),
    )
    await kept
    request.log.info({ user: params.user, revoke, ended: ended.length }, 'streams of a user ended')
    return { ended: ended.length }
  })
}

/** What `/api/streams` and `$sys/streams` say of a stream. */
export function rowOf(hub: Hub, stream: Stream): StreamRow {
  return {
    id: hub.streamId(stream),
    transport: stream.transport.kind,
    user: stream.user ?? null,
    address: stream.transport.address,
    topics: stream.filter.topics,
    since: new Date(stream.openedAt).toISOString(),
    cursor: hub.placeOf(stream) ?? null,
    lag: hub.lagOf(stream),
    bytes: stream.transport.bytesWritten,
    state: stream.state,
  }
}

function pageRequest(query: Query): { limit: number; after: string | undefined } {
  return {
    limit: integer(query, 'limit', { min: 1, max: maxLimit }) ?? defaultLimit,
    after: single(query, 'after'),
  }
}

function lastOf(hub: Hub, topic: string): string | null {
  const sequences = isPattern(topic) ? undefined : hub.ring.ofTopic(topic)
  return sequences === undefined ? null : (hub.idOfSequence(sequences.last) ?? null)
}

function streamOf(hub: Hub, id: string): Stream | undefined {
  const number = /\.(\d{1,15})$/.exec(id)?.[1]
  const stream = number === undefined ? undefined : hub.streams.get(Number(number))
  return stream !== undefined && hub.streamId(stream) === id ? stream : undefined
}
