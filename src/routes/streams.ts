import type { FastifyInstance } from 'fastify'
import { RingcastError } from '../errors.js'
import { isPattern } from '../hub/topic.js'
import { pageLimits, streamSorts, topicSorts } from '../limits/request-limits.js'
import {
  endStreamOperation,
  endStreamsOfUserOperation,
  streamsOperation,
  topicsOperation,
} from '../openapi/admin-operations.js'
import { parametersOf } from '../openapi/operation.js'
import type { PageRequest } from '../peers/page.js'
import { administratorsOnly } from './access.js'
import { checkNames, integer, oneOf, single, user as userOf, type Query } from './query.js'
import { hubOf, type Service } from './service.js'

/**
 * `GET /api/streams` and `/api/topics`, and the deletions that end streams: of all processes that
 * serve the log. How many of them did not answer in time is told as `silent`, if any.
 */
export function streamRoutes(app: FastifyInstance, service: Service): void {
  const { peers } = service
  const onRequest = administratorsOnly(service)

  app.get('/api/streams', { schema: streamsOperation, onRequest }, async (request) => {
    const query = request.query as Query
    checkNames(query, parametersOf(streamsOperation))
    const { items, total, after, silent } = await peers.streams({
      user: userOf(query),
      topic: single(query, 'topic'),
      node: single(query, 'node'),
      ...pageRequest(query, oneOf(query, 'sort', streamSorts) ?? streamSorts[0]),
    })
    return { streams: items, total, after, ...told(silent) }
  })

  app.get('/api/topics', { schema: topicsOperation, onRequest }, async (request) => {
    const query = request.query as Query
    checkNames(query, parametersOf(topicsOperation))
    const wanted = pageRequest(query, oneOf(query, 'sort', topicSorts) ?? topicSorts[0])
    const { items, total, after, silent } = await peers.topics(single(query, 'topic'), wanted)
    const topics = items.map((row) => ({ ...row, last: lastOf(service, row.topic) }))
    return { topics, total, after, ...told(silent) }
  })

  const endStream = { schema: endStreamOperation, onRequest }
  app.delete('/api/streams/:id', endStream, async (request, reply) => {
    checkNames(request.query as Query, [])
    const { id } = request.params as { id: string }
    const { found, silent } = await peers.endStream(id)
    if (found) return reply.code(204).send()
    const where = silent === 0 ? '' : `, as far as is known: ${silent} did not answer`
    throw new RingcastError('RINGCAST_STREAM_NOT_FOUND', `no open stream has this id${where}`)
  })

  const endStreamsOfUser = { schema: endStreamsOfUserOperation, onRequest }
  app.delete('/api/users/:user/streams', endStreamsOfUser, async (request) => {
    const query = request.query as Query
    checkNames(query, parametersOf(endStreamsOfUserOperation))
    const revoke = oneOf(query, 'revoke', ['true', 'false']) !== 'false'
    const { user } = request.params as { user: string }
    const { revocations } = service.credentials
    const revokedUntil = revoke ? revocations.second : undefined
    // It counts here at once, and with the others as they are asked. What is kept is for those who
    // could not be, and for later.
    const kept = revoke ? revocations.revoke(user, revokedUntil) : undefined
    const [{ ended, silent }] = await Promise.all([
      peers.endStreamsOf({ user, revokedUntil }),
      kept,
    ])
    request.log.info({ user, revoke, ended, ...told(silent) }, 'streams of a user ended')
    return { ended, ...told(silent) }
  })
}

function told(silent: number): { silent?: number } {
  return silent === 0 ? {} : { silent }
}

function pageRequest(query: Query, sort: string): PageRequest {
  return {
    sort,
    limit: integer(query, 'limit', pageLimits) ?? pageLimits.default,
    after: single(query, 'after'),
  }
}

function lastOf(service: Service, topic: string): string | null {
  const hub = hubOf(service, [topic])
  const sequences = isPattern(topic) ? undefined : hub.ring.ofTopic(topic)
  return sequences === undefined ? null : (hub.idOfSequence(sequences.last) ?? null)
}
