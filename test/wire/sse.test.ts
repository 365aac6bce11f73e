import assert from 'node:assert/strict'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import fc from 'fast-check'
import t from 'tap'
import type { AcceptedEvent } from '../../dist/hub/event.js'
import { sse, sseEnvelope } from '../../dist/wire/sse.js'

function accepted(more: Partial<AcceptedEvent> = {}): AcceptedEvent {
  return {
    topics: ['a'],
    users: [],
    event: undefined,
    data: 'hello',
    json: false,
    key: undefined,
    epoch: 'e',
    sequence: 36,
    time: '2026-01-02T03:04:05.006Z',
    ...more,
  }
}

function parse(text: string): EventSourceMessage[] {
  const messages: EventSourceMessage[] = []
  const parser = createParser({
    onEvent: (message) => messages.push(message),
    onError: (error) => {
      throw error
    },
  })
  parser.feed(text)
  return messages
}

const text = (event: AcceptedEvent, format = sse): string => format.event(event).toString()

t.test('an event is its id, its name if it has one, its data, and a blank line', async (t) => {
  t.equal(text(accepted()), 'id: e-10\ndata: hello\n\n')
  t.equal(text(accepted({ event: 'made' })), 'id: e-10\nevent: made\ndata: hello\n\n')
})

t.test('data has a line for each of its lines, however they end', async (t) => {
  const lines: [data: string, lines: string][] = [
    ['', 'data: \n'],
    ['\n', 'data: \ndata: \n'],
    ['\r\n', 'data: \ndata: \n'],
    ['\n\r', 'data: \ndata: \ndata: \n'],
    ['a\nb', 'data: a\ndata: b\n'],
    ['a\rb', 'data: a\ndata: b\n'],
    ['a\r\nb', 'data: a\ndata: b\n'],
    ['a\r\r\n\nb\n', 'data: a\ndata: \ndata: \ndata: b\ndata: \n'],
    [' a: b', 'data:  a: b\n'],
    ['a\n\ndata: forged\nid: forged', 'data: a\ndata: \ndata: data: forged\ndata: id: forged\n'],
  ]
  for (const [data, expected] of lines) {
    t.equal(text(accepted({ data })), `id: e-10\n${expected}\n`, JSON.stringify(data))
  }
})

t.test('text goes out as UTF-8, and what only looks like a line end stays', async (t) => {
  const data = 'ü€😀\u2028\u0085\u000b\u0000'
  t.strictSame(sse.event(accepted({ data })), Buffer.from(`id: e-10\ndata: ${data}\n\n`))
})

t.test('JSON goes out as it stands', async (t) => {
  t.equal(text(accepted({ data: '{"a":"\\n"}', json: true })), 'id: e-10\ndata: {"a":"\\n"}\n\n')
})

t.test('outside a log an event has no id', async (t) => {
  t.equal(text(accepted({ epoch: '' })), 'data: hello\n\n')
  t.equal(
    text(accepted({ epoch: '' }), sseEnvelope),
    'data: {"topics":["a"],"data":"hello","time":"2026-01-02T03:04:05.006Z"}\n\n',
  )
})

t.test('an envelope has all of the event in its data, and no event line', async (t) => {
  t.equal(
    text(
      accepted({ event: 'made', key: '"k"', topics: ['a', 'b/ü'], data: 'x\r\n"' }),
      sseEnvelope,
    ),
    'id: e-10\ndata: {"id":"e-10","topics":["a","b/ü"],"event":"made","data":"x\\r\\n\\"","key":"\\"k\\"","time":"2026-01-02T03:04:05.006Z"}\n\n',
  )
  t.equal(
    text(accepted({ data: '[1,null]', json: true }), sseEnvelope),
    'id: e-10\ndata: {"id":"e-10","topics":["a"],"data":[1,null],"time":"2026-01-02T03:04:05.006Z"}\n\n',
  )
})

t.test('an envelope never says whom else the event went to', async (t) => {
  const envelope = text(accepted({ topics: [], users: ['ann', 'bob'] }), sseEnvelope)
  t.notMatch(envelope, /ann|bob|user/)
  t.match(envelope, '"topics":[]')
})

t.test(
  'control events are named ringcast, with a retry and an id where there is one',
  async (t) => {
    const cursor = { type: 'cursor' } as const
    const data = 'event: ringcast\ndata: {"type":"cursor"}\n\n'
    for (const format of [sse, sseEnvelope]) {
      t.equal(format.control(cursor, {}).toString(), data)
      t.equal(format.control(cursor, { id: 'e-1' }).toString(), `id: e-1\n${data}`)
      t.equal(
        format.control(cursor, { id: 'e-1', retryMs: 2500 }).toString(),
        `retry: 2500\nid: e-1\n${data}`,
      )
    }
    t.equal(
      sse
        .control({ type: 'open', stream: 'n.1', topics: ['a', 'b'], heartbeatMs: 15_000 }, {})
        .toString(),
      'event: ringcast\ndata: {"type":"open","stream":"n.1","topics":["a","b"],"heartbeatMs":15000}\n\n',
    )
    t.equal(
      sse.control({ type: 'gap', reason: 'unknown', after: 'x\ny' }, { id: 'e-1' }).toString(),
      'id: e-1\nevent: ringcast\ndata: {"type":"gap","reason":"unknown","after":"x\\ny"}\n\n',
    )
    t.equal(
      sse
        .control(
          { type: 'bye', reason: 'shutdown', reconnect: true, retryMs: 700 },
          { retryMs: 700 },
        )
        .toString(),
      'retry: 700\nevent: ringcast\ndata: {"type":"bye","reason":"shutdown","reconnect":true,"retryMs":700}\n\n',
    )
  },
)

t.test('without control events the opening is a retry and a comment', async (t) => {
  t.equal(sse.quietOpen(2500).toString(), 'retry: 2500\n:\n')
  t.strictSame(parse(sse.quietOpen(2500).toString()), [])
})

t.test('a heartbeat is one comment line, and no blank line', async (t) => {
  const { bytes, start, end } = sse.heartbeat!
  t.equal(bytes.toString(), '2\r\n:\n\r\n')
  t.equal(bytes.toString('utf8', start, end), ':\n')
})

t.test('a frame is one HTTP chunk around its parts, its length in bytes', async (t) => {
  const parts: [parts: string[], bytes: string][] = [
    [['a'], '1\r\na\r\n'],
    [['ü', '', 'x'], '3\r\nüx\r\n'],
    [['y'.repeat(15)], `f\r\n${'y'.repeat(15)}\r\n`],
    [['y'.repeat(16)], `10\r\n${'y'.repeat(16)}\r\n`],
    [['y'.repeat(4000), 'y'.repeat(96)], `1000\r\n${'y'.repeat(4096)}\r\n`],
  ]
  for (const [texts, expected] of parts) {
    const { bytes, start, end } = sse.frame(texts.map((part) => Buffer.from(part)))
    t.equal(bytes.toString(), expected)
    t.equal(bytes.toString('utf8', start, end), texts.join(''))
  }
})

t.test('the formats have places of their own for their encodings', async (t) => {
  t.strictSame([sse.slot, sseEnvelope.slot], [0, 1])
})

const anyText = fc.string({
  unit: fc.oneof(
    fc.constantFrom('\n', '\r', '\r\n', ' ', ':', 'data: ', 'id', '\u0000', '\ufeff', '\u2028'),
    fc.string({ unit: 'binary', minLength: 1, maxLength: 1 }),
  ),
})
const anyName = fc
  .string({ minLength: 1, maxLength: 8, unit: 'binary' })
  .filter((name) => !/[\u0000-\u001f\u007f-\u009f]/.test(name))

t.test('whatever is pushed, a client gets one event, with the same name and lines', async () => {
  fc.assert(
    fc.property(anyText, fc.option(anyName, { nil: undefined }), (data, event) => {
      assert.deepEqual(parse(text(accepted({ data, event }))), [
        { id: 'e-10', event, data: data.split(/\r\n|\r|\n/).join('\n') },
      ])
    }),
  )
})

t.test('whatever is pushed, an envelope gives it back to the letter', async () => {
  fc.assert(
    fc.property(anyText, fc.option(anyName, { nil: undefined }), (data, event) => {
      const messages = parse(text(accepted({ data, event }), sseEnvelope))
      assert.equal(messages.length, 1)
      const { id, topics, time } = { id: 'e-10', topics: ['a'], time: '2026-01-02T03:04:05.006Z' }
      const expected = event === undefined ? { data } : { event, data }
      assert.deepEqual(JSON.parse(messages[0]!.data), { id, topics, ...expected, time })
    }),
  )
})
