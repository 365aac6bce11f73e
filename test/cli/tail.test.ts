import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { Writable } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import t, { type Test } from 'tap'
import { runCommand } from '../../dist/cli/commands.js'
import { runTail } from '../../dist/cli/tail.js'
import { deadAddress, fakeIo, fakeService } from './fake-io.js'

const bye = control({ type: 'bye', reason: 'limit', reconnect: false })
const time = new Date(2024, 0, 2, 3, 4, 5, 6).toISOString()

/** A service that answers each connection with the next of the scripts, and then with `bye`. */
async function streamService(
  t: Test,
  ...scripts: ((response: ServerResponse, request: IncomingMessage) => void)[]
) {
  const requests: { query: string; lastEventId: string | undefined }[] = []
  const url = await fakeService(t, (request, response) => {
    requests.push({
      query: new URL(request.url ?? '', 'http://x').search,
      lastEventId: request.headers['last-event-id'] as string | undefined,
    })
    const script = scripts[requests.length - 1] ?? sends(bye)
    script(response, request)
  })
  return { url, requests }
}

/** A connection that brings these blocks and then ends. */
function sends(...blocks: string[]) {
  return (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.end(blocks.join(''))
  }
}

/** A connection that brings these blocks and then is silent. */
function holds(...blocks: string[]) {
  return (response: ServerResponse) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(blocks.join(''))
  }
}

function refuses(status: number, body: object, headers: Record<string, string> = {}) {
  return (response: ServerResponse) => {
    response.writeHead(status, { 'content-type': 'application/json', ...headers })
    response.end(JSON.stringify(body))
  }
}

function control(data: object, id?: string): string {
  const line = id === undefined ? '' : `id: ${id}\n`
  return `${line}event: ringcast\ndata: ${JSON.stringify(data)}\n\n`
}

function event(id: string, data: unknown, more: object = {}): string {
  return `id: ${id}\ndata: ${JSON.stringify({ id, topics: ['a'], data, time, ...more })}\n\n`
}

t.test('an event is a line: local time, topics, name and data', async (t) => {
  const { url, requests } = await streamService(
    t,
    sends(
      control({ type: 'open', stream: 'n.1', topics: ['a'], heartbeatMs: 15000 }, 'e-0'),
      event('e-1', 'plain'),
      event('e-2', { n: 1 }, { topics: ['a', 'b/c'], event: 'paid' }),
      event('e-3', 'two\nlines', { topics: [] }),
      control({ type: 'of-a-later-version' }),
      bye,
    ),
  )
  const io = fakeIo()
  t.equal(await runTail(['--url', url, '--topic', 'a', '--topic=b/**'], io), 0)
  t.equal(
    io.stdout.text(),
    '03:04:05.006 a plain\n' +
      '03:04:05.006 a,b/c paid {"n":1}\n' +
      '03:04:05.006 (user) two\n    lines\n',
  )
  t.equal(io.stderr.text(), 'ringcast: the service ended the stream (limit)\n')
  t.equal(requests[0]?.query, '?envelope=1&topic=a&topic=b%2F**')
})

t.test('where to begin, and for whom, goes with the query', async (t) => {
  const { url, requests } = await streamService(t)
  const argv = ['--user', 'me', '--from', 'earliest', '--last', '10', '--token', 'secret']
  await runTail(['--url', `${url}/`, ...argv], fakeIo())
  t.equal(requests[0]?.query, '?envelope=1&user=me&lastEventId=earliest&last=10')
})

t.test('nobody who pushes can drive the terminal of who watches', async (t) => {
  const evil = 'a\u001b[2J\u0007\u009b1m\r\u202e\tb\r\nc'
  const { url } = await streamService(
    t,
    sends(
      event('e-1', evil, { topics: ['t\u001b]0;x\n'], event: 'n\u007f' }),
      event('e-2', { [evil]: '\u009b1m' }),
      control({ type: 'gap', reason: '\u001bc', after: '\u001b[0m\n' }),
      control({ type: 'bye', reason: '\u001b[2J', reconnect: false }),
    ),
  )
  const io = fakeIo()
  await runTail(['--url', url], io)
  t.notMatch(io.stdout.text() + io.stderr.text(), /[^\P{Cc}\n\t]|\u202e/u)
  t.match(io.stdout.text(), 't\\x1b]0;x\\x0a n\\x7f a\\x1b[2J\\x07\\x9b1m\\x0d\\u202e\tb\n    c\n')
  t.match(io.stdout.text(), '-- gap (\\x1bc): events after \\x1b[0m\\x0a are missing --\n')
})

t.test('with --json events and gaps are printed exactly as received', async (t) => {
  const envelope = '{"id":"e-1","topics":["a"],"data":{"n":12345678901234567890},"time":"x"}'
  const gap = { type: 'gap', reason: 'evicted', after: 'e-0' }
  const { url } = await streamService(
    t,
    sends(control(gap, 'e-0'), `id: e-1\ndata: ${envelope}\n\n`, bye),
  )
  const io = fakeIo()
  t.equal(await runTail(['--url', url, '--json'], io), 0)
  t.equal(io.stdout.text(), `${JSON.stringify(gap)}\n${envelope}\n`)
})

t.test('a gap is shown in its place', async (t) => {
  const gap = control({ type: 'gap', reason: 'lagged', after: 'e-1' }, 'e-7')
  const { url } = await streamService(t, sends(event('e-1', 'x'), gap, event('e-8', 'y'), bye))
  const io = fakeIo()
  await runTail(['--url', url], io)
  t.match(io.stdout.text(), /x\n-- gap \(lagged\): events after e-1 are missing --\n.* y\n$/)
})

t.test(
  'a connection that ends is opened again, from the last id and as late as told',
  async (t) => {
    const { url, requests } = await streamService(
      t,
      sends('retry: 2000\n', control({ type: 'open' }, 'e-0'), event('e-5', 'one')),
      sends(control({ type: 'open' }, 'e-5'), control({ type: 'cursor' }, 'e-9')),
    )
    const io = fakeIo()
    t.equal(await runTail(['--url', url, '--from', 'e-0'], io), 0)
    t.same(
      requests.map(({ lastEventId }) => lastEventId),
      [undefined, 'e-5', 'e-9'],
    )
    t.same(io.slept, [3000, 3000], 'what was told, and half of that again as jitter')
    t.match(io.stdout.text(), /^\S+ a one\n$/)
  },
)

t.test('an outage is told once, and waited out longer and longer', async (t) => {
  const away = refuses(503, { code: 'RINGCAST_DRAINING', message: 'draining' })
  const slow = refuses(429, { message: 'slower' }, { 'retry-after': '20' })
  const { url } = await streamService(t, sends(event('e-1', 'x')), away, away, slow)
  const io = fakeIo()
  t.equal(await runTail(['--url', url], io), 0)
  t.same(io.slept, [4500, 6000, 9000, 32_000])
  t.equal(
    io.stderr.text(),
    'ringcast: the connection ended; trying again\nringcast: connected\n' +
      'ringcast: the service ended the stream (limit)\n',
  )
})

t.test('a connection that breaks in the middle of an event loses nothing', async (t) => {
  const { url, requests } = await streamService(t, (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(`${event('e-1', 'x')}id: e-2\ndata: {"half`, () => response.destroy())
  })
  const io = fakeIo()
  t.equal(await runTail(['--url', url], io), 0)
  t.equal(requests[1]?.lastEventId, 'e-1')
  t.match(io.stderr.text(), /^ringcast: the connection broke: /)
})

t.test('a silent connection is given up after two heartbeats and a little more', async (t) => {
  const io = fakeIo()
  const { url, requests } = await streamService(
    t,
    holds(control({ type: 'open', heartbeatMs: 1000 }, 'e-1'), event('e-2', 'x')),
  )
  const done = runTail(['--url', url], io)
  await io.stdout.until(/x/)
  const since = io.clock
  while (io.ticks.size > 0 && requests.length === 1) {
    io.pass(1000)
    await setImmediate()
  }
  t.ok(io.clock - since >= 7_000)
  t.equal(await done, 0)
  t.equal(requests[1]?.lastEventId, 'e-2')
  t.match(
    io.stderr.text(),
    /^ringcast: the connection broke: nothing came for \d+ s; trying again\n/,
  )
  t.equal(io.ticks.size, 0, 'nothing is left running')
})

t.test('a connection on which something comes now and then stays', async (t) => {
  const io = fakeIo()
  let stream: ServerResponse | undefined
  const { url, requests } = await streamService(t, (response) => {
    stream = response
    holds(control({ type: 'open', heartbeatMs: 1000 }), event('e-0', 'n0'))(response)
  })
  const done = runTail(['--url', url], io)
  for (let n = 0; n < 5; n += 1) {
    await io.stdout.until(new RegExp(`n${n}`))
    await setImmediate()
    io.pass(6_000)
    stream?.write(`:\n${event(`e-${n + 1}`, `n${n + 1}`)}`)
  }
  stream?.end(bye)
  t.equal(await done, 0)
  t.equal(requests.length, 1)
})

t.test('a service that is not there yet is waited for, and that is said', async (t) => {
  const io = fakeIo()
  let attempts = 0
  const sleep = (ms: number) => {
    attempts += 1
    if (attempts === 3) io.interrupt('SIGINT')
    return io.sleep(ms)
  }
  t.equal(await runTail(['--url', await deadAddress()], { ...io, sleep }), 130)
  t.match(
    io.stderr.text(),
    /^ringcast: cannot reach http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED.*; trying again\n$/,
  )
})

t.test('a refusal ends it with its message', async (t) => {
  const refusal = { code: 'RINGCAST_INVALID_TOPIC', message: 'no such pattern \u001b[2J' }
  const { url } = await streamService(t, refuses(400, refusal))
  const io = fakeIo()
  t.equal(await runTail(['--url', url], io), 1)
  t.equal(io.stderr.text(), 'ringcast: no such pattern \\x1b[2J (RINGCAST_INVALID_TOPIC)\n')
})

t.test('a revoked credential, or an answer that is no event stream, ends it', async (t) => {
  for (const [status, message] of [
    [204, 'ringcast: the credential was revoked (204)\n'],
    [200, 'ringcast: the answer is 200 with text/html, not an event stream\n'],
  ] as const) {
    const { url } = await streamService(t, (response) => {
      response.writeHead(status, { 'content-type': 'text/html' }).end()
    })
    const io = fakeIo()
    t.equal(await runTail(['--url', url], io), 1)
    t.equal(io.stderr.text(), message)
  }
})

t.test('bye with reconnect comes back', async (t) => {
  const shutdown = control({ type: 'bye', reason: 'shutdown', reconnect: true })
  const { url, requests } = await streamService(
    t,
    holds(event('e-1', 'x'), `retry: 50\n${shutdown}`),
  )
  const io = fakeIo()
  t.equal(await runTail(['--url', url], io), 0)
  t.same(io.slept, [75])
  t.equal(requests[1]?.lastEventId, 'e-1')
  t.match(io.stderr.text(), /^ringcast: the service ended the stream \(shutdown\); trying again\n/)
})

t.test('SIGINT and SIGTERM end it at once, and quietly', async (t) => {
  for (const [signal, exitCode] of [
    ['SIGINT', 130],
    ['SIGTERM', 143],
  ] as const) {
    const { url } = await streamService(t, holds(event('e-1', 'x')))
    const io = fakeIo()
    const done = runTail(['--url', url], io)
    await io.stdout.until(/x/)
    io.interrupt(signal)
    t.equal(await done, exitCode)
    t.equal(io.stderr.text(), '')
  }
})

t.test('it ends quietly when nobody reads its output any longer', async (t) => {
  const { url } = await streamService(t, holds(event('e-1', 'x')))
  const io = fakeIo()
  const stdout = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('gone'), { code: 'EPIPE' })),
  })
  t.equal(await runTail(['--url', url], { ...io, stdout }), 0)
  t.equal(io.stderr.text(), '')
})

t.test('an output that cannot be written ends it with the reason', async (t) => {
  const { url } = await streamService(t, holds(event('e-1', 'x')))
  const io = fakeIo()
  const stdout = new Writable({
    write: (_chunk, _encoding, done) => done(Object.assign(new Error('full'), { code: 'ENOSPC' })),
  })
  t.equal(await runTail(['--url', url], { ...io, stdout }), 1)
  t.equal(io.stderr.text(), 'ringcast: cannot write to standard output: full\n')
})

t.test('a slow reader of the output makes a slow reader of the stream', async (t) => {
  const io = fakeIo()
  const block = event('e-1', 'x'.repeat(50_000))
  const { url } = await streamService(t, (response) => {
    response.writeHead(200, { 'content-type': 'text/event-stream' })
    response.write(control({ type: 'open', heartbeatMs: 1000 }))
    for (let i = 0; i < 200; i += 1) response.write(block)
    response.write(bye)
  })
  const writes: (() => void)[] = []
  const stdout = new Writable({
    highWaterMark: 1,
    write(_chunk, _encoding, done) {
      writes.push(done)
      stdout.emit('taken')
    },
  })
  const done = runTail(['--url', url], { ...io, stdout })
  await once(stdout, 'taken')
  io.pass(60_000)
  t.equal(stdout.writableLength < 60_000, true, 'one event waits, not two hundred')
  stdout.on('taken', () => process.nextTick(() => writes.pop()?.()))
  writes.pop()?.()
  t.equal(await done, 0)
  t.equal(io.slept.length, 0, 'and its slowness is not taken for silence')
})

t.test('a command line that cannot be followed is refused with exit code 2', async (t) => {
  for (const [argv, message] of [
    [['orders'], /takes no "orders"; a topic is given as --topic/],
    [['--last', '1001'], /--last: "1001" is not a whole number from 0 to 1000/],
    [['--last=-1'], /--last: "-1"/],
    [['--form', 'e-1'], /unknown flag --form; the nearest is --from/],
    [['--url', 'x'], /--url: "x" is not/],
  ] as const) {
    const io = fakeIo()
    t.equal(await runCommand(['tail', ...argv], io), 2, argv.join(' '))
    t.match(io.stderr.text(), message)
  }
})
