import t from 'tap'
import { startApp } from '../helpers/app.js'
import { ask, type Answer } from '../helpers/ask.js'
import { asParameter, openApiOf, queryOf, type DocumentedOperation } from '../helpers/openapi.js'
import { names, texts } from '../helpers/texts.js'

/** What an operation cannot do without. */
const needed: Readonly<Record<string, string>> = { trace: 'stream=3rgxg2.1' }

/** Opaque to clients: only one that was given is one. */
const opaque = 'after'

/** Asks without opening a stream: the head is checked as the stream is. */
function tryOut(
  { method, path, operationId }: DocumentedOperation,
  query: string,
): Promise<Answer> {
  const isNeeded = operationId in needed && !query.startsWith('stream=')
  const whole = isNeeded ? `${needed[operationId]}&${query}` : query
  const filled = path.replace('{id}', '3rgxg2.1').replace('{user}', 'ada')
  const isPush = path === '/api/push'
  return ask(`${app.url}${filled}?${whole}`, {
    method: path === '/events' ? 'HEAD' : method,
    headers: isPush ? { 'content-type': 'text/plain' } : {},
    ...(isPush ? { body: 'data' } : {}),
  })
}

const isRefused = ({ status }: Answer): boolean => status === 400 || status === 403

const app = await startApp(t)
const openApi = await openApiOf(app)
/** Those that have parameters; the query of a handshake is another test's. */
const operations = openApi.operations.filter(
  (each) => each.method !== 'HEAD' && each.path !== '/ws' && queryOf(each).length > 0,
)

t.test('a parameter takes what its schema allows, and nothing else', async (t) => {
  for (const operation of operations) {
    const { operationId, path } = operation
    const answeredBy = path === '/events' ? openApi.operation('events-head') : operation
    for (const { name, schema } of queryOf(operation).filter((each) => each.name !== opaque)) {
      // Topics of the service have no history, and take no place to resume from.
      const tried = texts.filter((text) => !text.startsWith('$') || path !== '/api/history')
      const surprises = await Promise.all(
        tried.map(async (text) => {
          const answer = await tryOut(operation, `${name}=${encodeURIComponent(text)}`)
          const fits = openApi.fits(schema, asParameter(schema, text))
          const problems = openApi.problems(answeredBy, answer)
          return isRefused(answer) === fits || problems.length > 0
            ? [{ text, fits, status: answer.status, problems }]
            : []
        }),
      )
      t.same(surprises.flat(), [], `${operationId}: ${name}`)
    }
  }
})

t.test('a parameter that may be repeated is, as often as its schema says', async (t) => {
  for (const operation of operations) {
    for (const { name, schema } of queryOf(operation).filter((each) => each.name !== opaque)) {
      const isList = schema['type'] === 'array'
      const most = isList ? Number(schema['maxItems']) : 1
      const times = (count: number): string =>
        names(count)
          .map((each) => `${name}=${each}`)
          .join('&')
      const over = await tryOut(operation, times(most + 1))
      t.equal(over.status, 400, `${operation.operationId}: ${name}`)
      if (isList) t.notOk(isRefused(await tryOut(operation, times(most))))
    }
  }
})

t.test('what is no parameter is refused, where a route has some', async (t) => {
  for (const operation of operations) {
    t.equal((await tryOut(operation, 'nonsense=1')).status, 400, operation.operationId)
    t.not((await tryOut(operation, '_=1')).status, 400, operation.operationId)
  }
})
