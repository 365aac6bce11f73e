import t from 'tap'
import { startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { openApiOf } from '../helpers/openapi.js'
import { names, texts } from '../helpers/texts.js'

const app = await startApp(t)
const openApi = await openApiOf(app)

/** Bodies, most of them wrong in one way. */
function bodies(): unknown[] {
  return [
    ...[{ data: 1 }, { data: null }, { data: '' }, {}, { topic: 'a' }, { data: 1, nonsense: 1 }],
    ...['text', 1, null, [], [1], [{ data: 1 }, 1], { data: 1, topic: 'a', user: 'b' }],
    ...texts.flatMap((text) => [
      { data: 1, topic: text },
      { data: 1, topic: ['fine', text] },
      { data: 1, user: text },
      { data: 1, event: text },
      { data: 1, key: text },
    ]),
    ...['topic', 'user', 'event', 'key'].flatMap((field) =>
      ['', 1, null, [], names(100), names(101), ['a', 1]].map((value) => ({
        data: 1,
        [field]: value,
      })),
    ),
    ...[1, 1000, 1001].map((count) => names(count).map((topic) => ({ topic, data: 1 }))),
  ]
}

t.test('a push takes what the schema of its body allows, and nothing else', async (t) => {
  const operation = openApi.operation('push')
  const { schema } = operation.requestBody!.content['application/json']!
  const surprises = await Promise.all(
    bodies().map(async (value) => {
      const body = JSON.stringify(value)
      const headers = { 'content-type': 'application/json' }
      const answer = await ask(`${app.url}/api/push`, { method: 'POST', headers, body })
      const fits = openApi.fits(schema, value)
      const problems = openApi.problems(operation, answer)
      return (answer.status === 202) === fits && problems.length === 0
        ? []
        : [{ body: body.slice(0, 80), fits, status: answer.status, problems }]
    }),
  )
  t.same(surprises.flat(), [])
})

t.test('a push has the content types of the document, and no other', async (t) => {
  const operation = openApi.operation('push')
  const types = Object.keys(operation.requestBody!.content)
  for (const type of [...types, 'text/html', 'application/xml', '']) {
    const answer = await ask(`${app.url}/api/push`, {
      method: 'POST',
      headers: type === '' ? {} : { 'content-type': type },
      body: '{"data":1}',
    })
    t.equal(answer.status, types.includes(type) ? 202 : 415, type)
    t.same(openApi.problems(operation, answer), [])
  }
})
