import type { ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import t, { type Test } from 'tap'
import { runCommand } from '../../dist/cli/commands.js'
import { runPush } from '../../dist/cli/push.js'
import { startSecureApp } from '../helpers/app.js'
import { deadAddress, fakeIo, fakeService } from './fake-io.js'

interface Event {
  data: unknown
  key: string
  topic?: string | string[]
  user?: string | string[]
  event?: string
}

type Refusal = [status: number, body: object, headers?: Record<string, string>]

/** A service that accepts what `refuse` does not refuse, and keeps what it was asked. */
async function pushService(
  t: Test,
  refuse: (events: Event[], request: number) => Refusal | undefined = () => undefined,
) {
  const requests: Event[][] = []
  const accepted: Event[] = []
  const heads: { url: string | undefined; authorization: string | undefined }[] = []
  const url = await fakeService(t, ({ url, headers: { authorization } }, response, body) => {
    const given = JSON.parse(body) as Event | Event[]
    const events = [given].flat()
    requests.push(events)
    heads.push({ url, authorization })
    const refusal = refuse(events, requests.length)
    if (refusal !== undefined) {
      answer(response, ...refusal)
      return
    }
    const ids = events.map((_, index) => `e-${accepted.length + index}`)
    accepted.push(...events)
    answer(response, 202, Array.isArray(given) ? { ids } : { id: ids[0] })
  })
  return { url, requests, accepted, heads }
}

function answer(response: ServerResponse, status: number, body: object, headers = {}): void {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(JSON.stringify(body))
}

const busy: Refusal = [503, { code: 'RINGCAST_BUSY', message: 'busy' }, { 'retry-after': '2' }]

t.test('data is pushed as one event, and its id is printed', async (t) => {
  const { url, accepted } = await pushService(t)
  const io = fakeIo({ RINGCAST_URL: url })
  t.equal(await runPush(['--topic', 'a/b', '--event', 'e', '--key', 'k', 'hi "you"'], io), 0)
  t.same(accepted, [{ topic: 'a/b', event: 'e', data: 'hi "you"', key: 'k' }])
  t.equal(io.stdout.text(), 'e-0\n')
  t.equal(io.stderr.text(), '')
})

t.test('several topics or users go as a list, and none at all as none', async (t) => {
  const { url, accepted } = await pushService(t)
  await runPush(['--url', url, '--topic=a', '--topic=b', 'x'], fakeIo())
  await runPush(['--url', url, '--user=u', '--user=v', 'x'], fakeIo())
  await runPush(['--url', url, '--', '-5'], fakeIo())
  t.match(accepted, [{ topic: ['a', 'b'] }, { user: ['u', 'v'] }, { data: '-5', key: /^push-/ }])
  t.notOk(accepted[2] && 'topic' in accepted[2])
})

t.test('the path of the base address stays, and the token goes with the request', async (t) => {
  const { url, heads } = await pushService(t)
  await runPush(['--url', `${url}/ring/`, 'x'], fakeIo({ RINGCAST_TOKEN: 'from-env' }))
  await runPush(['--url', url, '--token', 'given', 'x'], fakeIo({ RINGCAST_TOKEN: 'from-env' }))
  t.same(heads, [
    { url: '/ring/api/push', authorization: 'Bearer from-env' },
    { url: '/api/push', authorization: 'Bearer given' },
  ])
})

t.test('a token in a file is the first line of it, and never nothing', async (t) => {
  const { url, heads } = await pushService(t)
  const folder = t.testdir({ keys: 'first-key\nsecond-key\n', token: 'a-token', empty: '\n' })
  const push = (flags: readonly string[], env: Record<string, string> = {}): Promise<number> =>
    runPush(['--url', url, ...flags, 'x'], fakeIo(env))
  await push([], { RINGCAST_TOKEN_FILE: `${folder}/keys` })
  await push(['--token-file', `${folder}/token`], { RINGCAST_TOKEN: 'from-env' })
  t.match(heads, [{ authorization: 'Bearer first-key' }, { authorization: 'Bearer a-token' }])
  for (const [flags, env, said] of [
    [['--token-file', `${folder}/none`], {}, /^--token-file: .*ENOENT/],
    [['--token-file', `${folder}/empty`], {}, /^--token-file: .* has no token in its first line$/],
    [[], { RINGCAST_TOKEN_FILE: `${folder}/empty` }, /^RINGCAST_TOKEN_FILE: /],
    [['--token', 't', '--token-file', `${folder}/token`], {}, /exclude each other/],
    [[], { RINGCAST_TOKEN: 't', RINGCAST_TOKEN_FILE: `${folder}/token` }, /exclude each other/],
  ] as const) {
    await t.rejects(push(flags, env), { name: /UsageError|SettingsError/, message: said })
  }
  t.equal(heads.length, 2)
})

t.test('with --json the data is sent as the JSON that it is', async (t) => {
  let body = ''
  const url = await fakeService(t, (_request, response, text) => {
    body = text
    answer(response, 202, { id: 'e-0' })
  })
  t.equal(
    await runPush(['--url', url, '--json', '--key=k', '{"n":12345678901234567890}'], fakeIo()),
    0,
  )
  t.equal(body, '{"data":{"n":12345678901234567890},"key":"k"}')
})

t.test('each line of standard input is an event, in order', async (t) => {
  const { url, accepted } = await pushService(t)
  const io = fakeIo()
  io.stdin.end('one\r\n\ntwo\n')
  t.equal(await runPush(['--url', url, '--topic', 'log', '-'], io), 0)
  t.match(accepted, [
    { topic: 'log', data: 'one' },
    { topic: 'log', data: '' },
    { topic: 'log', data: 'two' },
  ])
  t.equal(new Set(accepted.map(({ key }) => key)).size, 3)
  t.equal(io.stdout.text(), '')
  t.equal(io.stderr.text(), '3 events pushed\n')
})

t.test(
  'a character that is cut by the end of a chunk, and a last line without end, are whole',
  async (t) => {
    const { url, accepted } = await pushService(t)
    const bytes = Buffer.from('grün\nblau')
    const stdin = Readable.from([bytes.subarray(0, 3), bytes.subarray(3)], { objectMode: false })
    t.equal(await runPush(['--url', url, '-'], { ...fakeIo(), stdin }), 0)
    t.match(accepted, [{ data: 'grün' }, { data: 'blau' }])
  },
)

t.test('a line that is not UTF-8 is named, and nothing is made of it', async (t) => {
  for (const size of [1, 5, 1000]) {
    const { url, accepted } = await pushService(t)
    const bytes = Buffer.concat([
      Buffer.from('one\r\ntwö\n'),
      Buffer.of(0x67, 0xfc),
      Buffer.from('\nx\n'),
    ])
    const chunks = Array.from({ length: Math.ceil(bytes.length / size) }, (_, n) =>
      bytes.subarray(n * size, (n + 1) * size),
    )
    const io = fakeIo()
    const stdin = Readable.from(chunks, { objectMode: false })
    t.equal(await runPush(['--url', url, '-'], { ...io, stdin }), 1)
    t.match(accepted, [{ data: 'one' }, { data: 'twö' }])
    t.equal(accepted.length, 2)
    t.match(io.stderr.text(), /line 3: this is not UTF-8/)
  }
})

t.test('no line at all is no event, and no request', async (t) => {
  const { url, requests } = await pushService(t)
  const io = fakeIo()
  io.stdin.end()
  t.equal(await runPush(['--url', url, '-'], io), 0)
  t.equal(requests.length, 0)
  t.equal(io.stderr.text(), '0 events pushed\n')
})

t.test('lines go at once, and those that come meanwhile go together', async (t) => {
  const io = fakeIo()
  const batches: unknown[][] = []
  const url = await fakeService(t, (_request, response, body) => {
    const events = JSON.parse(body) as Event[]
    batches.push(events.map(({ data }) => data))
    const respond = () => answer(response, 202, { ids: events.map(() => 'e-0') })
    if (batches.length > 1) {
      respond()
      return
    }
    io.stdin.end('two\nthree\n')
    io.stdin.once('end', respond)
  })
  const done = runPush(['--url', url, '-'], io)
  io.stdin.write('one\n')
  t.equal(await done, 0)
  t.same(batches, [['one'], ['two', 'three']])
})

t.test('a batch has at most 1,000 events and about 1 MiB', async (t) => {
  const { url, requests } = await pushService(t)
  const io = fakeIo()
  io.stdin.end('x\n'.repeat(2500))
  t.equal(await runPush(['--url', url, '-'], io), 0)
  t.equal(requests.flat().length, 2500)
  t.ok(requests.every((events) => events.length <= 1000))

  const large = fakeIo()
  large.stdin.end(`${'y'.repeat(400_000)}\n`.repeat(6))
  requests.length = 0
  t.equal(await runPush(['--url', url, '-'], large), 0)
  t.equal(requests.flat().length, 6)
  t.ok(requests.every((events) => events.length <= 2))
})

t.test('a file is not read faster than it is pushed', async (t) => {
  const line = `${'z'.repeat(99_999)}\n`
  let read = 0
  let pushed = 0
  let furthestAhead = 0
  async function* file() {
    for (let i = 0; i < 300; i += 1) {
      read += line.length
      furthestAhead = Math.max(furthestAhead, read - pushed)
      yield Buffer.from(line)
    }
  }
  const url = await fakeService(t, (_request, response, body) => {
    const events = JSON.parse(body) as Event[]
    pushed += events.length * line.length
    answer(response, 202, { ids: events.map(() => 'e-0') })
  })
  t.equal(await runPush(['--url', url, '-'], { ...fakeIo(), stdin: Readable.from(file()) }), 0)
  t.equal(pushed, 300 * line.length)
  t.ok(furthestAhead < 8 * 2 ** 20, `${furthestAhead} bytes ahead`)
})

t.test('a busy service is asked again, as late as it says, with the same keys', async (t) => {
  const { url, requests, accepted } = await pushService(t, (_events, request) =>
    request <= 2 ? busy : undefined,
  )
  const io = fakeIo()
  io.stdin.end('one\ntwo\n')
  t.equal(await runPush(['--url', url, '-'], io), 0)
  t.equal(requests.length, 3)
  t.same(requests[2], requests[0])
  t.equal(accepted.length, 2)
  t.same(io.slept, [2125, 2250], 'Retry-After, and half of a back-off that doubles')
  t.equal(
    io.stderr.text(),
    'ringcast: busy (RINGCAST_BUSY); trying again for 60 s\n2 events pushed\n',
  )
})

t.test('an event whose answer was lost is pushed again with the same key', async (t) => {
  const keys: string[] = []
  const url = await fakeService(t, (request, response, body) => {
    keys.push((JSON.parse(body) as Event).key)
    if (keys.length === 1) request.socket.destroy()
    else answer(response, 202, { id: 'e-0', duplicate: true })
  })
  const io = fakeIo()
  t.equal(await runPush(['--url', url, 'x'], io), 0)
  t.equal(keys.length, 2)
  t.equal(keys[0], keys[1])
  t.equal(io.stdout.text(), 'e-0\n')
  t.match(io.stderr.text(), /^ringcast: cannot reach .*; trying again for 60 s\n$/)
})

t.test('an outage is told once, and waited out for as long as --retry-for says', async (t) => {
  const { url, requests } = await pushService(t, () => [429, { message: 'slower' }])
  const io = fakeIo()
  io.stdin.end('one\n')
  t.equal(await runPush(['--url', url, '--retry-for', '10s', '-'], io), 1)
  t.ok(requests.length > 4)
  t.ok(io.slept.reduce((sum, ms) => sum + ms) <= 10_000)
  t.match(
    io.stderr.text(),
    /^ringcast: slower; trying again for 10 s\nringcast: gave up after [\d.]+ s: slower\n0 events pushed, the rest was not\n$/,
  )
})

t.test('with --retry-for 0 nothing is tried again', async (t) => {
  const { url, requests } = await pushService(t, () => busy)
  const io = fakeIo()
  t.equal(await runPush(['--url', url, '--retry-for=0', 'x'], io), 1)
  t.equal(requests.length, 1)
  t.equal(io.stderr.text(), 'ringcast: busy (RINGCAST_BUSY)\n')
})

t.test('a service that is not there is said to be unreachable', async (t) => {
  const io = fakeIo()
  t.equal(await runPush(['--url', await deadAddress(), '--retry-for=0', 'x'], io), 1)
  t.match(io.stderr.text(), /^ringcast: cannot reach http:\/\/127\.0\.0\.1:\d+: .*ECONNREFUSED/)
})

t.test('a certificate that cannot be trusted ends it at once, and is told how to be', async (t) => {
  const { url } = await startSecureApp(t)
  const io = fakeIo()
  t.equal(await runPush(['--url', url, 'x'], io), 1)
  t.match(io.stderr.text(), /^ringcast: cannot reach https:.*certificate \(NODE_EXTRA_CA_CERTS=/)
  t.same(io.slept, [])
  const plain = fakeIo()
  const http = url.replace('https:', 'http:')
  t.equal(await runPush(['--url', http, '--retry-for=0', 'x'], plain), 1)
  t.match(plain.stderr.text(), /is it https there\?/)
})

t.test('a refusal names the line, and all lines before it are accepted', async (t) => {
  const tooLarge = { code: 'RINGCAST_EVENT_TOO_LARGE', message: 'too large \u001b[2J' }
  const { url, accepted } = await pushService(t, (events) => {
    const index = events.findIndex(({ data }) => data === 'bad')
    return index < 0 ? undefined : [413, { ...tooLarge, index }]
  })
  const io = fakeIo()
  io.stdin.end('one\ntwo\nbad\nfour\n')
  t.equal(await runPush(['--url', url, '-'], io), 1)
  t.same(
    accepted.map(({ data }) => data),
    ['one', 'two'],
  )
  t.equal(
    io.stderr.text(),
    'ringcast: line 3: too large \\x1b[2J (RINGCAST_EVENT_TOO_LARGE)\n2 events pushed, the rest was not\n',
  )
})

t.test('a refusal that names no event is told without a line, and ends the push', async (t) => {
  const { url, requests } = await pushService(t, () => [403, { message: 'not granted' }])
  const io = fakeIo()
  io.stdin.end('one\ntwo\n')
  t.equal(await runPush(['--url', url, '-'], io), 1)
  t.equal(requests.length, 1)
  t.match(io.stderr.text(), /^ringcast: not granted\n0 events pushed/)
})

t.test('a batch that is too large for the service goes in smaller ones', async (t) => {
  const { url, requests, accepted } = await pushService(t, (events) =>
    events.length > 2 ? [413, { message: 'body too large' }] : undefined,
  )
  const io = fakeIo()
  io.stdin.end('1\n2\n3\n4\n5\n')
  t.equal(await runPush(['--url', url, '-'], io), 0)
  t.same(
    accepted.map(({ data }) => data),
    ['1', '2', '3', '4', '5'],
  )
  t.ok(requests.length > 2)
  t.equal(io.stderr.text(), '5 events pushed\n')
})

t.test('what answers but is no such service has not accepted anything', async (t) => {
  const url = await fakeService(t, (_request, response) => response.end('<html>'))
  const io = fakeIo()
  t.equal(await runPush(['--url', url, 'x'], io), 1)
  t.match(
    io.stderr.text(),
    /^ringcast: the answer of http:\/\/127\.0\.0\.1:\d+ is 200 OK, not one of Ringcast \(.*\)\n$/,
  )
})

t.test('with --ndjson lines are event objects, and flags fill what they lack', async (t) => {
  const { url, accepted } = await pushService(t)
  const io = fakeIo()
  io.stdin.end(
    '{"data":1}\n\n {"data":2,"topic":"own","key":"k"} \n{"data":3,"user":"u","event":"f"}\n',
  )
  t.equal(await runPush(['--url', url, '--ndjson', '--topic', 't', '--event=e', '-'], io), 0)
  t.match(accepted, [
    { data: 1, topic: 't', event: 'e', key: /^push-[0-9a-f]{16}-1$/ },
    { data: 2, topic: 'own', event: 'e', key: 'k' },
    { data: 3, user: 'u', event: 'f', key: /-4$/ },
  ])
  t.notOk(accepted[2] && 'topic' in accepted[2])
  t.equal(io.stderr.text(), '3 events pushed\n')
})

t.test('a line that is no JSON object is named, and the lines before it are pushed', async (t) => {
  for (const bad of ['{"data":', '[1]', '"text"']) {
    const { url, accepted } = await pushService(t)
    const io = fakeIo()
    io.stdin.end(`{"data":1}\n\n${bad}\n{"data":4}\n`)
    t.equal(await runPush(['--url', url, '--ndjson', '-'], io), 1)
    t.match(accepted, [{ data: 1 }])
    t.equal(accepted.length, 1)
    t.equal(
      io.stderr.text(),
      'ringcast: line 3: not a JSON object\n1 event pushed, the rest was not\n',
    )
  }
})

t.test('with --json each line is JSON data', async (t) => {
  const { url, accepted } = await pushService(t)
  const io = fakeIo()
  io.stdin.end('{"a":1}\n[2]\nthree\n')
  t.equal(await runPush(['--url', url, '--json', '-'], io), 1)
  t.match(accepted, [{ data: { a: 1 } }, { data: [2] }])
  t.match(io.stderr.text(), /line 3: not JSON\n/)
})

t.test('SIGINT lets the batch in flight finish, and pushes no other', async (t) => {
  const io = fakeIo()
  const { url, accepted } = await pushService(t, () => {
    io.interrupt('SIGINT')
    return undefined
  })
  io.stdin.write('one\n')
  t.equal(await runPush(['--url', url, '-'], io), 130)
  t.equal(accepted.length, 1)
  t.equal(io.stderr.text(), '1 event pushed, then interrupted\n')
  t.ok(io.stdin.destroyed)
})

t.test(
  'SIGTERM while nothing comes, or while an outage is waited out, ends the push',
  async (t) => {
    const idle = fakeIo()
    const { url } = await pushService(t, () => busy)
    const ended = runPush(['--url', url, '-'], idle)
    idle.interrupt('SIGTERM')
    t.equal(await ended, 143)

    const away = fakeIo()
    const sleep = (ms: number) => {
      away.interrupt('SIGTERM')
      return away.sleep(ms)
    }
    t.equal(await runPush(['--url', url, 'x'], { ...away, sleep }), 143)
    t.same(away.slept.length, 1)
  },
)

t.test('progress is one line that is written over, on a terminal only', async (t) => {
  const { url } = await pushService(t)
  const io = fakeIo()
  io.stderr.isTTY = true
  io.stdin.end('one\ntwo\n')
  t.equal(await runPush(['--url', url, '-'], io), 0)
  t.match(io.stderr.text(), /^\r\u001b\[K2 events, \d+ events\/s\r\u001b\[K2 events pushed\n$/)
})

t.test('a command line that cannot be followed is refused with exit code 2', async (t) => {
  for (const [argv, message] of [
    [[], /needs DATA, or - for standard input/],
    [['a', 'b'], /one DATA; what is "b"/],
    [['--key', 'k', '-'], /--key names one event/],
    [['--topic=a', '--user=b', 'x'], /exclude each other/],
    [['--ndjson', 'x'], /give - instead of DATA/],
    [['--ndjson', '--json', '-'], /exclude each other/],
    [['--json', '{'], /DATA is not JSON: "\{"/],
    [['--json', ''], /DATA is not JSON/],
    [['--retry-for', '60', 'x'], /--retry-for: "60" is not a duration/],
    [['--url', 'ftp://x', 'x'], /--url: "ftp:\/\/x" is not an http/],
    [['--url', 'http://me:pw@x', 'x'], /--url: "http:\/\/…@x" is not/],
    [['--token', 'a b', 'x'], /the token has characters/],
    [['--topics', 'a', 'x'], /unknown flag --topics; the nearest is --topic/],
  ] as const) {
    const io = fakeIo()
    t.equal(await runCommand(['push', ...argv], io), 2, argv.join(' '))
    t.match(io.stderr.text(), message)
    t.match(io.stderr.text(), /^ringcast: .*\n$/)
  }
})

t.test('an unusable RINGCAST_URL is named', async (t) => {
  const io = fakeIo({ RINGCAST_URL: 'localhost:8080' })
  t.equal(await runCommand(['push', 'x'], io), 2)
  t.match(io.stderr.text(), /RINGCAST_URL: "localhost:8080" is not/)
})
