import type { FastifyInstance } from 'fastify'
import { checkSubscribe } from '../auth/grants.js'
import { isReserved } from '../hub/topic.js'
import { lastLimits, pageLimits } from '../limits/request-limits.js'
import { historyOperation } from '../openapi/event-operations.js'
import { parametersOf } from '../openapi/operation.js'
import { envelopeJson } from '../wire/envelope.js'
import { identified, userOf } from './access.js'
import { readLastEventId } from './events.js'
import { checkNames, integer, invalidQuery, subscription, type Query } from './query.js'
import type { Service } from './service.js'

const parameters = parametersOf(historyOperation)

/** `GET /api/history`: what a stream would be sent, a page at a time, for clients that poll. */
export function historyRoute(app: FastifyInstance, service: Service): void {
  const options = { schema: historyOperation, onRequest: identified(service) }
  app.get('/api/history', options, async (request, reply) => {
    const query = request.query as Query
    checkNames(query, parameters)
    const topics = subscription(query)
    checkSubscribe(request.caller, topics)
    if (isReserved(topics[0]!)) throw invalidQuery('topic', '$sys topics have no history')
    const limit = integer(query, 'limit', pageLimits) ?? pageLimits.default
    const page = await service.hub.history(
      {
        topics,
        user: userOf(service, request),
        lastEventId: readLastEventId(request),
        last: integer(query, 'last', lastLimits) ?? limit,
      },
      limit,
    )
    const events = page.events.map(envelopeJson).join(',')
    const { last, more, gap = null } = page
    // The events are JSON already: they are put in as they are, not parsed to be written again.
    return reply
      .type('application/json; charset=utf-8')
      .send(`{"events":[${events}],${JSON.stringify({ last, more, gap }).slice(1)}`)
  })
}
