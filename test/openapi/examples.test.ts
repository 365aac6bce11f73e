import t, { type Test } from 'tap'
import { controlNames } from '../../dist/openapi/control-schemas.js'
import { ids, node, time } from '../../dist/openapi/examples.js'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { ask, type Question } from '../helpers/ask.js'
import { openApiOf, type DocumentedOperation, type Example } from '../helpers/openapi.js'
import { openStream, type RawStream } from '../helpers/sse-client.js'
import { bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'
import { openWebSocket } from '../helpers/web-socket-client.js'

/** The document, which is the same at every service. */
const openApi = await openApiOf(await startApp(t))

const exampleEpoch = ids.status.split('-')[0]!

/** What is another at each run, by what the examples have for it. */
function asInExamples(app: RunningApp, text: string): string {
  const epoch = app.hub.head!.split('-')[0]!
  return text
    .replaceAll(epoch, exampleEpoch)
    .replaceAll(/\b[0-9a-z]{6}\.\d+\b/g, `${node}.1`)
    .replaceAll(/"node":"[0-9a-z]{6}"/g, `"node":"${node}"`)
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, time)
    .replaceAll(/"bytes":\d+/g, '"bytes":387')
    .replaceAll(/(retry: |"retryMs":)\d+/g, '$13141')
    .replaceAll(/"ticket":"[\w-]{32}"/g, '"ticket":"xHZ0yvZx9BYkW1T3oQ2aN5uJ7cRrLd8M"')
}

/** A request of the examples, as this service knows its ids. */
function asHere(app: RunningApp, request: string): string {
  return request.replaceAll(exampleEpoch, app.hub.head!.split('-')[0]!)
}

interface Replay {
  readonly operation: DocumentedOperation
  readonly name: string
  readonly status: number
  readonly answer: Example
  readonly path: string
  readonly question: Question
}

/** The answers of an operation that are examples, each with the request that it answers. */
function replaysOf(operation: DocumentedOperation): Replay[] {
  const requests = Object.entries(operation.requestBody?.content ?? {}).flatMap(
    ([type, { examples = {} }]) =>
      Object.entries(examples).map(([name, { value }]) => ({ name, type, value })),
  )
  return Object.entries(operation.responses).flatMap(([status, { content }]) =>
    Object.entries(content?.['application/json']?.examples ?? {}).map(([name, answer]) => {
      const [method, path] = answer.summary?.split(' ') ?? [operation.method, operation.path]
      const request = requests.find((each) => each.name === name)
      const question = { method: method!, ...(request === undefined ? {} : bodyOf(request)) }
      return { operation, name, status: Number(status), answer, path: path!, question }
    }),
  )
}

function bodyOf({ type, value }: { type: string; value: unknown }): Question {
  const body = typeof value === 'string' ? value : JSON.stringify(value)
  return { headers: { 'content-type': type }, body }
}

t.test('the examples of requests get the examples of answers', async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events?topic=orders/*&user=ada')
  for (const stage of ['POST', 'GET', 'DELETE']) {
    const operations = openApi.operations.filter(({ method }) => method === stage)
    for (const replay of operations.flatMap(replaysOf)) {
      const { operation, name, path, question, status, answer } = replay
      const what = `${operation.operationId}: ${name}`
      const got = await ask(app.url + asHere(app, path), question)
      t.equal(got.status, status, `${what}: ${got.text}`)
      t.same(openApi.problems(operation, got), [], what)
      // Figures are others each time.
      if (operation.operationId === 'stats') continue
      t.same(JSON.parse(asInExamples(app, got.text)), answer.value, what)
    }
    // What is pushed has got to the stream before it is asked how far that is.
    if (stage === 'POST') await stream.received(4)
  }
})

t.test('every body that is an example has its answer', (t) => {
  for (const operation of openApi.operations) {
    const names = Object.values(operation.requestBody?.content ?? {}).flatMap(({ examples = {} }) =>
      Object.keys(examples),
    )
    const answered = replaysOf(operation).map(({ name }) => name)
    for (const name of names) t.ok(answered.includes(name), `${operation.operationId}: ${name}`)
  }
  t.end()
})

/** A body that is an example, pushed. */
async function pushStatus(app: RunningApp): Promise<void> {
  const { examples } = openApi.operation('push').requestBody!.content['application/json']!
  await push(app.url, examples!['status']!.value)
}

/** The blocks of a stream, as the document describes them. */
function blocksOf(stream: RawStream): Record<string, string | number>[] {
  return stream
    .body()
    .split('\n\n')
    .map((block) => block.split('\n').filter((line) => line !== '' && !line.startsWith(':')))
    .map((lines) => lines.map((line) => /^(\w+): (.*)$/.exec(line)!.slice(1)))
    .map((fields) => Object.fromEntries(fields) as Record<string, string>)
    .filter(({ data }) => data !== undefined)
    .map(({ retry, ...rest }) => (retry === undefined ? rest : { ...rest, retry: Number(retry) }))
}

t.test('the examples of streams are what a stream begins with', async (t) => {
  const { examples } = openApi.operation('events').responses['200']!.content!['text/event-stream']!
  for (const [name, { summary, value }] of Object.entries(examples!)) {
    await t.test(name, async (t: Test) => {
      const app = await startApp(t)
      const path = summary!.replace('GET ', '')
      const isLive = !/last/.test(path)
      if (!isLive) await pushStatus(app)
      const stream = await openStream(t, app.port, isLive ? path : asHere(app, path))
      if (isLive) await pushStatus(app)
      await stream.received(1)
      t.equal(asInExamples(app, stream.body()), value)
      t.ok(openApi.is('EventStream', blocksOf(stream)))
    })
  }
})

t.test('the control events that streams are told are those of the document', async (t) => {
  const app = await startApp(t, { heartbeatMs: 100, deadPeerMs: 60_000 })
  const known = await openStream(t, app.port, '/events?topic=orders/*')
  const unknown = await openStream(t, app.port, '/events?topic=orders/*', {
    lastEventId: 'nonsense',
  })
  for (let n = 0; n < 10; n++) await push(app.url, { topic: 'elsewhere', data: n })
  await known.told('cursor')
  const secured = await startApp(t, { jwtSecret, heartbeatMs: 100 })
  const headers = bearer(await tokenOf({ sub: 'ada', exp: inSeconds(20) }))
  const brief = await openStream(t, secured.port, '/events', { headers })
  await brief.told('expiring')
  await ask(`${app.url}/api/streams/${String(unknown.control[0]!['stream'])}`, { method: 'DELETE' })
  const ended = app.drain()
  for (const stream of [known, unknown]) await stream.told('bye')
  await ended
  const blocks = [known, unknown, brief].flatMap(blocksOf)
  t.ok(openApi.is('EventStream', blocks))
  const told = blocks
    .filter(({ event }) => event === 'ringcast')
    .map(({ data }) => JSON.parse(String(data)) as { readonly type: string })
  for (const event of told) t.ok(openApi.is('ControlEvent', event), JSON.stringify(event))
  const types = Object.keys(controlNames)
  t.same([...new Set(told.map(({ type }) => type))].sort(), types.sort())
  t.notOk(openApi.is('ControlEvent', { type: 'gap', reason: 'lost', after: '' }))
  t.notOk(openApi.is('ControlEvent', { type: 'open' }))
})

t.test('the examples of messages over a WebSocket are answered as they say', async (t) => {
  const app = await startApp(t)
  const { client: says, server } = openApi.operation('webSocket')['x-websocket'] as Record<
    'client' | 'server',
    { examples: Record<string, Example> }
  >
  const client = await openWebSocket(t, app.port)
  for (const { value } of Object.values(says.examples)) {
    t.ok(openApi.is('WebSocketClientMessage', value), JSON.stringify(value))
    const { ref } = value as { ref: number }
    client.send(JSON.stringify(value))
    await until(() => client.messages.some((told) => told['ref'] === ref), `the answer to ${ref}`)
    if (ref === 3) await client.received(1)
  }
  for (const message of client.messages) {
    t.ok(openApi.is('WebSocketServerMessage', message), JSON.stringify(message))
  }
  const told = JSON.parse(asInExamples(app, JSON.stringify(client.messages))) as object[]
  const expected = Object.values(server.examples).map(({ value }) => value as object)
  const sorted = (all: readonly object[]): string[] =>
    all.map((each) => JSON.stringify(Object.entries(each).sort())).sort()
  t.same(sorted(told), sorted(expected))
})
