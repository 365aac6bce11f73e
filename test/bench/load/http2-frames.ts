// As much of HTTP/2 as a load of event streams needs: RFC 9113 section 6, RFC 7541 section 6.

const headBytes = 9

/** The types of frames that a load looks at. */
export const frameType = {
  data: 0,
  headers: 1,
  reset: 3,
  settings: 4,
  ping: 6,
  windowUpdate: 8,
} as const

/** The flags of frames. An `ack` and an end of a stream are the same bit, of different frames. */
export const flag = {
  ack: 0x1,
  endStream: 0x1,
  endHeaders: 0x4,
  padded: 0x8,
  priority: 0x20,
} as const

/** A frame, as bytes. */
export function frame(type: number, flags: number, stream: number, payload: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes)
  head.writeUIntBE(payload.length, 0, 3)
  head[3] = type
  head[4] = flags
  head.writeUInt32BE(stream, 5)
  return Buffer.concat([head, payload])
}

function uint32(value: number): Buffer {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}

const largestWindow = 2 ** 31 - 1
const initialWindow = Buffer.from([0, 4])
const noPush = Buffer.from([0, 2, 0, 0, 0, 0])

/**
 * What a client begins with. Its windows are the largest that there are: no load fills them, so that
 * none has to be opened again. A browser opens its own, of megabytes, once in many events too.
 */
export function preface(): Buffer {
  return Buffer.concat([
    Buffer.from('PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'),
    frame(frameType.settings, 0, 0, Buffer.concat([noPush, initialWindow, uint32(largestWindow)])),
    frame(frameType.windowUpdate, 0, 0, uint32(largestWindow - 65_535)),
  ])
}

/** The request for an event stream. Its fields are literals that no table keeps, and no Huffman code. */
export function eventStreamRequest(stream: number, path: string): Buffer {
  const indexed = { methodGet: 0x82, schemeHttps: 0x87 }
  const fields = Buffer.concat([
    Buffer.from([indexed.methodGet, indexed.schemeHttps]),
    literal([0x04], path),
    literal([0x01], '127.0.0.1'),
    // `accept` is the 19th of the static table: 15 that fit into the first byte, and 4.
    literal([0x0f, 0x04], 'text/event-stream'),
  ])
  return frame(frameType.headers, flag.endStream | flag.endHeaders, stream, fields)
}

function literal(name: readonly number[], value: string): Buffer {
  if (value.length > 126) throw new RangeError(`${value} is too long for one byte of length`)
  return Buffer.concat([Buffer.from([...name, value.length]), Buffer.from(value)])
}

/** Whether a block of fields begins with `:status: 200`, which is the 8th of the static table. */
export function isOk(block: Uint8Array): boolean {
  // The size of the dynamic table may be told first.
  const first = block.findIndex((byte) => byte >> 5 !== 0b001)
  return block[first] === 0x88
}

/** What is done with a frame: its payload is `buffer` from `at` to `end`. */
export type OnFrame = (
  type: number,
  flags: number,
  stream: number,
  buffer: Buffer,
  at: number,
  end: number,
) => void

/** Cuts what a connection brings into frames. */
export class FrameReader {
  #rest: Buffer = Buffer.alloc(0)
  readonly #onFrame: OnFrame

  constructor(onFrame: OnFrame) {
    this.#onFrame = onFrame
  }

  /** Takes what came next. */
  read(bytes: Buffer): void {
    const buffer = this.#rest.length === 0 ? bytes : Buffer.concat([this.#rest, bytes])
    let at = 0
    while (at + headBytes <= buffer.length) {
      const end = at + headBytes + buffer.readUIntBE(at, 3)
      if (end > buffer.length) break
      const stream = buffer.readUInt32BE(at + 5) & largestWindow
      this.#onFrame(buffer[at + 3]!, buffer[at + 4]!, stream, buffer, at + headBytes, end)
      at = end
    }
    this.#rest = buffer.subarray(at)
  }
}
