import t from 'tap'
import { RingcastError, type ErrorCode } from '../../dist/errors.js'
import { checkEvent } from '../../dist/hub/event.js'

const maxBytes = 100

t.test('an event of data alone is a broadcast', async (t) => {
  t.strictSame(checkEvent({ data: 'hello' }, maxBytes), {
    topics: ['broadcast'],
    users: [],
    event: undefined,
    data: 'hello',
    json: false,
    key: undefined,
  })
})

t.test('topic and user are one name or many, each kept once', async (t) => {
  t.strictSame(checkEvent({ topic: 'a', data: '' }, maxBytes).topics, ['a'])
  t.strictSame(checkEvent({ topic: ['b', 'a', 'b'], data: '' }, maxBytes).topics, ['b', 'a'])
  const forUsers = checkEvent({ user: ['ann', 'bob', 'ann'], data: '' }, maxBytes)
  t.strictSame([forUsers.topics, forUsers.users], [[], ['ann', 'bob']])
  t.strictSame(checkEvent({ user: '*', data: '' }, maxBytes).users, ['*'], 'users have no patterns')
})

t.test('a string goes as it is, anything else as compact JSON', async (t) => {
  const cases: [data: unknown, text: string, json: boolean][] = [
    ['', '', false],
    ['"x"', '"x"', false],
    ['a\r\nb\u0000', 'a\r\nb\u0000', false],
    [null, 'null', true],
    [0, '0', true],
    [false, 'false', true],
    [{ a: [1, 'ü'] }, '{"a":[1,"ü"]}', true],
    [['\ud800'], '["\\ud800"]', true],
  ]
  for (const [data, text, json] of cases) {
    const checked = checkEvent({ data }, maxBytes)
    t.strictSame([checked.data, checked.json], [text, json])
  }
})

t.test('names and keys are taken up to their bounds', async (t) => {
  const event = 'x'.repeat(64)
  const key = '~ '.repeat(128)
  const topic = Array.from({ length: 100 }, (_, i) => `t${i}`)
  t.match(checkEvent({ topic, event, key, data: 'y'.repeat(maxBytes) }, maxBytes), { event, key })
  t.equal(checkEvent({ event: 'Ringcast', data: '' }, maxBytes).event, 'Ringcast')
  t.equal(checkEvent({ data: 'ü'.repeat(50) }, maxBytes).data.length, 50)
})

t.test('what breaks the grammar is refused, with the path of the field', async (t) => {
  const many = Array.from({ length: 101 }, (_, i) => `t${i}`)
  const refused: [value: unknown, path: string | undefined, message: RegExp][] = [
    [null, undefined, /an event is an object/],
    ['text', undefined, /an event is an object/],
    [[], undefined, /an event is an object/],
    [{ data: 1, topics: ['a'] }, 'topics', /unknown field "topics": topic, user, event, data, key/],
    [JSON.parse('{"data":1,"__proto__":{}}'), '__proto__', /unknown field/],
    [{ data: 1, topic: 'a', user: 'ann' }, 'user', /exclude each other/],
    [{}, 'data', /"data" is required/],
    [{ data: '\udc00' }, 'data', /lone surrogate/],
    [{ data: 1, topic: '' }, 'topic', /a topic must not be empty/],
    [{ data: 1, topic: null }, 'topic', /a topic must be a string/],
    [{ data: 1, topic: 7 }, 'topic', /must be a string/],
    [{ data: 1, topic: [] }, 'topic', /1 to 100 names \(it has 0\)/],
    [{ data: 1, topic: many }, 'topic', /1 to 100 names \(it has 101\)/],
    [{ data: 1, topic: ['a', 'b', 'c\n'] }, 'topic[2]', /control characters/],
    [{ data: 1, topic: ['a', ['b']] }, 'topic[1]', /must be a string/],
    [{ data: 1, topic: ['a', 'b/*'] }, 'topic[1]', /for subscribing/],
    [{ data: 1, topic: '**' }, 'topic', /for subscribing/],
    [{ data: 1, topic: 'x'.repeat(1025) }, 'topic', /at most 1024 bytes/],
    [{ data: 1, user: '' }, 'user', /a user must not be empty/],
    [{ data: 1, user: ['ann', 5] }, 'user[1]', /must be a string/],
    [{ data: 1, user: [] }, 'user', /1 to 100/],
    [{ data: 1, event: '' }, 'event', /1 to 64/],
    [{ data: 1, event: null }, 'event', /1 to 64/],
    [{ data: 1, event: 'x'.repeat(65) }, 'event', /1 to 64/],
    [{ data: 1, event: 'a\nb' }, 'event', /control characters/],
    [{ data: 1, event: '\ud800' }, 'event', /1 to 64/],
    [{ data: 1, event: 'ringcast' }, 'event', /must not be ringcast, open, error/],
    [{ data: 1, event: 'open' }, 'event', /must not be/],
    [{ data: 1, event: 'error' }, 'event', /must not be/],
    [{ data: 1, key: '' }, 'key', /1 to 256 printable ASCII/],
    [{ data: 1, key: 'x'.repeat(257) }, 'key', /1 to 256/],
    [{ data: 1, key: 'ü' }, 'key', /printable/],
    [{ data: 1, key: 'a\n' }, 'key', /printable/],
    [{ data: 1, key: 5 }, 'key', /printable/],
  ]
  for (const [value, path, message] of refused) {
    const error = refusal(value)
    t.match(error, { code: 'RINGCAST_INVALID_EVENT', statusCode: 400, message })
    t.equal(error.details.path, path)
  }
})

t.test('topics of the service cannot be pushed', async (t) => {
  for (const [topic, path] of [
    ['$sys/stats', 'topic'],
    [['a', '$'], 'topic[1]'],
  ]) {
    const error = refusal({ data: 1, topic })
    t.match(error, { code: 'RINGCAST_TOPIC_RESERVED' satisfies ErrorCode, statusCode: 403 })
    t.equal(error.details.path, path)
  }
})

t.test('data is measured in bytes as it is sent', async (t) => {
  for (const data of ['y'.repeat(101), 'ü'.repeat(51), ['y'.repeat(97)]]) {
    const error = refusal({ data })
    t.match(error, { code: 'RINGCAST_EVENT_TOO_LARGE', statusCode: 413, details: { path: 'data' } })
    t.match(error.message, /has 10[12] bytes, the most is 100/)
  }
})

function refusal(value: unknown): RingcastError {
  try {
    checkEvent(value, maxBytes)
  } catch (error) {
    if (error instanceof RingcastError) return error
    throw error
  }
  throw new Error(`${JSON.stringify(value)} was taken`)
}
