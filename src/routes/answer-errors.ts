import { STATUS_CODES, type Server } from 'node:http'
import type { Socket } from 'node:net'
import type { FastifyError, FastifyInstance, FastifyReply, FastifyRequest } from 'fastify'
import { errorCodes, RingcastError, type ErrorCode } from '../errors.js'
import { carrierOf } from '../transports/carrier.js'
import { isTaken } from '../transports/taken-sockets.js'
import { unsupportedMediaType } from './push.js'

/** What a client has to do to get in (RFC 6750 section 3). */
const challenges: Partial<Record<ErrorCode, string>> = {
  RINGCAST_UNAUTHENTICATED: 'Bearer realm="ringcast"',
  RINGCAST_INVALID_CREDENTIAL: 'Bearer realm="ringcast", error="invalid_token"',
  RINGCAST_REVOKED: 'Bearer realm="ringcast", error="invalid_token"',
  RINGCAST_FORBIDDEN: 'Bearer realm="ringcast", error="insufficient_scope"',
}

const methods = ['GET', 'HEAD', 'POST', 'DELETE'] as const

/**
 * Answers every error, the framework's too, in one shape with a code of the registry.
 *
 * @param told each error that a route has met.
 */
export function answerErrors(
  app: FastifyInstance,
  told: (error: RingcastError, request: FastifyRequest) => void,
): void {
  app.setErrorHandler((error: FastifyError, request, reply) => {
    const known = ofRegistry(error, request)
    told(known, request)
    if (known.statusCode >= 500 && known.code === 'RINGCAST_INTERNAL') {
      request.log.error({ err: error, reqId: request.id }, 'a request failed')
    }
    return answer(reply, known)
  })
  // The router takes the first character of a path for a slash, whatever it is: `*` would be `/`.
  app.addHook('onRequest', ({ raw }, _reply, done) => {
    if (raw.url!.startsWith('*')) done(noSuchRoute())
    else done()
  })
  app.setNotFoundHandler((request, reply) => {
    const path = request.url.split('?', 1)[0]!
    // `hasRoute` reads a path as a route's pattern, and throws where it is a bad one.
    const allowed = /[:*(]/.test(path)
      ? []
      : methods.filter((method) => app.hasRoute({ method, url: path }))
    if (allowed.length === 0) {
      return answer(reply, noSuchRoute())
    }
    reply.header('allow', allowed.join(', '))
    return answer(
      reply,
      new RingcastError('RINGCAST_METHOD_NOT_ALLOWED', `this route takes ${allowed.join(', ')}`),
    )
  })
}

function noSuchRoute(): RingcastError {
  return new RingcastError('RINGCAST_NOT_FOUND', 'there is no such route: the README lists them')
}

/** Sends an error. */
export function answer(reply: FastifyReply, error: RingcastError): FastifyReply {
  const { retryAfterSeconds, ...details } = error.details
  if (retryAfterSeconds !== undefined) reply.header('retry-after', retryAfterSeconds)
  const challenge = challenges[error.code]
  if (challenge !== undefined) reply.header('www-authenticate', challenge)
  // A handshake that is refused leaves a connection that nobody reads.
  if (reply.request.headers.upgrade !== undefined) reply.header('connection', 'close')
  return reply.code(error.statusCode).send({ ...body(error), ...details })
}

/** Answers a URL that the router could not read. For it the framework runs no hook. */
export function onBadUrl(_error: FastifyError, request: FastifyRequest, reply: FastifyReply): void {
  const carrier = carrierOf(request.raw)
  if (isTaken(carrier)) {
    reply.hijack()
    carrier.destroy()
    return
  }
  answer(
    reply,
    new RingcastError(
      'RINGCAST_BAD_REQUEST',
      'the path has a "%" that is no UTF-8 in percent-encoding, or a part that is too long',
    ),
  )
}

/**
 * Sees to `Expect` (RFC 9110 section 10.1.1), which Node answers by itself before any hook is asked:
 * behind a stream, in the middle of the stream.
 */
export function answerExpect(server: Server): void {
  server.on('checkContinue', (request, response) => {
    const carrier = carrierOf(request)
    if (isTaken(carrier)) {
      carrier.destroy()
      return
    }
    response.writeContinue()
    server.emit('request', request, response)
  })
  server.on('checkExpectation', (request, response) => {
    const carrier = carrierOf(request)
    if (isTaken(carrier)) carrier.destroy()
    else response.writeHead(417).end()
  })
}

/**
 * Answers what Node's parser could not read, or did not get in time. On a stream's connection it
 * says nothing: the answer would land in the middle of the stream.
 */
export function onClientError(error: NodeJS.ErrnoException, socket: Socket): void {
  // A handshake of TLS that failed has made no connection to answer on.
  const isHandshake = /^ERR_(TLS|SSL)_/.test(error.code ?? '')
  if (isTaken(socket) || isHandshake || !socket.writable || error.code === 'ECONNRESET') {
    socket.destroy()
    return
  }
  const known = ofParser(error.code)
  const text = JSON.stringify(body(known))
  const status = `${known.statusCode} ${STATUS_CODES[known.statusCode]!}`
  socket.end(
    `HTTP/1.1 ${status}\r\nContent-Type: application/json; charset=utf-8\r\n` +
      `Content-Length: ${Buffer.byteLength(text)}\r\nConnection: close\r\n\r\n${text}`,
    // What the client still sends is not waited for.
    () => socket.destroy(),
  )
}

function body({ statusCode, code, message }: RingcastError): object {
  return { statusCode, code, error: STATUS_CODES[statusCode], message }
}

function ofParser(code: string | undefined): RingcastError {
  switch (code) {
    case 'HPE_HEADER_OVERFLOW':
      return fromRegistry('RINGCAST_HEADERS_TOO_LARGE')
    case 'ERR_HTTP_REQUEST_TIMEOUT':
      return fromRegistry('RINGCAST_REQUEST_TIMEOUT')
    default:
      return fromRegistry('RINGCAST_BAD_REQUEST')
  }
}

function ofRegistry(error: FastifyError, request: FastifyRequest): RingcastError {
  if (error instanceof RingcastError) return error
  switch (error.code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new RingcastError(
        'RINGCAST_BODY_TOO_LARGE',
        'the body is larger than MAX_BODY_BYTES: push it in parts',
      )
    case 'FST_ERR_CTP_INVALID_MEDIA_TYPE':
      return unsupportedMediaType(request.headers['content-type'])
    default:
      return fromRegistry(
        error.statusCode !== undefined && error.statusCode < 500
          ? 'RINGCAST_BAD_REQUEST'
          : 'RINGCAST_INTERNAL',
      )
  }
}

function fromRegistry(code: ErrorCode): RingcastError {
  return new RingcastError(code, errorCodes[code][1])
}
