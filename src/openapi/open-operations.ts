import { object, text, type JsonSchema } from './json-schema.js'
import { empty, json, media, operation, type Operation } from './operation.js'

/** What is answered who has it already. */
const unchanged = { 304: empty('It is as `If-None-Match` has it.') }

const state = (description: string): JsonSchema => object({ status: text(description) })

/** `GET /livez`. */
export const livezOperation = operation({
  operationId: 'livez',
  tag: 'Health',
  access: 'everybody',
  summary: 'Is the process up?',
  answers: {
    200: json(state('`up`.'), 'It is.', {
      up: { summary: 'GET /livez', value: { status: 'up' } },
    }),
  },
})

/** `GET /readyz`. */
export const readyzOperation = operation({
  operationId: 'readyz',
  tag: 'Health',
  access: 'everybody',
  summary: 'Does the node want traffic?',
  answers: {
    200: json(state('`ready`.'), 'It does.', {
      ready: { summary: 'GET /readyz', value: { status: 'ready' } },
    }),
    503: json(state('Why not.'), 'It does not: it drains, or its log cannot be reached.'),
  },
})

/** `GET /`. */
export const dashboardOperation = operation({
  operationId: 'dashboard',
  tag: 'Pages',
  access: 'everybody',
  summary: 'The dashboard',
  description: 'The page itself is open to all; what it shows it asks for as an administrator.',
  answers: asset('text/html', 'The page.'),
})

/** `GET /assets/:name`. */
export const assetsOperation = operation({
  operationId: 'asset',
  tag: 'Pages',
  access: 'everybody',
  summary: 'What pages of the service load',
  description: 'Scripts and styles, named after what is in them and kept for ever.',
  params: { name: text('The name of a script or style.') },
  answers: {
    ...unchanged,
    200: {
      description: 'The script or style.',
      content: {
        'text/javascript': { schema: { type: 'string' } },
        'text/css': { schema: { type: 'string' } },
      },
    },
  },
  codes: ['RINGCAST_NOT_FOUND'],
})

/** `GET /client.js`. */
export const clientOperation = script('client', 'The client for browsers')

/** `GET /feed.js`. */
export const feedOperation = script('feed', 'The feed element')

function script(operationId: string, summary: string): Operation {
  return operation({
    operationId,
    tag: 'Pages',
    access: 'everyPage',
    summary,
    description: 'For pages of any origin; with an `ETag`.',
    answers: asset('text/javascript', 'The script.'),
  })
}

function asset(type: string, description: string): Record<number, JsonSchema> {
  return { 200: media(type, { type: 'string' }, description), ...unchanged }
}
