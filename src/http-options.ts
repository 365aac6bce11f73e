import type { Server } from 'node:http'
import { Socket } from 'node:net'
import type { FastifyHttpOptions } from 'fastify'
import type { Certificate } from './certificate.js'
import type { RequestTimes } from './routes/request-times.js'
import { plainHttpOptions } from './routes/server-options.js'

/** How much of line and headers a request may have, in bytes, over both versions of HTTP. */
const maxHeaderBytes = 16 * 1024
/** How many requests and streams may share a connection over HTTP/2. A Chromium opens 256 at most. */
const maxConcurrentStreams = 256
/** What a session of HTTP/2 may hold for its streams, in MB: a turn's worth and an event for each. */
const maxSessionMemory = 64

/** What decides on the server that Fastify makes. */
export interface HttpOptions {
  readonly times: RequestTimes
  /** With it the server speaks HTTP/2 and HTTP/1.1 over TLS; without, HTTP/1.1 in the clear. */
  readonly certificate: Certificate | undefined
  /** Whether TCP keep-alive has to find the peers that are gone. */
  readonly keepAlive: boolean
  /** `HEARTBEAT`, in milliseconds. */
  readonly heartbeatMs: number
}

/** What Fastify is to be told of the server below it. */
export function httpOptions(options: HttpOptions): Pick<FastifyHttpOptions<Server>, 'http'> {
  const { times, certificate, keepAlive, heartbeatMs } = options
  const connections = { keepAlive, keepAliveInitialDelay: heartbeatMs }
  if (certificate === undefined) {
    return {
      http: {
        ...connections,
        ...plainHttpOptions(times),
        maxHeaderSize: maxHeaderBytes,
      },
    }
  }
  const secure = {
    http2: true,
    // A session's streams are silent for no longer than a heartbeat.
    http2SessionTimeout: Math.max(times.idleMs, 2 * heartbeatMs),
    https: {
      ...connections,
      cert: certificate.cert,
      key: certificate.key,
      allowHTTP1: true,
      // As Node's own servers of HTTP/1 have it: a small write must not wait for the answer to another.
      noDelay: true,
      handshakeTimeout: times.headersMs,
      settings: { maxConcurrentStreams, maxHeaderListSize: maxHeaderBytes },
      maxSessionMemory,
    },
  }
  // Its types know a server of either version, not one of both.
  return secure as object
}

/**
 * Sets what a server over TLS takes of no options, for those who speak HTTP/1 to it: without it, Node
 * waits for minutes for their headers, and for ever for their next request or for an answer to be read.
 */
export function setTimes(
  server: Server,
  { headersMs, requestMs, checkMs, idleMs }: RequestTimes,
): void {
  Object.assign(server, {
    headersTimeout: headersMs,
    requestTimeout: requestMs,
    connectionsCheckingInterval: checkMs,
    keepAliveTimeout: idleMs,
    maxHeaderSize: maxHeaderBytes,
  })
  server.on('timeout', (silent: object) => {
    // Sessions of HTTP/2 have a time of their own.
    if (silent instanceof Socket) silent.destroy()
  })
}
