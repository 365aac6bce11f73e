import type { FastifyInstance } from 'fastify'
import { parseEventId, type Place } from '../hub/event-id.js'
import type { FoundEvent } from '../hub/find-event.js'
import type { TracedEvent } from '../hub/trace.js'
import { pageLimits } from '../limits/request-limits.js'
import { traceOperation } from '../openapi/admin-operations.js'
import { parametersOf } from '../openapi/operation.js'
import type { Trace } from '../peers/trace-rows.js'
import { administratorsOnly } from './access.js'
import { checkNames, integer, invalidQuery, single, user, type Query } from './query.js'
import type { Service } from './service.js'
import { summaryOf, type Asked, type AskedEvent } from './trace-summary.js'

/** `GET /api/trace`: where an event has got to, or what befell the streams of a user. */
export function traceRoute(app: FastifyInstance, service: Service): void {
  const options = { schema: traceOperation, onRequest: administratorsOnly(service) }
  app.get('/api/trace', options, async (request) => {
    const query = request.query as Query
    checkNames(query, parametersOf(traceOperation))
    const id = single(query, 'event')
    const names = { user: user(query), stream: single(query, 'stream') }
    const limit = integer(query, 'limit', pageLimits) ?? pageLimits.default
    if ([id, names.user, names.stream].every((name) => name === undefined)) {
      throw invalidQuery('event', '"event", "user" or "stream" is needed, or several of them')
    }
    const event = id === undefined ? undefined : await find(service, id)
    const asked = { ...names, event }
    const trace = await traceOf(service, asked, limit)
    const { streams, ended, silent } = trace
    return {
      event: event === undefined ? null : fieldsOf(event),
      streams: streams.rows,
      ended: ended.rows,
      summary: summaryOf(asked, trace, service.hub.head),
      total: streams.total + ended.total,
      ...(silent === 0 ? {} : { silent }),
    }
  })
}

async function find({ hub }: Service, id: string): Promise<AskedEvent> {
  const at = parseEventId(id)
  if (at !== undefined) return { id, at, ...(await hub.find(at)) }
  const example = hub.head === undefined ? '' : `, such as ${hub.head}`
  throw invalidQuery(
    'event',
    `"event" is the id of an event, as a push is answered: <epoch>-<sequence>${example}`,
  )
}

/** Asks all processes; of an event that there is none of, nothing became of it anywhere. */
async function traceOf(
  { peers }: Service,
  { event, ...names }: Asked,
  limit: number,
): Promise<Trace & { readonly silent: number }> {
  const traced = event && tracedOf(event.at, event)
  if (traced === undefined && names.user === undefined && names.stream === undefined) {
    const none = { rows: [], total: 0, outcomes: {} }
    return { streams: none, ended: none, silent: 0 }
  }
  return peers.trace({ ...names, event: traced, limit })
}

function tracedOf(
  { epoch, sequence }: Place,
  { place, event }: FoundEvent,
): TracedEvent | undefined {
  if (place === 'evicted') return { epoch, sequence }
  if (event === undefined) return undefined
  const { topics, users, time } = event
  return { epoch, sequence, topics, users, time }
}

function fieldsOf({ id, place, event }: AskedEvent): object {
  if (event === undefined) return { id, place }
  const { topics, users, event: name, key, time } = event
  return {
    id,
    place,
    ...(topics.length > 0 ? { topics } : {}),
    ...(users.length > 0 ? { users } : {}),
    ...(name === undefined ? {} : { event: name }),
    ...(key === undefined ? {} : { key }),
    time,
  }
}
