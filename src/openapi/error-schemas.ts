import { errorCodes, type ErrorCode } from '../errors.js'
import { object, ref, text, type Examples, type JsonSchema } from './json-schema.js'

/** What an error says of the event or parameter at fault. */
export const errorDetails = {
  index: {
    type: 'integer',
    minimum: 0,
    description: 'Which event of an array was at fault, from 0.',
  },
  line: { type: 'integer', minimum: 1, description: 'Which line was at fault, from 1.' },
  path: text('Which parameter or field was at fault, as `data` or `topic[3]`.'),
}

/** The shape of errors, and their codes. */
export const errorSchemas = {
  ErrorCode: {
    type: 'string',
    enum: Object.keys(errorCodes),
    description: `What clients match on.\n\n${toldCodes(Object.keys(errorCodes) as ErrorCode[])}`,
  },
  Error: object(
    {
      statusCode: { type: 'integer', description: 'The status of the answer.' },
      code: ref('ErrorCode'),
      error: text('The name of the status.'),
      message: text('What was wrong and what would be right.'),
      ...errorDetails,
    },
    {
      description: 'Why a request was refused, in the shape of Fastify’s errors.',
      optional: ['index', 'line', 'path'],
    },
  ),
} as const satisfies Record<string, JsonSchema>

/** Codes and when they come, as a list. */
function toldCodes(codes: readonly ErrorCode[]): string {
  return codes.map((code) => `- \`${code}\`: ${errorCodes[code][1]}`).join('\n')
}

const retryAfter = {
  'Retry-After': { type: 'integer', description: 'In how many seconds to try again.' },
}
const challenge = {
  'WWW-Authenticate': text('What a credential would have to be (RFC 6750 section 3).'),
}
const headersOf: Readonly<Record<number, JsonSchema>> = {
  401: challenge,
  403: challenge,
  429: retryAfter,
  503: retryAfter,
}

/**
 * The answers of a route that are errors, by status.
 *
 * @param codes those that it may give.
 * @param examplesOf examples, by status.
 */
export function errorAnswers(
  codes: readonly ErrorCode[],
  examplesOf: Readonly<Record<number, Examples>>,
): Record<number, JsonSchema> {
  const answers: Record<number, JsonSchema> = {}
  for (const status of new Set(codes.map((code) => errorCodes[code][0]))) {
    const these = [...new Set(codes)].filter((code) => errorCodes[code][0] === status)
    const headers = headersOf[status]
    const examples = examplesOf[status]
    answers[status] = {
      description: toldCodes(these),
      ...(headers === undefined ? {} : { headers }),
      content: {
        'application/json': {
          schema: {
            allOf: [
              ref('Error'),
              {
                properties: {
                  statusCode: { const: status },
                  code: { enum: these, examples: these.slice(0, 1) },
                },
              },
            ],
          },
          ...(examples === undefined ? {} : { examples }),
        },
      },
    }
  }
  return answers
}
