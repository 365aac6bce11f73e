import type { IncomingMessage } from 'node:http'
import type { Http2ServerRequest, ServerHttp2Stream } from 'node:http2'
import type { Duplex } from 'node:stream'

/** A request as Node has it, over either version. What Fastify calls its type is that of HTTP/1. */
export type RawRequest = IncomingMessage | Http2ServerRequest

/**
 * What carries a request and its answer, and nothing else meanwhile: its connection over HTTP/1, one of
 * the streams of its connection over HTTP/2 (RFC 9113 section 5). Ending it ends nobody else's.
 */
export function carrierOf(request: RawRequest): Duplex {
  return http2StreamOf(request) ?? request.socket
}

/** The stream of HTTP/2 that carries a request; undefined over HTTP/1. */
export function http2StreamOf(request: RawRequest): ServerHttp2Stream | undefined {
  return 'stream' in request ? request.stream : undefined
}
