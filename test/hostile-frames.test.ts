import fc from 'fast-check'
import t, { type Test } from 'tap'
import { connectionsOf, push, startApp, type RunningApp } from './helpers/app.js'
import { ask } from './helpers/ask.js'
import { connection, pushText, requestText } from './helpers/connection.js'
import { startServer, type ServerProcess } from './helpers/server-process.js'
import { openStream } from './helpers/sse-client.js'
import { until } from './helpers/until.js'
import { openWebSocket } from './helpers/web-socket-client.js'
import {
  closing,
  fragments,
  frameBytes,
  framedSocket,
  handshakeText,
  opcodes,
  openFramed,
  type FrameDraft,
  type FramedSocket,
} from './helpers/web-socket-frames.js'

const mebibyte = 1024 * 1024
const ping = '{"type":"ping","ref":"still here"}'
const { continuation, text, binary, close, ping: pingFrame, pong } = opcodes

/** A service, and what shows that nothing befell it. */
interface Beset {
  readonly app: RunningApp
  /** A push is taken and delivered, over both transports, on connections that were open all the time. */
  readonly isUnharmed: () => Promise<void>
}

async function beset(t: Test, settings: Parameters<typeof startApp>[1] = {}): Promise<Beset> {
  const app = await startApp(t, settings)
  return { app, isUnharmed: await witnesses(t, app) }
}

async function witnesses(
  t: Test,
  { url, port }: Pick<RunningApp, 'url' | 'port'>,
): Promise<() => Promise<void>> {
  const streams = [
    await openStream(t, port, '/events?topic=witness'),
    await openWebSocket(t, port, '/ws?topic=witness'),
  ]
  let pushed = 0
  return async () => {
    await push(url, { topic: 'witness', data: ++pushed })
    for (const stream of streams) {
      await stream.received(pushed)
      if (Number(stream.events[pushed - 1]!.data) !== pushed) throw new Error('not what was pushed')
    }
  }
}

/** Sends frames on a connection of their own, and tells the code that it is closed with. */
async function codeOf(t: Test, app: RunningApp, bytes: readonly Buffer[]) {
  const framed = await openFramed(t, app.port, '/ws?topic=hostile')
  framed.write(Buffer.concat(bytes))
  const code = await framed.end()
  framed.socket.destroy()
  return code
}

/** The connection answers still. */
async function isAnswered(framed: FramedSocket, ref: unknown = 'still here'): Promise<unknown> {
  return framed.message(`the answer to ${String(ref)}`, (message) => message['ref'] === ref)
}

const onlyWitnesses = (app: RunningApp): Promise<void> =>
  until(() => app.hub.streams.size === 2, 'nothing to be left but the witnesses')

t.test('a message is one, in however many frames and packets it comes', async (t) => {
  const { app, isUnharmed } = await beset(t)
  const message = (ref: string) => JSON.stringify({ type: 'ping', ref })
  const between = [
    frameBytes({ opcode: pingFrame, payload: 'between' }),
    frameBytes({ opcode: pong }),
    frameBytes({ opcode: pingFrame, payload: Buffer.alloc(125, 1) }),
  ]
  const framed = await openFramed(t, app.port)
  for (const size of [1, 2, 3, 7, 20]) {
    const ref = `€😀 in fragments of ${size}`
    framed.write(...fragments(message(ref), size))
    t.match(await isAnswered(framed, ref), { type: 'ok' })
  }

  const [first, ...rest] = fragments(message('control frames between'), 10)
  framed.write(first!, ...rest.flatMap((fragment) => [...between, fragment]))
  t.match(await isAnswered(framed, 'control frames between'), { type: 'ok' })
  const pongs = framed.frames.filter(({ opcode }) => opcode === pong)
  t.equal(pongs.length, 2 * rest.length, 'each ping is answered')
  t.equal(pongs[0]!.payload.toString(), 'between')
  t.same(pongs[1]!.payload, Buffer.alloc(125, 1))

  const parts = fragments(message('empty ones between'), 10)
  const empty = frameBytes({ opcode: continuation, fin: false })
  framed.write(
    frameBytes({ opcode: text, fin: false }),
    ...parts.map((part, i) => {
      if (i > 0) return Buffer.concat([empty, part])
      return Buffer.concat([empty, Buffer.of(continuation), part.subarray(1)])
    }),
  )
  t.match(await isAnswered(framed, 'empty ones between'), { type: 'ok' })

  await framed.drip(Buffer.concat([...fragments(message('byte by byte'), 5), ...between]))
  t.match(await isAnswered(framed, 'byte by byte'), { type: 'ok' })
  const refs = Array.from({ length: 1000 }, (_, ref) => ref)
  framed.write(
    Buffer.concat(
      refs.map((ref) => frameBytes({ payload: JSON.stringify({ type: 'ping', ref }) })),
    ),
  )
  await isAnswered(framed, 999)
  const answered = framed.messages.map(({ ref }) => ref).filter((ref) => typeof ref === 'number')
  t.same(answered, refs, 'many in one packet are answered in their order')
  t.notOk(framed.closed)
  t.ok(
    framed.frames.every(({ rsv, fin }) => rsv === 0 && fin),
    'and the service sends plain frames',
  )
  await isUnharmed()
})

t.test('what breaks the protocol is closed with 1002', async (t) => {
  const { app, isUnharmed } = await beset(t)
  const begun = frameBytes({ fin: false, payload: ping.slice(0, 5) })
  const broken: Record<string, Buffer[]> = {
    'a text with RSV1': [frameBytes({ rsv: 4, payload: ping })],
    'a text with RSV2': [frameBytes({ rsv: 2, payload: ping })],
    'a text with RSV3': [frameBytes({ rsv: 1, payload: ping })],
    'a ping with RSV1': [frameBytes({ opcode: pingFrame, rsv: 4 })],
    'a fragment with RSV1': [begun, frameBytes({ opcode: continuation, rsv: 4 })],
    'a text that is not masked': [frameBytes({ masked: false, payload: ping })],
    'a ping that is not masked': [frameBytes({ masked: false, opcode: pingFrame })],
    'a close that is not masked': [frameBytes({ masked: false, opcode: close })],
    'a ping of 126 bytes': [frameBytes({ opcode: pingFrame, payload: Buffer.alloc(126) })],
    'a pong of 126 bytes': [frameBytes({ opcode: pong, payload: Buffer.alloc(126) })],
    'a close of 126 bytes': [
      frameBytes({ opcode: close, payload: closing(1000, 'x'.repeat(124)) }),
    ],
    'a ping in fragments': [frameBytes({ opcode: pingFrame, fin: false })],
    'a close in fragments': [
      frameBytes({ opcode: close, fin: false, payload: closing(1000) }),
      frameBytes({ opcode: continuation }),
    ],
    'a continuation of nothing': [frameBytes({ opcode: continuation, payload: ping })],
    'a continuation behind a whole text': [
      frameBytes({ payload: ping }),
      frameBytes({ opcode: continuation }),
    ],
    'a text in the middle of a text': [begun, frameBytes({ payload: ping })],
    'a binary in the middle of a text': [begun, frameBytes({ opcode: binary, payload: ping })],
  }
  for (const opcode of [3, 4, 5, 6, 7, 11, 12, 13, 14, 15]) {
    broken[`the opcode ${opcode}`] = [frameBytes({ opcode, payload: ping })]
  }
  for (const [what, bytes] of Object.entries(broken))
    t.equal(await codeOf(t, app, bytes), 1002, what)
  await onlyWitnesses(app)
  t.match(app.hub.stats.closed, { refused: Object.keys(broken).length, client: 0 })
  await isUnharmed()
})

t.test('a close is answered with its code, and a bad one with 1002', async (t) => {
  const { app, isUnharmed } = await beset(t)
  const answerTo = (payload: Buffer) => codeOf(t, app, [frameBytes({ opcode: close, payload })])
  for (const code of [1000, 1001, 1003, 1007, 1008, 1011, 3000, 3999, 4000, 4999]) {
    t.equal(await answerTo(closing(code, 'a réason')), code)
  }
  t.equal(await answerTo(Buffer.alloc(0)), 1005, 'none without a code')
  t.equal(await answerTo(Buffer.of(3)), 1002, 'half a code')
  for (const code of [0, 1, 999, 1004, 1005, 1006, 1015, 1016, 2999, 5000, 65_535]) {
    t.equal(await answerTo(closing(code)), 1002, `${code}`)
  }
  t.equal(await answerTo(closing(1000, Buffer.of(0xff))), 1007, 'a reason that is no text')

  const push = { type: 'push', topic: 'witness', data: 'behind' }
  const behind = [
    frameBytes({ opcode: close, payload: closing(1000) }),
    frameBytes({ payload: JSON.stringify(push) }),
  ]
  t.equal(await codeOf(t, app, behind), 1000)
  t.equal(app.hub.stats.accepted, 0, 'what comes behind a close is not executed')
  await onlyWitnesses(app)
  await isUnharmed()
})

t.test('text that is not UTF-8 is closed with 1007, wherever it is cut', async (t) => {
  const { app, isUnharmed } = await beset(t)
  for (const hex of [
    'ff',
    '80',
    'c080',
    'e282',
    'eda080',
    'eda080edb080',
    'f0808080',
    'f4908080',
    'f8888080',
  ]) {
    const bytes = Buffer.concat([
      Buffer.from('{"type":"ping","ref":"'),
      Buffer.from(hex, 'hex'),
      Buffer.from('"}'),
    ])
    t.equal(await codeOf(t, app, [frameBytes({ payload: bytes })]), 1007, hex)
    t.equal(await codeOf(t, app, fragments(bytes, 1)), 1007, `${hex}, a byte a frame`)
    const cut = bytes.subarray(0, -2)
    t.equal(await codeOf(t, app, [frameBytes({ payload: cut })]), 1007, `${hex} at the end`)
  }
  await onlyWitnesses(app)
  await isUnharmed()
})

t.test('a message over the limit is refused, one far over it ends the connection', async (t) => {
  const maxEventBytes = 1024
  const { app, isUnharmed } = await beset(t, { maxEventBytes })
  const limit = 128 * 1024 + 6 * maxEventBytes
  const framed = await openFramed(t, app.port)
  const ofSize = (size: number, ref: number) => {
    const message = JSON.stringify({ type: 'ping', ref })
    return message + ' '.repeat(size - message.length)
  }
  framed.write(frameBytes({ payload: ofSize(limit, 1) }))
  t.match(await isAnswered(framed, 1), { type: 'ok' }, 'one of just the limit')
  framed.write(...fragments(ofSize(limit, 2), 1000))
  t.match(await isAnswered(framed, 2), { type: 'ok' }, 'in fragments too')
  for (const [n, size] of [limit + 1, 2 * limit - 80_000].entries()) {
    framed.write(frameBytes({ payload: ofSize(size, 0) }), ...fragments(ofSize(size, 0), 100_000))
    const refusals = () => framed.messages.filter(({ code }) => code === 'RINGCAST_BODY_TOO_LARGE')
    await until(() => refusals().length === 2 * (n + 1), `refusals of ${size} bytes`)
  }
  framed.write(frameBytes({ payload: ping }))
  await isAnswered(framed)
  framed.socket.destroy()

  const beyond = ofSize(2 * limit + 1, 0)
  t.equal(await codeOf(t, app, [frameBytes({ payload: beyond })]), 1009)
  t.equal(await codeOf(t, app, fragments(beyond, 50_000)), 1009, 'in fragments')
  for (const length of [2n ** 21n, 2n ** 31n, 2n ** 32n, 2n ** 53n, 2n ** 63n, 2n ** 64n - 1n]) {
    const announced = frameBytes({ length, payload: 'x' })
    t.equal(await codeOf(t, app, [announced]), 1009, `announced: ${length} bytes`)
  }
  await onlyWitnesses(app)
  await isUnharmed()
})

t.test(
  'a message that is none is answered with its code, and the connection goes on',
  async (t) => {
    const { app, isUnharmed } = await beset(t)
    const framed = await openFramed(t, app.port, '/ws?topic=hostile')
    const message = 'RINGCAST_INVALID_MESSAGE'
    const json = 'RINGCAST_INVALID_JSON'
    const deep = (levels: number) => `${'['.repeat(levels)}${']'.repeat(levels)}`
    const of = (type: string, rest: object) => JSON.stringify({ type, ...rest })
    const bad: [payload: string, codes: string | readonly string[]][] = [
      ['', json],
      [' ', json],
      ['ping', json],
      ['{"type":"ping"', json],
      ['{"type":"ping"}{"type":"ping"}', json],
      ['\ufeff{"type":"ping"}', json],
      ['{"type":"ping","ref":1e999}', json],
      ['['.repeat(100_000), json],
      ['{"a":'.repeat(80_000), json],
      [deep(100_000), json],
      [`{"type":"push","data":${deep(1000)}}`, json],
      ['null', message],
      ['7', message],
      ['"ping"', message],
      ['[]', message],
      ['[{"type":"ping"}]', message],
      ['{}', message],
      ['{"type":null}', message],
      ['{"type":["ping"]}', message],
      [of('Ping', {}), message],
      [of('', {}), message],
      [of('__proto__', {}), message],
      [of('constructor', {}), message],
      [of('toString', {}), message],
      [of('hasOwnProperty', {}), message],
      [of('event', { id: 'a-1', data: 1 }), message],
      [of('ok', {}), message],
      ['{"type":"ping","__proto__":{"a":1}}', message],
      ['{"__proto__":{"type":"ping"}}', message],
      ['{"__proto__":{"ref":"x"},"type":"ping"}', message],
      [of('ping', { constructor: 1 }), message],
      [of('ping', { extra: 1 }), message],
      [of('ping', { ref: null }), message],
      [of('ping', { ref: true }), message],
      [of('ping', { ref: [] }), message],
      [of('ping', { ref: { a: 1 } }), message],
      [of('ping', { ref: 'x'.repeat(129) }), message],
      [of('auth', {}), message],
      [of('auth', { token: 7 }), message],
      [of('subscribe', { topics: 'a' }), message],
      [of('subscribe', { topics: { length: 1 } }), message],
      [of('subscribe', { topics: [1] }), [message, 'RINGCAST_INVALID_TOPIC']],
      [of('subscribe', { topics: [null] }), [message, 'RINGCAST_INVALID_TOPIC']],
      [of('subscribe', { topics: [''] }), [message, 'RINGCAST_INVALID_TOPIC']],
      [of('subscribe', { topics: ['a\n'] }), [message, 'RINGCAST_INVALID_TOPIC']],
      [of('subscribe', { topics: ['a/**/b'] }), [message, 'RINGCAST_INVALID_TOPIC']],
      [of('subscribe', { topics: ['\ud800'] }), [message, 'RINGCAST_INVALID_TOPIC']],
      [of('subscribe', { topics: ['x'.repeat(1025)] }), [message, 'RINGCAST_INVALID_TOPIC']],
      [of('subscribe', { topics: ['$sys/stats'] }), [message, 'RINGCAST_INVALID_TOPIC']],
      [
        of('subscribe', { topics: Array.from({ length: 101 }, (_, i) => `t/${i}`) }),
        [message, 'RINGCAST_INVALID_TOPIC'],
      ],
      [of('subscribe', { topics: ['a'], last: -1 }), message],
      [of('subscribe', { topics: ['a'], last: 1001 }), message],
      [of('subscribe', { topics: ['a'], last: 1.5 }), message],
      [of('subscribe', { topics: ['a'], last: '5' }), message],
      [of('subscribe', { topics: ['a'], lastEventId: 5 }), message],
      [of('subscribe', { topic: ['a'] }), message],
      [of('subscribe', { topics: ['a'], user: 'ann' }), message],
      [of('unsubscribe', { topics: 'a' }), message],
      [of('unsubscribe', { topics: [{}] }), [message, 'RINGCAST_INVALID_TOPIC']],
      [of('push', { topic: 'a' }), [message, 'RINGCAST_INVALID_EVENT']],
      [of('push', { topic: 'a/*', data: 1 }), [message, 'RINGCAST_INVALID_EVENT']],
      [of('push', { topic: 'a', user: 'u', data: 1 }), [message, 'RINGCAST_INVALID_EVENT']],
      [of('push', { topics: ['a'], data: 1 }), [message, 'RINGCAST_INVALID_EVENT']],
      [of('push', { event: 'ringcast', data: 1 }), [message, 'RINGCAST_INVALID_EVENT']],
      [of('push', { event: 'a\nb', data: 1 }), [message, 'RINGCAST_INVALID_EVENT']],
      [of('push', { topic: '$sys/stats', data: 1 }), 'RINGCAST_TOPIC_RESERVED'],
      [of('push', { data: 'x'.repeat(65_537) }), 'RINGCAST_EVENT_TOO_LARGE'],
    ]
    const answers = () => framed.messages.filter(({ type }) => type === 'ok' || type === 'error')
    const answerTo = async (what: string, ...frames: Buffer[]) => {
      const seen = answers().length
      framed.write(...frames)
      await until(() => answers().length > seen || framed.closed, `an answer to ${what}`)
      return answers()[seen]
    }
    await framed.message('its opening', ({ type }) => type === 'open')
    for (const opcode of [binary, text]) {
      const cases = opcode === text ? bad : ([[ping, message]] as const)
      for (const [payload, codes] of cases) {
        const what = opcode === binary ? 'a binary' : payload.slice(0, 60)
        const answer = await answerTo(what, frameBytes({ opcode, payload }))
        t.equal(answer?.['type'], 'error', what)
        t.ok(
          [codes].flat().includes(String(answer?.['code'])),
          `${what}: ${String(answer?.['code'])}`,
        )
        const says = String(answer?.['message'])
        t.ok(says.length > 10 && says.length < 400, `${what}: ${says.slice(0, 80)}`)
        t.match(await answerTo(ping, frameBytes({ payload: ping })), { type: 'ok' }, 'it goes on')
      }
    }
    t.equal(framed.messages.length, 1 + 2 * (bad.length + 1), 'one answer to each')
    t.match(await answerTo('a ref', frameBytes({ payload: of('nonsense', { ref: 'r' }) })), {
      type: 'error',
      ref: 'r',
    })
    for (const ref of ['', 'x'.repeat(128), 0, -1.5, '__proto__', '"\\\u2028']) {
      const answer = await answerTo('a good ref', frameBytes({ payload: of('ping', { ref }) }))
      t.strictSame(answer, { type: 'ok', ref })
    }
    t.equal(({} as Record<string, unknown>)['a'], undefined, 'no prototype was touched')
    t.equal(app.hub.stats.accepted, 0, 'nothing of all this was accepted')
    await isUnharmed()
  },
)

t.test('one bad message too many ends the connection with 4009', async (t) => {
  const { app, isUnharmed } = await beset(t)
  const bad = frameBytes({ payload: 'nonsense' })
  const good = frameBytes({ payload: ping })
  const patient = await openFramed(t, app.port, '/ws?topic=hostile')
  for (let n = 0; n < 200; n++) patient.write(bad, good)
  await until(() => patient.messages.length >= 401 || patient.closed, 'all answers')
  t.notOk(patient.closed, 'a good message takes one back')
  patient.write(...Array.from({ length: 10 }, () => bad))
  await until(() => patient.messages.length >= 411 || patient.closed, 'ten more')
  t.notOk(patient.closed)

  const flood = await openFramed(t, app.port, '/ws?topic=hostile')
  flood.write(Buffer.concat(Array.from({ length: 10_000 }, () => bad)))
  await until(() => flood.closeCode !== undefined, 'the close')
  flood.write(frameBytes({ opcode: close, payload: closing(4009) }))
  t.equal(await flood.end(), 4009)
  const errors = flood.messages.filter(({ type }) => type === 'error')
  t.ok(errors.length >= 10 && errors.length <= 12, `${errors.length} were answered`)
  patient.socket.destroy()
  flood.socket.destroy()
  await onlyWitnesses(app)
  await isUnharmed()
})

/** Resolves once the service has read all that was written, or reads no more of it. */
async function takenOf({ socket }: FramedSocket): Promise<number> {
  const now = () => socket.bytesWritten - socket.writableLength
  let [taken, still] = [now(), 0]
  await until(
    () => {
      still = now() === taken ? still + 1 : 0
      taken = now()
      return socket.writableLength === 0 || still === 25
    },
    'the service to stop reading',
    60_000,
  )
  return taken
}

/** Writes a frame again and again, 16 MiB of it, to a service whose answers are not read. */
async function flood(t: Test, server: ServerProcess, frame: Buffer) {
  const before = await server.memory()
  const framed = await openFramed(t, server.port)
  framed.socket.pause()
  const chunk = Buffer.concat(Array<Buffer>(500).fill(frame))
  const rounds = Math.ceil((16 * mebibyte) / chunk.length)
  for (let n = 0; n < rounds; n++) framed.write(chunk)
  const taken = await takenOf(framed)
  const extra = (await server.memory()) - before
  return { framed, frames: 500 * rounds, taken, extra }
}

t.test('who reads no answers is read no further, and costs no memory', async (t) => {
  const server = await startServer(t)
  const isUnharmed = await witnesses(t, server)
  await isUnharmed()
  for (const message of [
    { type: 'ping', ref: 'x'.repeat(100) },
    { type: 'subscribe', topics: ['x'.repeat(100)] },
  ]) {
    const frame = frameBytes({ payload: JSON.stringify(message) })
    const { framed, frames, taken, extra } = await flood(t, server, frame)
    t.comment(`${message.type}: ${taken} bytes taken, ${extra} bytes of memory`)
    t.ok(taken < 12 * mebibyte, `${message.type}: ${taken} bytes were read`)
    t.ok(extra < 10 * mebibyte, `${message.type}: ${extra} bytes more`)
    await isUnharmed()

    framed.socket.resume()
    const answers = () => framed.messages.filter(({ type }) => type === 'ok').length
    await until(() => answers() >= frames || framed.closed, 'the answers', 120_000)
    t.equal(answers(), frames, `${message.type}: each is answered once it reads`)
    framed.socket.destroy()
    await isUnharmed()
  }
})

t.test('who reads no pongs is hung up on, or read no further', async (t) => {
  const server = await startServer(t)
  const isUnharmed = await witnesses(t, server)
  await isUnharmed()
  const frame = frameBytes({ opcode: pingFrame, payload: 'x'.repeat(125) })
  const { framed, taken, extra } = await flood(t, server, frame)
  t.comment(`${taken} bytes taken, ${extra} bytes of memory`)
  t.ok(framed.socket.destroyed || taken < 12 * mebibyte, `${taken} bytes were read`)
  t.ok(extra < 10 * mebibyte, `${extra} bytes more`)
  await isUnharmed()
})

t.test('control frames are no part of a message, however many there are', async (t) => {
  const { app, isUnharmed } = await beset(t, { maxEventBytes: 65_536, maxBodyBytes: 65_536 })
  const all = await Promise.all(
    Array.from({ length: 10 }, () => openFramed(t, app.port, '/ws?topic=hostile')),
  )
  // As many as come of a client that answers pings for a month.
  const pongs = Array<Buffer>(20_000).fill(frameBytes({ opcode: pong, payload: 'x'.repeat(125) }))
  const pings = Array<Buffer>(16).fill(frameBytes({ opcode: pingFrame }))
  for (const framed of all) {
    await framed.message('its opening', ({ type }) => type === 'open')
    framed.write(Buffer.concat([...pongs, ...pings]))
    const answered = () => framed.frames.filter(({ opcode }) => opcode === pong).length
    await until(() => answered() === 16 || framed.closed, 'the pongs')
    t.equal(answered(), 16, 'each ping is answered')
    t.notOk(framed.closed)
  }
  const { status } = await ask(`${app.url}/api/push`, {
    method: 'POST',
    headers: { 'content-type': 'text/plain', 'transfer-encoding': 'chunked' },
    body: 'x'.repeat(60_000),
  })
  t.equal(status, 202, 'they take nothing of the room for bodies')
  for (const framed of all) {
    framed.write(frameBytes({ payload: ping }))
    await isAnswered(framed)
  }
  await isUnharmed()
})

t.test('however a client goes, in the middle of whatever, nothing is left of it', async (t) => {
  const { app, isUnharmed } = await beset(t, { maxStreams: 40 })
  const half = frameBytes({ payload: ping }).subarray(0, 20)
  const begun = frameBytes({ fin: false, payload: ping.slice(0, 5) })
  const goings: Record<string, (framed: FramedSocket) => void> = {
    'it half-closes': ({ socket }) => socket.end(),
    'it half-closes in a frame': ({ socket }) => socket.end(half),
    'it half-closes in a message': ({ socket }) => socket.end(begun),
    'it closes in a frame': ({ socket }) => {
      socket.write(half)
      socket.destroySoon()
    },
    'it resets': ({ socket }) => socket.resetAndDestroy(),
    'it resets in a frame': ({ socket }) => {
      socket.write(half, () => socket.resetAndDestroy())
    },
    'it resets with answers on their way': ({ socket }) => {
      socket.write(Buffer.concat(Array.from({ length: 100 }, () => frameBytes({ payload: ping }))))
      setImmediate(() => socket.resetAndDestroy())
    },
    'it resets behind its close': ({ socket }) => {
      socket.write(frameBytes({ opcode: close }), () => socket.resetAndDestroy())
    },
  }
  for (const [how, go] of Object.entries(goings)) {
    const all = await Promise.all(
      Array.from({ length: 30 }, () => openFramed(t, app.port, '/ws?topic=hostile')),
    )
    await until(() => app.hub.streams.size === 32, 'all to be streams')
    all.forEach(go)
    await onlyWitnesses(app)
    for (const framed of all) {
      await framed.end()
      framed.socket.destroy()
    }
    t.pass(how)
  }
  for (let n = 0; n < 200; n++) {
    const framed = framedSocket(t, app.port, handshakeText('/ws?topic=hostile'))
    framed.socket.once('connect', () => framed.socket.resetAndDestroy())
  }
  await onlyWitnesses(app)
  await isUnharmed()
  t.equal(app.hub.stats.closed['dead-peer'], 0)
  const again = await openFramed(t, app.port, '/ws?topic=hostile')
  await again.message('its opening', ({ type }) => type === 'open')
})

t.test('garbage behind a handshake is no request, and is not executed', async (t) => {
  const { app, isUnharmed } = await beset(t)
  const garbage = [
    pushText({ topic: 'witness', data: 'smuggled' }),
    requestText('GET', '/livez'),
    '\r\n\r\n',
    '\0\0\0\0',
    '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03',
    'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    '<policy-file-request/>\0',
  ]
  for (const behind of garbage) {
    for (const together of [true, false]) {
      const handshake = Buffer.from(handshakeText('/ws?topic=hostile'))
      const bytes = Buffer.from(behind, 'latin1')
      const framed = together
        ? framedSocket(t, app.port, Buffer.concat([handshake, bytes]))
        : await openFramed(t, app.port, '/ws?topic=hostile')
      if (!together) framed.write(bytes)
      framed.socket.end()
      const code = await framed.end()
      const what = `${JSON.stringify(behind.slice(0, 30))}${together ? ', sent along' : ''}`
      t.ok(code === undefined || code === 1002, `${what}: ${code}`)
      t.match(framed.head(), /^HTTP\/1\.1 101 /, what)
      t.notOk(framed.frames.some(({ payload }) => payload.includes('HTTP/')))
    }
  }
  t.equal(app.hub.stats.accepted, 0, 'no push was executed')
  const early = framedSocket(
    t,
    app.port,
    Buffer.concat([Buffer.from(handshakeText()), frameBytes({ payload: ping })]),
  )
  await isAnswered(early)
  early.socket.destroy()
  await onlyWitnesses(app)
  await isUnharmed()
})

t.test('a handshake behind other requests is answered in its turn, or not at all', async (t) => {
  const { app, isUnharmed } = await beset(t)
  for (const before of [
    pushText({ topic: 'other', data: 1 }),
    requestText('GET', '/livez').repeat(3),
    requestText('GET', '/nothing'),
  ]) {
    const conn = connection(t, app.port, before + handshakeText('/ws?topic=hostile'))
    const expected = before.match(/ HTTP\/1\.1/g)!.length
    const statuses = () => [
      ...conn
        .bytes()
        .toString('latin1')
        .matchAll(/HTTP\/1\.1 (\d+)/g),
    ]
    await until(() => statuses().length > expected || conn.closed, 'the answers')
    const [first, ...rest] = statuses().map(([, status]) => status)
    t.not(first, '101', 'what was asked first is answered first')
    if (rest.length >= expected) t.equal(rest.at(-1), '101')
    conn.socket.destroy()
  }
  await onlyWitnesses(app)
  await isUnharmed()
})

t.test('a handshake behind a stream ends it, and is not answered in it', async (t) => {
  const { app, isUnharmed } = await beset(t)
  for (const behind of [
    handshakeText('/ws?topic=hostile'),
    handshakeText('/livez'),
    handshakeText('/ws', { Upgrade: 'h2c' }),
  ]) {
    const stream = connection(t, app.port, requestText('GET', '/events?topic=hostile'))
    await stream.says(/"type":"open"/)
    stream.socket.write(behind)
    t.equal((await stream.end()).match(/HTTP\/1\.1/g)!.length, 1)
    const together = requestText('GET', '/events?topic=hostile') + behind
    const answered = (await connection(t, app.port, together).end()).match(/HTTP\/1\.1/g) ?? []
    t.ok(answered.length <= 1, 'sent along')
  }
  await onlyWitnesses(app)
  await isUnharmed()
})

t.test('an upgrade that is not offered is a request like any', async (t) => {
  const { app, isUnharmed } = await beset(t)
  const h2c = {
    Upgrade: 'h2c',
    Connection: 'Upgrade, HTTP2-Settings',
    'HTTP2-Settings': 'AAMAAABkAAQCAAAAAAIAAAAA',
  }
  const webSocket = { Upgrade: 'websocket', Connection: 'Upgrade' }
  const json = { 'Content-Type': 'application/json' }
  const body = '{"topic":"other","data":1}'
  const chunked = { ...json, 'Transfer-Encoding': 'chunked' }
  const chunks = `${body.length.toString(16)}\r\n${body}\r\n0\r\n\r\n`
  for (const headers of [h2c, webSocket, { Upgrade: 'TLS/1.0', Connection: 'Upgrade' }]) {
    const requests: [status: number, text: string][] = [
      [200, requestText('GET', '/livez', { headers })],
      [404, requestText('GET', '/nothing', { headers })],
      [400, requestText('GET', '/events?nonsense=1', { headers })],
      [202, requestText('POST', '/api/push', { headers: { ...headers, ...json }, body })],
      [202, requestText('POST', '/api/push', { headers: { ...headers, ...chunked } }) + chunks],
      [200, requestText('HEAD', '/events', { headers })],
    ]
    if (headers !== webSocket) requests.push([426, requestText('GET', '/ws', { headers })])
    for (const [status, text] of requests) {
      const what = `${text.split('\r\n')[0]} to ${headers.Upgrade}`
      const conn = connection(t, app.port, text)
      await until(() => conn.text().includes('\r\n\r\n') || conn.closed, what)
      t.match(conn.text(), new RegExp(`^HTTP/1\\.1 ${status} `), what)
      t.notMatch(conn.text(), /^upgrade: (h2c|TLS)/im)
      conn.socket.destroy()
    }
    const stream = await openStream(t, app.port, '/events?topic=hostile', { headers })
    t.match(stream.control, [{ type: 'open' }], `a stream that asks for ${headers.Upgrade}`)
    await push(app.url, { topic: 'hostile', data: 1 })
    await stream.received(1)
    stream.cut()
  }
  const livez = requestText('GET', '/livez', { headers: h2c })
  const twice = connection(t, app.port, livez)
  await twice.says(/"status":"up"/)
  twice.socket.write(livez)
  await twice.says(/"status":"up"[^]*"status":"up"/)
  twice.socket.destroy()
  await onlyWitnesses(app)
  await isUnharmed()
})

t.test('a broken handshake is answered as a request is', async (t) => {
  const { app, isUnharmed } = await beset(t)
  const none = undefined
  const broken: [what: string, text: string][] = [
    ['no key', handshakeText('/ws', { 'Sec-WebSocket-Key': none })],
    ['an empty key', handshakeText('/ws', { 'Sec-WebSocket-Key': '' })],
    ['a short key', handshakeText('/ws', { 'Sec-WebSocket-Key': 'YWJj' })],
    ['a key of no base64', handshakeText('/ws', { 'Sec-WebSocket-Key': '!'.repeat(24) })],
    ['no version', handshakeText('/ws', { 'Sec-WebSocket-Version': none })],
    ['version 12', handshakeText('/ws', { 'Sec-WebSocket-Version': '12' })],
    ['version 99', handshakeText('/ws', { 'Sec-WebSocket-Version': '99' })],
    ['version 13, 8', handshakeText('/ws', { 'Sec-WebSocket-Version': '13, 8' })],
    ['a POST', handshakeText('/ws', {}, 'POST /ws HTTP/1.1')],
    ['no upgrade', handshakeText('/ws', { Upgrade: none })],
    ['no connection', handshakeText('/ws', { Connection: none })],
    ['an upgrade to nothing', handshakeText('/ws', { Upgrade: '' })],
    ['two upgrades', handshakeText('/ws', { Upgrade: 'websocket, h2c' })],
    ['a foreign page', handshakeText('/ws', { Origin: 'https://foreign.example' })],
    ['a foreign host', handshakeText('/ws', { Host: 'rebound.example' })],
  ]
  for (const [what, text] of broken) {
    const conn = connection(t, app.port, text)
    await until(() => /"code":"RINGCAST_\w+"/.test(conn.text()) || conn.closed, what)
    t.match(conn.text(), /^HTTP\/1\.1 4\d\d [^]*"code":"RINGCAST_\w+"/, what)
    conn.socket.destroy()
  }
  const offers = { 'Sec-WebSocket-Extensions': 'permessage-deflate; client_max_window_bits, x' }
  const plain = await openFramed(t, app.port, '/ws?topic=hostile', offers)
  t.notMatch(plain.head(), /extensions/i, 'extensions are not taken up')
  plain.socket.destroy()
  await onlyWitnesses(app)
  await isUnharmed()
})

t.test('a handshake that is refused leaves no connection behind, and a drain ends', async (t) => {
  const { app, isUnharmed } = await beset(t)
  const before = await connectionsOf(app)
  for (const headers of [
    { Origin: 'https://foreign.example' },
    { Host: 'rebound.example' },
    { 'Sec-WebSocket-Version': '12' },
  ]) {
    for (const go of ['end', 'destroy', 'resetAndDestroy'] as const) {
      const refused = framedSocket(t, app.port, handshakeText('/ws', headers))
      await until(() => /^HTTP\/1\.1 4\d\d /.test(refused.head()), 'the refusal')
      refused.socket[go]()
      await until(async () => (await connectionsOf(app)) === before, 'its end')
    }
  }
  await onlyWitnesses(app)
  await isUnharmed()
  const kept = framedSocket(t, app.port, handshakeText('/ws', { Host: 'rebound.example' }))
  await until(() => kept.head() !== '', 'the refusal')
  await app.drain()
})

/** A frame of anything. */
const anyFrame: fc.Arbitrary<FrameDraft> = fc.record(
  {
    opcode: fc.oneof(
      { weight: 6, arbitrary: fc.constantFrom(text, continuation, pingFrame, pong) },
      fc.nat(15),
    ),
    fin: fc.oneof({ weight: 3, arbitrary: fc.constant(true) }, fc.boolean()),
    rsv: fc.oneof({ weight: 20, arbitrary: fc.constant(0) }, fc.nat(7)),
    masked: fc.oneof({ weight: 20, arbitrary: fc.constant(true) }, fc.boolean()),
    payload: fc.oneof(
      fc.constantFrom(
        ping,
        '{"type":"subscribe","topics":["a"]}',
        '{"type":"unsubscribe","topics":["a","hostile"]}',
        '{"type":"subscribe","topics":["hostile"],"last":5}',
        '{"type":"push","topic":"hostile","data":[1]}',
        '{"type":"auth","token":"x"}',
      ),
      fc.json(),
      fc.string({ unit: 'binary' }),
      fc.uint8Array({ maxLength: 130 }).map((bytes) => Buffer.from(bytes)),
    ),
  },
  { requiredKeys: ['opcode', 'payload'] },
)

t.test(
  'whatever frames come, they are answered, or closed with a code that says why',
  async (t) => {
    const { app, isUnharmed } = await beset(t)
    const end = '{"type":"ping","ref":"the end"}'
    await fc.assert(
      fc.asyncProperty(fc.array(anyFrame, { maxLength: 12 }), fc.boolean(), async (drafts, cut) => {
        const framed = await openFramed(t, app.port, '/ws?topic=hostile')
        const bytes = Buffer.concat([...drafts.map(frameBytes), frameBytes({ payload: end })])
        if (cut) await framed.drip(bytes.subarray(0, 300))
        framed.write(cut ? bytes.subarray(300) : bytes)
        const isEnd = ({ ref }: Record<string, unknown>) => ref === 'the end'
        await until(() => framed.messages.some(isEnd) || framed.closed, 'an answer or an end')
        const code = framed.closeCode
        framed.socket.destroy()
        const ended = drafts.some(({ opcode }) => opcode === close)
        if (framed.messages.some(isEnd) || [1002, 1007, 1009, 4009].includes(code!)) return
        if (!ended) throw new Error(`closed with ${code}`)
      }),
      { numRuns: 100 },
    )
    await onlyWitnesses(app)
    await isUnharmed()
  },
)
