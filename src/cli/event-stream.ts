import type { EventSourceMessage } from 'eventsource-parser'
import { backOff } from '../back-off.js'
import { say, type Io } from './io.js'
import { ConnectionLost, parseObject, readRefusal, request, unreachable } from './service.js'
import type { Refusal, Service } from './service.js'
import { sseMessages } from './sse-reader.js'

/** A stream that is to be followed over all its reconnects. */
export interface Following {
  readonly io: Io
  readonly service: Service
  /** The query of `/events`. */
  readonly query: URLSearchParams
  /** Aborted, it ends the following. */
  readonly stop: AbortSignal
  onEvent(message: EventSourceMessage): Promise<void>
  /** `gap` is the control event, read. */
  onGap(message: EventSourceMessage, gap: Record<string, unknown>): Promise<void>
}

/** Why following ended, in one line, and with which exit code; undefined when `stop` ended it. */
export type Ending = { readonly exitCode: number; readonly reason: string } | undefined

/** What of a stream outlives its connections. */
interface Place {
  /** The last `id:` that came, of any event. */
  lastId: string
  /** What the service said last, or what an EventSource would take. */
  retryMs: number
  heartbeatMs: number
  /** Attempts since the last connection that was accepted. */
  failures: number
  everConnected: boolean
  lossTold: boolean
}

/** How one connection ended: for good, or to be opened again, after so long at least. */
type Outcome =
  | { readonly ending: NonNullable<Ending> }
  | { readonly lost: string; readonly afterMs?: number | undefined }

const longestWaitMs = 30_000
const silenceGraceMs = 5_000
const silenceCheckMs = 1_000
// What may pass while a service starts; a wrong name or a bad certificate stays.
const passing =
  /^(ECONN(REFUSED|RESET)|ETIMEDOUT|EPIPE|EAI_AGAIN|E(HOST|NET)UNREACH|UND_ERR_(SOCKET|\w+_TIMEOUT))$/

/**
 * Follows a stream: reconnects with the last id that came and as the service told (`retry:`), until
 * the service refuses it or ends it for good. What goes wrong on the way is said on standard error,
 * once an outage.
 */
export async function followStream(following: Following): Promise<Ending> {
  const { io, stop } = following
  const place: Place = {
    lastId: '',
    retryMs: 3_000,
    heartbeatMs: 15_000,
    failures: 0,
    everConnected: false,
    lossTold: false,
  }
  while (!stop.aborted) {
    const outcome = await connectOnce(following, place)
    // eslint-disable-next-line @typescript-eslint/no-unnecessary-condition -- it changes while awaited
    if (stop.aborted) return undefined
    if ('ending' in outcome) return outcome.ending
    if (!place.lossTold) say(io, `${outcome.lost}; trying again`)
    place.lossTold = true
    const jitter = backOff(io.random(), place.failures, place.retryMs, longestWaitMs)
    place.failures += 1
    await io.sleep(Math.max(place.retryMs, outcome.afterMs ?? 0) + jitter, stop)
  }
  return undefined
}

async function connectOnce(following: Following, place: Place): Promise<Outcome> {
  const { io, stop } = following
  const connection = new AbortController()
  const signal = AbortSignal.any([stop, connection.signal])
  const silence = watchSilence(io, place, connection)
  try {
    silence.onWaiting(true)
    const response = await open(following, place, signal)
    const refusal = await refusalOf(response, place, signal)
    if (refusal !== undefined) return refusal
    connected(io, place)
    const body = response.body as ReadableStream<Uint8Array> | null
    if (body === null) return { lost: 'the answer has no body' }
    const onRetry = (ms: number) => void (place.retryMs = ms)
    const { onWaiting } = silence
    for await (const message of sseMessages(body, signal, { onWaiting, onRetry })) {
      if (stop.aborted) break
      const outcome = await take(message, following, place)
      if (outcome !== undefined) return outcome
    }
    return { lost: 'the connection ended' }
  } catch (error) {
    return lossOf(error, following, place)
  } finally {
    silence.end()
    connection.abort()
  }
}

function open(following: Following, place: Place, signal: AbortSignal): Promise<Response> {
  const { service, query } = following
  const headers = {
    ...service.headers,
    accept: 'text/event-stream',
    'cache-control': 'no-cache',
    ...(place.lastId !== '' && { 'last-event-id': place.lastId }),
  }
  return request(`${service.base}/events?${query.toString()}`, { headers, signal })
}

/** What an answer that is no event stream means. */
async function refusalOf(
  response: Response,
  place: Place,
  signal: AbortSignal,
): Promise<Outcome | undefined> {
  const type = response.headers.get('content-type') ?? 'no content type'
  if (response.status === 200 && /^text\/event-stream\b/i.test(type)) return undefined
  if (response.status === 204) return ended('the credential was revoked (204)')
  if (response.status < 400) {
    const answer = `the answer is ${response.status} with ${type}, not an event stream`
    return place.everConnected ? { lost: answer } : ended(answer)
  }
  const refusal = await readRefusal(response, signal)
  return isFinal(refusal)
    ? ended(refusal.message)
    : { lost: refusal.message, afterMs: refusal.retryAfterMs }
}

function isFinal({ status }: Refusal): boolean {
  return status < 500 && status !== 408 && status !== 429
}

function connected(io: Io, place: Place): void {
  if (place.lossTold) say(io, 'connected')
  place.lossTold = false
  place.everConnected = true
  place.failures = 0
}

async function take(
  message: EventSourceMessage,
  following: Following,
  place: Place,
): Promise<Outcome | undefined> {
  // What a header cannot carry is no id of the service.
  if (message.id !== undefined && /^[\x20-\x7e]*$/.test(message.id)) place.lastId = message.id
  if (message.event !== 'ringcast') {
    await following.onEvent(message)
    return undefined
  }
  const control = parseObject(message.data) ?? {}
  switch (control['type']) {
    case 'open': {
      const { heartbeatMs } = control
      if (typeof heartbeatMs === 'number' && heartbeatMs > 0) place.heartbeatMs = heartbeatMs
      return undefined
    }
    case 'gap':
      await following.onGap(message, control)
      return undefined
    case 'bye': {
      const reason = `the service ended the stream (${String(control['reason'])})`
      return control['reconnect'] === false ? ended(reason, 0) : { lost: reason }
    }
    default:
      return undefined
  }
}

function ended(reason: string, exitCode = 1): Outcome {
  return { ending: { exitCode, reason } }
}

function lossOf(error: unknown, { service, stop }: Following, place: Place): Outcome {
  if (stop.aborted) return { lost: 'stopped' }
  if (!(error instanceof ConnectionLost)) throw error
  if (place.everConnected) return { lost: `the connection broke: ${error.message}` }
  const reason = unreachable(service, error)
  return passing.test(error.code ?? '') ? { lost: reason } : ended(reason)
}

/**
 * Ends a connection on which nothing came for two heartbeats and a little more. The time that a
 * slow reader of the output takes does not count: only while bytes are waited for may they be late.
 */
function watchSilence(io: Io, place: Place, connection: AbortController) {
  let waitingSince: number | undefined
  const end = io.every(silenceCheckMs, () => {
    if (waitingSince === undefined) return
    const silentMs = io.now() - waitingSince
    if (silentMs < 2 * place.heartbeatMs + silenceGraceMs) return
    const reason = `nothing came for ${Math.round(silentMs / 1000)} s`
    connection.abort(new ConnectionLost(reason, 'ETIMEDOUT'))
  })
  return {
    end,
    onWaiting: (waiting: boolean) => void (waitingSince = waiting ? io.now() : undefined),
  }
}
