import { sessionCookie } from '../auth/credentials.js'
import { ticketSeconds } from '../auth/tickets.js'
import { count, object, ref, text, type JsonSchema } from './json-schema.js'
import { empty, json, operation } from './operation.js'

/** What these answer. */
export const credentialSchemas = {
  Ticket: object(
    {
      ticket: text('A credential for one use, for the query of a URL.'),
      expiresInSeconds: count('How long it waits to be used, in seconds.'),
    },
    { description: 'A ticket.' },
  ),
} as const satisfies Record<string, JsonSchema>

/** `POST /api/tickets`. */
export const ticketsOperation = operation({
  operationId: 'buyTicket',
  tag: 'Credentials',
  access: 'holders',
  changes: true,
  security: [['bearer'], ['token'], ['session']],
  summary: 'A ticket for one connection',
  description: 'It carries what the credential of its buyer grants, and ends with it.',
  query: {},
  answers: {
    200: json(ref('Ticket'), 'The ticket.', {
      ticket: {
        summary: 'POST /api/tickets',
        value: { ticket: 'xHZ0yvZx9BYkW1T3oQ2aN5uJ7cRrLd8M', expiresInSeconds: ticketSeconds },
      },
    }),
  },
  codes: ['RINGCAST_TOO_MANY_TICKETS'],
})

/** `POST /api/session`. */
export const sessionOperation = operation({
  operationId: 'beginSession',
  tag: 'Credentials',
  access: 'holders',
  changes: true,
  security: [['bearer']],
  summary: 'Begin a session of a browser',
  description: `Makes a cookie of the token, \`${sessionCookie}\`, that no script can read: for a plain \`EventSource\`, and for pages of the same site.`,
  query: {},
  answers: { 204: sessionAnswer('The session has begun; an open service needs none.') },
  codes: ['RINGCAST_TOKEN_TOO_LARGE'],
})

/** `DELETE /api/session`. */
export const endSessionOperation = operation({
  operationId: 'endSession',
  tag: 'Credentials',
  access: 'everybody',
  changes: true,
  summary: 'End the session',
  query: {},
  answers: { 204: sessionAnswer('The cookie is taken back, whatever it was worth.') },
})

function sessionAnswer(description: string): JsonSchema {
  return { ...empty(description), headers: { 'Set-Cookie': text(`\`${sessionCookie}\`.`) } }
}
