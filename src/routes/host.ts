import type { FastifyRequest } from 'fastify'

/**
 * Whom a client asked for, with the port where it named one: the header `Host`, which over HTTP/2 is
 * `:authority` (RFC 9113 section 8.3.1). What a proxy says of it is not asked.
 */
export function hostOf({ headers }: Pick<FastifyRequest, 'headers'>): string | undefined {
  return (headers[':authority'] as string | undefined) ?? headers.host
}
