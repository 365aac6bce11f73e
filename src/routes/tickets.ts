import type { FastifyInstance } from 'fastify'
import { unauthenticated } from '../auth/grants.js'
import { invalidCredential } from '../auth/invalid-credential.js'
import { ticketSeconds } from '../auth/tickets.js'
import { ticketsOperation } from '../openapi/credential-operations.js'
import { identified } from './access.js'
import { checkNames, single, type Query } from './query.js'
import type { Service } from './service.js'

/** `POST /api/tickets`: a credential for one use, for clients that make a URL for each connection. */
export function ticketsRoute(app: FastifyInstance, service: Service): void {
  const options = { schema: ticketsOperation, onRequest: identified(service) }
  app.post('/api/tickets', options, async (request, reply) => {
    const query = request.query as Query
    checkNames(query, [])
    if (request.caller.kind === 'anonymous') throw unauthenticated('a ticket')
    // Else one that was found would be good for ever.
    if (single(query, 'ticket') !== undefined) throw invalidCredential('a ticket buys no ticket')
    const ticket = await service.credentials.tickets.issue(request.caller)
    return reply
      .header('cache-control', 'no-store')
      .send({ ticket, expiresInSeconds: ticketSeconds })
  })
}
