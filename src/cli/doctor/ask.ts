import { randomBytes } from 'node:crypto'
import { request as httpRequest, type IncomingHttpHeaders, type IncomingMessage } from 'node:http'
import type { ClientRequest, RequestOptions } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { ConnectionLost, parseObject } from '../service.js'
import { answerMs, type Examination } from './examination.js'

/** A whole answer. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** The body, where it is a JSON object. */
  readonly json: Record<string, unknown> | undefined
  /** The `code` of a refusal by the service itself, `RINGCAST_…`. */
  readonly code: string | undefined
  /** How long it took from asking to the head, in milliseconds. */
  readonly headMs: number
}

/** A request beside its path. */
export interface Question {
  readonly method?: string
  /** Beside the credential, or instead of it. */
  readonly headers?: Readonly<Record<string, string>>
  readonly body?: string
}

/** More than any answer of the service that is read whole here. */
const longestBody = 2 ** 20

/**
 * Starts a request on a connection of its own, so that no pool hides what happens to one. Headers go
 * out as they are: `fetch` would not send an `Origin`.
 */
export function startRequest(url: string, options: RequestOptions): ClientRequest {
  const start = url.startsWith('https:') ? httpsRequest : httpRequest
  return start(url, { ...options, agent: false })
}

/**
 * Asks and reads the whole answer. Rejects with a ConnectionLost, also when the answer is not there
 * after ten seconds.
 */
export function ask(
  { service, stop }: Examination,
  path: string,
  { method = 'GET', headers = {}, body }: Question = {},
): Promise<Answer> {
  const timeout = AbortSignal.timeout(answerMs)
  const startedAt = performance.now()
  return new Promise((resolve, reject) => {
    const fail = ({ message, code }: NodeJS.ErrnoException): void => {
      const why = timeout.aborted
        ? `no answer within ${answerMs / 1000} s`
        : message || String(code)
      reject(new ConnectionLost(why, code))
    }
    const outgoing = startRequest(`${service.base}${path}`, {
      method,
      headers: { ...service.headers, ...headers },
      signal: AbortSignal.any([stop, timeout]),
    })
    outgoing.on('error', fail)
    outgoing.on('response', (response) => {
      const headMs = performance.now() - startedAt
      readBody(response).then((text) => resolve(answerOf(response, text, headMs)), fail)
    })
    outgoing.end(body)
  })
}

/** Reads a body as text, and of a long one only the beginning. */
export async function readBody(response: IncomingMessage): Promise<string> {
  let text = ''
  response.setEncoding('utf8')
  for await (const part of response as AsyncIterable<string>) {
    text += part
    // Leaving the loop closes the connection.
    if (text.length > longestBody) break
  }
  return text
}

/** The code of a refusal by the service; undefined where something else answered. */
export function codeOf(json: Record<string, unknown> | undefined): string | undefined {
  const code = json?.['code']
  return typeof code === 'string' && code.startsWith('RINGCAST_') ? code : undefined
}

function answerOf({ statusCode, headers }: IncomingMessage, text: string, headMs: number): Answer {
  const json = parseObject(text)
  return { status: statusCode ?? 0, headers, json, code: codeOf(json), headMs }
}

/**
 * A path that the service answers shortly, whatever is on the way: with a refusal of its query. Each
 * is another one, so that no cache has it.
 */
export function refusedPath(): string {
  return `/events?ringcast-doctor=${randomBytes(8).toString('hex')}`
}
