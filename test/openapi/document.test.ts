import t from 'tap'
import { Validator } from '@seriousme/openapi-schema-validator'
import { errorCodes } from '../../dist/errors.js'
import { startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { openApiOf, type Node } from '../helpers/openapi.js'
import { apiKey, bearer, jwtSecret, tokenOf } from '../helpers/tokens.js'

const app = await startApp(t)
const { document, operations } = await openApiOf(app)

t.test('the document is valid OpenAPI 3.1', async (t) => {
  t.match(document['openapi'], /^3\.1\./)
  const { valid, errors } = await new Validator().validate(
    structuredClone<Record<string, unknown>>(document),
  )
  t.ok(valid, JSON.stringify(errors))
})

t.test('all that it refers to is in it, and every component is referred to', (t) => {
  const text = JSON.stringify(document)
  const names = new Set(
    Array.from(text.matchAll(/"#\/components\/schemas\/([^"]+)"/g), ([, name]) => name!),
  )
  t.same([...names].sort(), Object.keys(document.components.schemas).sort())
  t.notMatch(text, /"\$ref":"(?!#\/components\/schemas\/\w+")/)
  t.end()
})

t.test('it has every route of the service, and no other', (t) => {
  const documented = operations.map(({ method, path }) => `${method} ${path}`)
  t.same(documented.sort(), routesOf(app.http.printRoutes({ commonPrefix: false })).sort())
  t.end()
})

/** The routes that a router prints, as the document names them; but what answers preflights of CORS. */
function routesOf(printed: string): string[] {
  const parents: string[] = []
  return printed.split('\n').flatMap((line) => {
    const [, indent, path, listed] = /^([│ ]*)[├└]── (.*?)(?: \(([A-Z, ]+)\))?$/.exec(line) ?? []
    if (path === undefined) return []
    const depth = indent!.length / 4
    parents[depth] = (parents[depth - 1] ?? '') + path
    const whole = parents[depth].replaceAll(/:(\w+)/g, '{$1}')
    const names = listed?.split(', ').filter((method) => method !== 'OPTIONS') ?? []
    return names.map((method) => `${method} ${whole}`)
  })
}

t.test('operations have names of their own, a summary, a tag, and answers', (t) => {
  const ids = operations.map(({ operationId }) => operationId)
  t.equal(new Set(ids).size, ids.length)
  const tags = (document['tags'] as Node[]).map(({ name }) => name)
  for (const each of operations) {
    t.ok(each.summary)
    t.ok(tags.includes(each.tags[0]!))
    t.ok(Object.keys(each.responses).some((status) => Number(status) < 400))
  }
  t.end()
})

t.test('every code of the registry is in it, with its status', (t) => {
  t.same(document.components.schemas['ErrorCode']!['enum'], Object.keys(errorCodes))
  const given = new Map<string, string>()
  for (const { responses } of operations) {
    for (const [status, { content }] of Object.entries(responses)) {
      const text = JSON.stringify(content?.['application/json']?.schema ?? {})
      for (const code of text.match(/RINGCAST_\w+/g) ?? []) given.set(code, status)
    }
  }
  for (const [code, status] of given) {
    t.equal(errorCodes[code as keyof typeof errorCodes][0], Number(status), code)
  }
  const ofNoRoute = ['RINGCAST_METHOD_NOT_ALLOWED', 'RINGCAST_INVALID_MESSAGE']
  t.same(
    Object.keys(errorCodes).filter((code) => !given.has(code)),
    ofNoRoute.toReversed(),
    'these are no answer of a route: the first is of the router, the second goes over a WebSocket',
  )
  t.end()
})

t.test('the document and its page are for administrators', async (t) => {
  const app = await startApp(t, { apiKeys: [apiKey], jwtSecret })
  const user = await tokenOf({ sub: 'ada' })
  for (const path of ['/openapi.json', '/docs']) {
    const statusFor = async (headers: Record<string, string>, query = ''): Promise<number> =>
      (await ask(app.url + path + query, { headers })).status
    t.equal(await statusFor({}), 401)
    t.equal(await statusFor(bearer('made-up')), 401)
    t.equal(await statusFor(bearer(user)), 403)
    t.equal(await statusFor(bearer(apiKey)), 200)
    t.equal(await statusFor({ cookie: `ringcast_token=${apiKey}` }), 200)
    t.equal(await statusFor({}, `?token=${apiKey}`), 200)
    t.equal(await statusFor(bearer(apiKey), '?nonsense=1'), 400)
  }
})
