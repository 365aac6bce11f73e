import { createHash, randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { setImmediate as turn } from 'node:timers/promises'
import type { Test } from 'tap'
import { until } from './until.js'

/** What kinds of frames there are (RFC 6455 section 5.2). */
export const opcodes = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const

/** A frame, good or bad, as a client may send it. */
export interface FrameDraft {
  /** A text by default. */
  readonly opcode?: number
  /** Whether it is the last of its message; so by default. */
  readonly fin?: boolean
  /** The reserved bits, RSV1 being 4; none by default. */
  readonly rsv?: number
  /** Whether it is masked, as a client's has to be; so by default. */
  readonly masked?: boolean
  readonly payload?: string | Buffer
  /** The length that it announces, where it is another than that of its payload. */
  readonly length?: bigint
}

/** A frame of the service. */
export interface Frame {
  readonly fin: boolean
  readonly rsv: number
  readonly opcode: number
  readonly payload: Buffer
}

/** The bytes of a frame. */
export function frameBytes(draft: FrameDraft): Buffer {
  const { opcode = opcodes.text, fin = true, rsv = 0, masked = true } = draft
  const payload = Buffer.from(draft.payload ?? '')
  const begin = (fin ? 0x80 : 0) | (rsv << 4) | opcode
  const length = lengthBytes(draft.length ?? BigInt(payload.length))
  if (!masked) return Buffer.concat([Buffer.of(begin), length, payload])
  const mask = randomBytes(4)
  length[0]! |= 0x80
  const body = payload.map((byte, i) => byte ^ mask[i % 4]!)
  return Buffer.concat([Buffer.of(begin), length, mask, body])
}

function lengthBytes(length: bigint): Buffer {
  if (length < 126n) return Buffer.of(Number(length))
  if (length < 65_536n) return Buffer.of(126, Number(length >> 8n), Number(length & 255n))
  const bytes = Buffer.of(127, 0, 0, 0, 0, 0, 0, 0, 0)
  bytes.writeBigUInt64BE(length, 1)
  return bytes
}

/** A message cut into fragments of so many bytes, a frame each. */
export function fragments(payload: string | Buffer, size: number): Buffer[] {
  const bytes = Buffer.from(payload)
  const frames: Buffer[] = []
  for (let at = 0; at < bytes.length; at += size) {
    const opcode = at === 0 ? opcodes.text : opcodes.continuation
    const fin = at + size >= bytes.length
    frames.push(frameBytes({ opcode, fin, payload: bytes.subarray(at, at + size) }))
  }
  return frames
}

/** The payload of a close frame. */
export function closing(code: number, reason: string | Buffer = ''): Buffer {
  return Buffer.concat([Buffer.of(code >> 8, code & 255), Buffer.from(reason)])
}

/** A handshake as it goes over the wire; a header that is undefined is left out. */
export function handshakeText(
  path = '/ws',
  headers: Record<string, string | undefined> = {},
  line = `GET ${path} HTTP/1.1`,
): string {
  const fields: Record<string, string | undefined> = {
    Host: '127.0.0.1',
    Upgrade: 'websocket',
    Connection: 'Upgrade',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
    ...headers,
  }
  const lines = Object.entries(fields)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => `${name}: ${value}\r\n`)
  return `${line}\r\n${lines.join('')}\r\n`
}

/** A bare socket that speaks WebSocket by hand, and the frames that came over it. */
export interface FramedSocket {
  readonly socket: Socket
  /** The status line and headers of the answer to the handshake; empty if there was none. */
  head(): string
  /** What follows the head where the handshake was refused. */
  body(): string
  readonly frames: Frame[]
  /** The messages so far. */
  readonly messages: Record<string, unknown>[]
  /** The code of the close frame that came: 1005 for one without a code, undefined for none. */
  readonly closeCode: number | undefined
  /** Whether the connection is closed. */
  readonly closed: boolean
  write(...bytes: (Buffer | string)[]): void
  /** Writes a byte at a time, a turn of the event loop apart. */
  drip(bytes: Buffer): Promise<void>
  /** Sends a message, whole and in order. */
  send(message: unknown): void
  /** Resolves with the first message that matches. */
  message(what: string, matches: (message: Record<string, unknown>) => boolean): Promise<unknown>
  /** Resolves with the code of the close frame, once the connection is closed. */
  end(): Promise<number | undefined>
}

/** Connects, writes, and reads what comes as the answer to a handshake. */
export function framedSocket(t: Test, port: number, text: string | Buffer): FramedSocket {
  // Half-open: the server's FIN does not make this side send its own.
  const socket = connect({ port, host: '127.0.0.1', allowHalfOpen: true, noDelay: true })
  t.teardown(() => socket.destroy())
  const frames: Frame[] = []
  const messages: Record<string, unknown>[] = []
  let head = ''
  let rest: Buffer = Buffer.alloc(0)
  let [ended, closed] = [false, false]
  socket.on('data', (bytes) => {
    rest = Buffer.concat([rest, bytes])
    if (head === '') {
      const end = rest.indexOf('\r\n\r\n')
      if (end === -1) return
      head = rest.subarray(0, end).toString()
      rest = rest.subarray(end + 4)
    }
    if (!head.startsWith('HTTP/1.1 101 ')) return
    for (;;) {
      const read = readFrame(rest)
      if (read === undefined) return
      frames.push(read.frame)
      rest = read.rest
      const { opcode, payload } = read.frame
      if (opcode === opcodes.text) messages.push(JSON.parse(payload.toString()) as never)
    }
  })
  socket.on('end', () => (ended = true))
  socket.on('close', () => (closed = true))
  socket.on('error', () => {
    // A reset is told by `close`.
  })
  socket.write(text)
  const closeCode = (): number | undefined => {
    const frame = frames.find(({ opcode }) => opcode === opcodes.close)
    if (frame === undefined) return undefined
    return frame.payload.length === 0 ? 1005 : frame.payload.readUInt16BE()
  }
  const over = (): boolean => ended || closed
  return {
    socket,
    head: () => head,
    body: () => (head.startsWith('HTTP/1.1 101 ') ? '' : rest.toString()),
    frames,
    messages,
    get closeCode() {
      return closeCode()
    },
    get closed() {
      return over()
    },
    write(...bytes) {
      for (const part of bytes) socket.write(part)
    },
    async drip(bytes) {
      for (const byte of bytes) {
        socket.write(Buffer.of(byte))
        await turn()
      }
    },
    send: (message) => socket.write(frameBytes({ payload: JSON.stringify(message) })),
    async message(what, matches) {
      await until(() => messages.some(matches) || over(), what)
      const found = messages.find(matches)
      if (found === undefined) throw new Error(`closed with ${closeCode()} instead of ${what}`)
      return found
    },
    async end() {
      await until(over, 'the end of the connection')
      return closeCode()
    },
  }
}

/** Opens a WebSocket by hand; rejects unless the service agrees as it has to. */
export async function openFramed(
  t: Test,
  port: number,
  path = '/ws',
  headers: Record<string, string> = {},
): Promise<FramedSocket> {
  const framed = framedSocket(t, port, handshakeText(path, headers))
  await until(() => framed.head() !== '' || framed.closed, `the handshake of ${path}`)
  const accept = createHash('sha1')
    .update('dGhlIHNhbXBsZSBub25jZQ==258EAFA5-E914-47DA-95CA-C5AB0DC85B11')
    .digest('base64')
  const head = framed.head()
  if (!head.startsWith('HTTP/1.1 101 ') || !head.includes(accept)) {
    throw new Error(`no handshake: ${head}`)
  }
  return framed
}

/** The first frame of what came, if it is whole; a service that masks is a broken one. */
function readFrame(bytes: Buffer): { frame: Frame; rest: Buffer } | undefined {
  if (bytes.length < 2) return undefined
  const [first, second] = [bytes[0]!, bytes[1]!]
  if (second > 127) throw new Error('a masked frame of the service')
  const lengthBytes = second === 127 ? 8 : second === 126 ? 2 : 0
  const begin = 2 + lengthBytes
  if (bytes.length < begin) return undefined
  const length = lengthBytes === 0 ? second : Number(`0x${bytes.toString('hex', 2, begin)}`)
  if (bytes.length < begin + length) return undefined
  return {
    frame: {
      fin: (first & 0x80) !== 0,
      rsv: (first >> 4) & 7,
      opcode: first & 15,
      payload: bytes.subarray(begin, begin + length),
    },
    rest: bytes.subarray(begin + length),
  }
}
