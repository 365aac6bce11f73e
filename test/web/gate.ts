import { once } from 'node:events'
import { createServer, request, type IncomingHttpHeaders, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Test } from 'tap'

/** What stands before a service. */
export interface Gate {
  readonly url: string
  /** How it was asked: the methods, and the headers of the last. */
  readonly asked: string[]
  readonly headers: IncomingHttpHeaders
}

/**
 * Starts what refuses the first requests for a stream with these statuses, and lets the others through.
 *
 * @param retryAfter what it says with a refusal, in seconds.
 */
export async function startGate(
  t: Test,
  service: { port: number },
  statuses: number[],
  retryAfter?: number,
): Promise<Gate> {
  const gate = { url: '', asked: [] as string[], headers: {} as IncomingHttpHeaders }
  const handle: RequestListener = (incoming, outgoing) => {
    const { method, url, headers } = incoming
    gate.asked.push(method!)
    gate.headers = headers
    const status = statuses.shift()
    if (status !== undefined) {
      outgoing.setHeader('access-control-allow-origin', headers.origin!)
      if (retryAfter !== undefined) {
        outgoing.setHeader('retry-after', retryAfter)
        outgoing.setHeader('access-control-expose-headers', 'retry-after')
      }
      outgoing.writeHead(status).end()
      return
    }
    const onward = request({ port: service.port, path: url, method, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      outgoing.flushHeaders()
      answer.pipe(outgoing)
    })
    outgoing.on('close', () => onward.destroy())
    onward.on('error', () => outgoing.destroy())
    onward.end()
  }
  const server = createServer(handle).listen(0, '127.0.0.1')
  t.teardown(() => server.close().closeAllConnections())
  await once(server, 'listening')
  gate.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  return gate
}
