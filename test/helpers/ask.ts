import {
  request,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type OutgoingHttpHeaders,
} from 'node:http'
import { request as secureRequest } from 'node:https'
import { testCertificate } from './certificate.js'

/** A whole answer. */
export interface Answer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  /** The body as JSON; undefined where it is none. */
  readonly json: Record<string, unknown> | undefined
}

/** What a request says beside its URL. */
export interface Question {
  readonly method?: string
  readonly headers?: OutgoingHttpHeaders
  readonly body?: string | Buffer
}

/**
 * Sends one request on a connection of its own, its headers as they are (`Host` and `Origin` too). Over
 * https it trusts the certificate of the tests alone.
 */
export function ask(
  url: string,
  { method = 'GET', headers = {}, body }: Question = {},
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const options = { method, headers, agent: false }
    const outgoing = url.startsWith('https:')
      ? secureRequest(url, { ...options, ca: testCertificate().cert }, read)
      : request(url, options, read)
    outgoing.on('error', reject)
    outgoing.end(body)

    function read(response: IncomingMessage): void {
      let text = ''
      response.setEncoding('utf8')
      response.on('data', (part: string) => (text += part))
      response.on('error', reject)
      response.on('end', () => {
        resolve({
          status: response.statusCode!,
          headers: response.headers,
          text,
          json: text.startsWith('{') ? (JSON.parse(text) as Answer['json']) : undefined,
        })
      })
    }
  })
}
