import type { FastifyInstance } from 'fastify'
import { RingcastError } from '../errors.js'
import { isPattern } from '../hub/topic.js'
import type { PageRequest } from '../peers/page.js'
import { administratorsOnly } from './access.js'
import { checkNames, integer, oneOf, single, user as userOf, type Query } from './query.js'
import { hubOf, type Service } from './service.js'

const maxLimit = 1000
const defaultLimit = 100
const streamSorts = ['-lag', 'lag', '-bytes', 'bytes', '-since', 'since'] as const
const topicSorts = ['-streams', 'streams', 'topic', '-topic'] as const

/**
 * `GET /api/streams` and `/api/topics`, and the deletions that end streams: of all processes that
 * serve the log. How many of them did not answer in time is told as `silent`, if any.
 */
export function streamRoutes(app: FastifyInstance, service: Service): void {
  const { peers } = service
  const admin = { onRequest: administratorsOnly(service) }

  app.get('/api/streams', admin, async (request) => {
    const query = request.query as Query
    checkNames(query, ['user', 'topic', 'node', 'sort', 'limit', 'after'])
    const { items, total, after, silent } = await peers.streams({
      user: userOf(query),
      topic: single(query, 'topic'),
      node: single(query, 'node'),
      ...pageRequest(query, oneOf(query, 'sort', streamSorts) ?? '-lag'),
    })
    return { streams: items, total, after, ...told(silent) }
  })

  app.get('/api/topics', admin, async (request) => {
    const query = request.query as Query
    checkNames(query, ['topic', 'sort', 'limit', 'after'])
    const wanted = pageRequest(query, oneOf(query, 'sort', topicSorts) ?? '-streams')
    const { items, total, after, silent } = await peers.topics(single(query, 'topic'), wanted)
    const topics = items.map((row) => ({ ...row, last: lastOf(service, row.topic) }))
    return { topics, total, after, ...told(silent) }
  })

  app.delete('/api/streams/:id', admin, async (request, reply) => {
    checkNames(request.query as Query, [])
    const { id } = request.params as { id: string }
    const { found, silent } = await peers.endStream(id)
    if (found) return reply.code(204).send()
    const where = silent === 0 ? '' : `, as far as is known: ${silent} did not answer`
    throw new RingcastError('RINGCAST_STREAM_NOT_FOUND', `no open stream has this id${where}`)
  })

  app.delete('/api/users/:user/streams', admin, async (request) => {
    const query = request.query as Query
    checkNames(query, ['revoke'])
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
    limit: integer(query, 'limit', { min: 1, max: maxLimit }) ?? defaultLimit,
    after: single(query, 'after'),
  }
}

function lastOf(service: Service, topic: string): string | null {
  const hub = hubOf(service, [topic])
  const sequences = isPattern(topic) ? undefined : hub.ring.ofTopic(topic)
  return sequences === undefined ? null : (hub.idOfSequence(sequences.last) ?? null)
}
