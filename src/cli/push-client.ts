import { backOff } from '../back-off.js'
import { say, type Io } from './io.js'
import type { PendingEvent } from './line-batches.js'
import {
  ConnectionLost,
  parseObject,
  readRefusal,
  readText,
  request,
  isUntrusted,
  unreachable,
} from './service.js'
import type { Refusal, Service } from './service.js'

/** Whoever brings events to a service, and what it needs for that. */
export interface Courier {
  readonly io: Io
  readonly service: Service
  /** For how many milliseconds one outage is waited out; 0 for not at all. */
  readonly retryForMs: number
  /** Aborted, it ends the waiting; a request on its way is still waited for. */
  readonly stop: AbortSignal
  /** Whether the outage that goes on was told already. */
  outageTold: boolean
}

/** What became of a batch. Events are accepted in order, so `ids` are those of the first ones. */
export interface Delivery {
  readonly ids: readonly string[]
  /** Why not all were accepted: one line, naming the line of the input where one is at fault. */
  readonly failure?: string
}

type Answer = { readonly ids: readonly string[] } | Refusal

const unanswered = 0
/** The same, where waiting is of no use. */
const hopeless = -1
const attemptMs = 60_000
const firstWaitMs = 250
const longestWaitMs = 10_000

/**
 * Brings a batch to the service, again and again while it can't be reached or is busy. The service
 * refuses a batch whole: what stands before the event at fault is brought once more without it,
 * so that what was accepted never depends on where batches were cut. A batch that is too large for
 * the service goes in halves.
 */
export async function deliver(courier: Courier, batch: readonly PendingEvent[]): Promise<Delivery> {
  const answer = await send(courier, `[${batch.map(({ json }) => json).join(',')}]`)
  if ('ids' in answer) return answer
  if (answer.status === 413 && answer.index === undefined && batch.length > 1) {
    return deliverHalves(courier, batch)
  }
  const at = faultIn(batch, answer)
  const before = at ? await deliver(courier, batch.slice(0, at)) : { ids: [] }
  if (before.failure !== undefined) return before
  const line = at === undefined ? undefined : batch[at]?.line
  const failure = line === undefined ? answer.message : `line ${line}: ${answer.message}`
  return { ids: before.ids, failure }
}

/** Which event of a batch is at fault, from 0; undefined where it is not one of them. */
function faultIn(batch: readonly PendingEvent[], answer: Refusal): number | undefined {
  const { index, status } = answer
  if (index !== undefined) return index in batch ? index : undefined
  const aboutEvents = status >= 400 && status < 500 && status !== 401 && !mayPass(answer)
  return batch.length === 1 && aboutEvents ? 0 : undefined
}

/** Brings one event to the service, as `deliver` does. */
export async function deliverOne(courier: Courier, json: string): Promise<Delivery> {
  const answer = await send(courier, json)
  return 'ids' in answer ? answer : { ids: [], failure: answer.message }
}

async function deliverHalves(courier: Courier, batch: readonly PendingEvent[]): Promise<Delivery> {
  const middle = batch.length >> 1
  const first = await deliver(courier, batch.slice(0, middle))
  if (first.failure !== undefined) return first
  const second = await deliver(courier, batch.slice(middle))
  return { ...second, ids: [...first.ids, ...second.ids] }
}

async function send(courier: Courier, body: string): Promise<Answer> {
  const { io, service, retryForMs, stop } = courier
  let outageSince: number | undefined
  for (let attempt = 0; ; attempt += 1) {
    const answer = await post(service, body)
    if ('ids' in answer) {
      if (attempt === 0) courier.outageTold = false
      return answer
    }
    if (!mayPass(answer) || stop.aborted || retryForMs === 0) return answer
    const now = io.now()
    outageSince ??= now
    const wait =
      (answer.retryAfterMs ?? 0) + backOff(io.random(), attempt, firstWaitMs, longestWaitMs)
    if (now + wait > outageSince + retryForMs) {
      return {
        ...answer,
        message: `gave up after ${seconds(now - outageSince)}: ${answer.message}`,
      }
    }
    if (!courier.outageTold) say(io, `${answer.message}; trying again for ${seconds(retryForMs)}`)
    courier.outageTold = true
    await io.sleep(wait, stop)
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it changes while awaited
    if (stop.aborted) return answer
  }
}

async function post(service: Service, body: string): Promise<Answer> {
  const signal = AbortSignal.timeout(attemptMs)
  try {
    const response = await request(`${service.base}/api/push`, {
      method: 'POST',
      headers: { ...service.headers, 'content-type': 'application/json' },
      body,
      signal,
    })
    if (response.status !== 202) return await readRefusal(response, signal)
    return { ids: idsOf(await readText(response, signal)) }
  } catch (error) {
    if (signal.aborted) {
      return { status: unanswered, message: `no answer within ${seconds(attemptMs)}` }
    }
    if (!(error instanceof ConnectionLost)) throw error
    return {
      status: isUntrusted(error) ? hopeless : unanswered,
      message: unreachable(service, error),
    }
  }
}

/** The service will answer otherwise later; or a proxy on the way to it, which has lost it. */
function mayPass({ status }: Refusal): boolean {
  return [unanswered, 429, 502, 503, 504].includes(status)
}

function idsOf(text: string): readonly string[] {
  const { id, ids } = parseObject(text) ?? {}
  return Array.isArray(ids) ? ids.map(String) : [String(id)]
}

function seconds(ms: number): string {
  return `${Math.round(ms / 100) / 10} s`
}
