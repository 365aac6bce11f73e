import { constants } from 'node:http2'
import type { FastifyInstance } from 'fastify'
import { errorCodes, RingcastError } from '../errors.js'
import { http2StreamOf } from '../transports/carrier.js'

/**
 * Does for the bodies of requests over HTTP/2 what Node does over HTTP/1 by ending the connection, which
 * here others share: ends those that take too long, and stops those whose request is answered already
 * (RFC 9113 section 8.1), which nobody reads any more.
 *
 * @param requestMs how long a request may take, its body included.
 */
export function boundHttp2Bodies(app: FastifyInstance, requestMs: number): void {
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    const http2 = http2StreamOf(raw)
    // What comes with a GET is dropped as it comes, and its stream may go on for days.
    if (http2 !== undefined && !http2.endAfterHeaders && raw.method !== 'GET') {
      raw.on('error', () => {
        // Where nobody reads the body, it is nobody's.
      })
      const late = setTimeout(() => {
        const [, message] = errorCodes.RINGCAST_REQUEST_TIMEOUT
        // Whoever reads the body answers with it.
        raw.destroy(new RingcastError('RINGCAST_REQUEST_TIMEOUT', message))
      }, requestMs)
      raw.once('end', () => {
        clearTimeout(late)
      })
      http2.once('finish', () => {
        if (!http2.readableEnded) http2.close(constants.NGHTTP2_NO_ERROR)
      })
      http2.once('close', () => {
        clearTimeout(late)
      })
    }
    done()
  })
  app.addHook('onSend', ({ raw }, reply, _payload, done) => {
    // There is no such header in HTTP/2 (RFC 9113 section 8.2.2).
    if (http2StreamOf(raw) !== undefined) reply.removeHeader('connection')
    done()
  })
}
