import { spawn } from 'node:child_process'
import { getBytes, getLines, getMessages } from '@microsoft/fetch-event-source/lib/cjs/parse.js'
import { EventSource } from 'eventsource'
import { createParser } from 'eventsource-parser'
import t, { type Test } from 'tap'
import { push, startApp } from '../helpers/app.js'
import { openStream } from '../helpers/sse-client.js'
import { until } from '../helpers/until.js'

/** What a client made of an event that is not the service's own. */
interface Received {
  readonly id: string | undefined
  readonly data: string
}

const emoji = '👩‍👩‍👧‍👦 naïve 日本語 \u2028 \ufeff'
const large = `${'é👋'.repeat(10_922)}1234`
/** Data as it is pushed, and as any client has it: line ends are lost to SSE. */
const cases: [pushed: unknown, received: string][] = [
  ['plain', 'plain'],
  ['a\r\nb\r\n\r\nc\r\n', 'a\nb\n\nc\n'],
  ['a\rb\r\rc\r', 'a\nb\n\nc\n'],
  ['a\nb\n\nc\n', 'a\nb\n\nc\n'],
  ['\n\r mixed \r\n', '\n\n mixed \n'],
  ['data: x\nid: 7\nevent: y\nretry: 1\n: z', 'data: x\nid: 7\nevent: y\nretry: 1\n: z'],
  [' leading and trailing ', ' leading and trailing '],
  ['', ''],
  ['\n', '\n'],
  [emoji, emoji],
  [{ a: [1, null, 'x\ny'], b: emoji }, JSON.stringify({ a: [1, null, 'x\ny'], b: emoji })],
  [0, '0'],
  [null, 'null'],
  [large, large],
  ['after the large one', 'after the large one'],
]

/** Each client gets a URL and notes what it receives. */
const clients: Record<string, (t: Test, url: string, received: Received[]) => void> = {
  eventsource(t, url, received) {
    const source = new EventSource(url)
    t.teardown(() => source.close())
    source.addEventListener('message', ({ lastEventId, data }) => {
      received.push({ id: lastEventId, data: data as string })
    })
  },

  'fetch-event-source'(t, url, received) {
    const messages = getMessages(
      () => {},
      () => {},
      ({ id, event, data }) => {
        if (event !== 'ringcast') received.push({ id, data })
      },
    )
    readFetched(t, url, (body) => getBytes(body, getLines(messages)))
  },

  'fetch and eventsource-parser'(t, url, received) {
    const parser = eventParser(received)
    readFetched(t, url, async (body) => {
      const text = body.pipeThrough(new TextDecoderStream())
      for await (const part of text) parser.feed(part)
    })
  },

  curl(t, url, received) {
    const child = spawn('curl', ['--silent', '--no-buffer', '--fail', url], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    t.teardown(() => child.kill())
    const parser = eventParser(received)
    child.stdout.setEncoding('utf8').on('data', (text: string) => parser.feed(text))
  },
}

function eventParser(received: Received[]) {
  return createParser({
    onEvent: ({ id, event, data }) => {
      if (event !== 'ringcast') received.push({ id, data })
    },
    onError: (error) => {
      throw error
    },
  })
}

function readFetched(
  t: Test,
  url: string,
  read: (body: ReadableStream<Uint8Array<ArrayBuffer>>) => Promise<void>,
): void {
  const end = new AbortController()
  t.teardown(() => end.abort())
  fetch(url, { signal: end.signal })
    .then((response) => read(response.body!))
    .catch((error: unknown) => {
      if (!end.signal.aborted) throw error
    })
}

/** fetch-event-source 2.0.1 drops empty lines that data begins with, whoever sent them. */
function withoutFirstLines({ id, data }: Received): Received {
  return { id, data: data.replace(/^\n+/, '') }
}

t.test('real clients receive the same events, and nothing in between', async (t) => {
  t.equal(Buffer.byteLength(large), 65_536, 'as much as MAX_EVENT_BYTES allows')
  const app = await startApp(t, { heartbeatMs: 100, ringEvents: 64 })
  const witness = await openStream(t, app.port, '/events')
  const all = Object.entries(clients).map(([name, open]) => {
    const received: Received[] = []
    open(t, `${app.url}/events`, received)
    return { name, received }
  })
  await until(() => app.hub.streams.size === all.length + 1, 'all clients to be there')

  const ids: string[] = []
  for (const [index, [data]] of cases.entries()) {
    ids.push(...(await push(app.url, { data })))
    if (index % 5 !== 4) continue
    // Now that nothing comes for a while: heartbeats, and a new place to resume from.
    const cursors = (): number => witness.control.filter(({ type }) => type === 'cursor').length
    const before = { cursors: cursors(), length: witness.body().length }
    await push(
      app.url,
      Array.from({ length: 40 }, () => ({ topic: 'other', data: 'x' })),
    )
    await until(() => cursors() > before.cursors, 'a cursor')
    await until(() => witness.body().slice(before.length).endsWith('\n:\n'), 'a heartbeat')
  }
  ids.push(...(await push(app.url, { data: 'the end' })))
  const expected: Received[] = [...cases.map(([, data]) => data), 'the end'].map((data, i) => ({
    id: ids[i],
    data,
  }))
  for (const { name, received } of all) {
    await until(() => received.at(-1)?.data === 'the end', `the end at ${name}`)
    t.same(
      received,
      name === 'fetch-event-source' ? expected.map(withoutFirstLines) : expected,
      name,
    )
  }
})

t.test('an EventSource that is sent away comes back by itself and misses nothing', async (t) => {
  const app = await startApp(t)
  const source = new EventSource(`${app.url}/events?user=ann`)
  t.teardown(() => source.close())
  const received: unknown[] = []
  source.addEventListener('message', ({ data }) => received.push(data))
  await until(() => app.hub.streams.size === 1, 'the stream')
  await push(app.url, { data: 1 })
  await until(() => received.length === 1, 'the first event')
  for (const stream of app.hub.streams.values()) app.hub.end(stream, 'rebalance', true, 50)
  await until(() => app.hub.streams.size === 0, 'its end')
  await push(app.url, { data: 2 })
  await until(() => received.length === 2, 'the second event')
  t.same(received, ['1', '2'])
})
