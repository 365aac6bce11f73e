import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import { RingcastError } from '../errors.js'
import { pushOperation } from '../openapi/event-operations.js'
import { publishersOnly } from './access.js'
import { addressOf, clientOf } from './client.js'
import { pushTypes, type Push } from './push-body.js'
import type { PushQuota } from './push-quota.js'
import type { Query } from './query.js'
import type { Service } from './service.js'

/** Where events are pushed to. */
export const pushPath = '/api/push'

/** `POST /api/push`: checks, appends to the log, answers. It never waits for a subscriber. */
export function pushRoute(app: FastifyInstance, service: Service): void {
  app.addContentTypeParser(
    Object.keys(pushTypes),
    { parseAs: 'buffer' },
    (_request: FastifyRequest, body: Buffer, done: (error: null, body: Buffer) => void) => {
      done(null, body)
    },
  )
  const { pushes, quota } = service
  const onRequest = [publishersOnly(service), ...quotaFirst(quota)]
  app.post(pushPath, { schema: pushOperation, onRequest }, async (request, reply) => {
    const push = readPush(request, service.maxEventBytes)
    const counted = quota?.count(
      clientOf(request.caller, () => addressOf(request)),
      push.drafts.length,
    )
    if (counted !== undefined) await counted
    const accepted = await pushes.push(request.caller, push)
    request.log.debug({ reqId: request.id, events: push.drafts.length }, 'pushed')
    return reply.code(202).send(accepted)
  })
}

/** Says which media types a push may have; the answer to any other. */
export function unsupportedMediaType(given: string | undefined): RingcastError {
  const types = Object.keys(pushTypes).join(', ')
  const what =
    given === undefined ? 'no content type' : `content type ${JSON.stringify(given.slice(0, 100))}`
  return new RingcastError(
    'RINGCAST_UNSUPPORTED_MEDIA_TYPE',
    `${what}: a push is ${types}, in UTF-8 (curl --json '…', or curl -H 'Content-Type: text/plain' -d '…')`,
  )
}

/** A client that may not push even one event more is refused before its body is read. */
function quotaFirst(quota: PushQuota | undefined): onRequestHookHandler[] {
  if (quota === undefined) return []
  return [
    (request, _reply, done) => {
      const refusal = quota.refusal(
        clientOf(request.caller, () => addressOf(request)),
        1,
      )
      if (refusal instanceof Promise) refusal.then(done, done)
      else done(refusal)
    },
  ]
}

function readPush(request: FastifyRequest, maxEventBytes: number): Push {
  const given = request.headers['content-type']
  const [type = '', ...rest] = (given ?? '').toLowerCase().split(';')
  const read = pushTypes[type.trim()]
  const charset = rest.map((text) => /^\s*charset\s*=\s*"?([^"\s]*)/.exec(text)?.[1]).find(Boolean)
  if (read === undefined || !['utf-8', 'utf8', 'us-ascii', undefined].includes(charset)) {
    throw unsupportedMediaType(given)
  }
  const body = Buffer.isBuffer(request.body) ? request.body : Buffer.alloc(0)
  return read(body, request.query as Query, maxEventBytes)
}
