import type { FastifyInstance, FastifyRequest, onRequestHookHandler } from 'fastify'
import type { Caller } from '../auth/caller.js'
import { checkPublish } from '../auth/grants.js'
import { RingcastError } from '../errors.js'
import type { Receipt } from '../hub/event-log.js'
import type { Hub } from '../hub/hub.js'
import { publishersOnly } from './access.js'
import { pushTypes, type Push } from './push-body.js'
import { PushQuota } from './push-quota.js'
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
  const { pushes } = service
  const quota = pushes === undefined ? undefined : new PushQuota(pushes, service.hub.stats, app.log)
  const onRequest = [publishersOnly(service), ...quotaFirst(quota)]
  app.post(pushPath, { onRequest }, async (request, reply) => {
    const push = readPush(request, service.maxEventBytes)
    const counted = quota?.count(request, push.drafts.length)
    if (counted !== undefined) await counted
    await endOfTurn()
    const receipts = await publish(service.hub, request.caller, push)
    request.log.debug({ events: push.drafts.length }, 'pushed')
    return reply.code(202).send(answer(service.hub, push, receipts))
  })
}

let turnEnds: Promise<void> | undefined

/**
 * Resolves when the event loop has read all that is ready to be read, so that pushes which come
 * together are appended and answered together. The targeted shape pays for it: a write to a process
 * that sleeps wakes it, and that takes longer than all the rest of the write; of many writes in a
 * row only the first meets it asleep.
 */
function endOfTurn(): Promise<void> {
  turnEnds ??= new Promise((resolve) => {
    setImmediate(() => {
      turnEnds = undefined
      resolve()
    })
  })
  return turnEnds
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
      const refusal = quota.refusal(request, 1)
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

async function publish(
  hub: Hub,
  caller: Caller,
  { drafts, single }: Push,
): Promise<readonly Receipt[]> {
  try {
    checkPublish(caller, drafts)
    return await hub.publish(drafts)
  } catch (error) {
    // Of a single event there is no place to name.
    if (single && error instanceof RingcastError) delete error.details.index
    throw error
  }
}

function answer(hub: Hub, { single }: Push, receipts: readonly Receipt[]): object {
  if (single) {
    const receipt = receipts[0]!
    return { id: hub.idOf(receipt), ...(receipt.duplicate ? { duplicate: true } : {}) }
  }
  const duplicates = receipts.flatMap(({ duplicate }, index) => (duplicate ? [index] : []))
  return {
    ids: receipts.map((receipt) => hub.idOf(receipt)),
    ...(duplicates.length > 0 ? { duplicates } : {}),
  }
}
