import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { constants, createBrotliDecompress, createGunzip, createInflate } from 'node:zlib'
import { createParser } from 'eventsource-parser'
import { parseObject } from '../service.js'
import { codeOf, readBody, startRequest } from './ask.js'
import { Changes } from './changes.js'
import type { Examination } from './examination.js'
import type { SeenLogs } from './seen-logs.js'

/** The head of an answer that is to be a stream. */
export interface StreamHead {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly httpVersion: string
  /** How long it took from asking, in milliseconds. */
  readonly ms: number
  /** Our own address on the connection. */
  readonly localAddress: string
}

/** An event as it came. */
export interface Arrival {
  readonly id: string | undefined
  readonly data: string
  /** When it came, by `performance.now()`. */
  readonly at: number
}

/** The control event that opens a stream. */
export interface Opening {
  readonly id: string | undefined
  /** The id of the stream. */
  readonly stream: string
  readonly heartbeatMs: number
  readonly at: number
}

/** What a browser sends. */
const acceptEncoding = 'gzip, deflate, br'

/**
 * A stream that is opened to see what becomes of it on the way: it keeps when what came, and never
 * throws.
 */
export class ProbeStream {
  readonly startedAt = performance.now()
  head: StreamHead | undefined
  opening: Opening | undefined
  /** Control events but the opening, read. */
  readonly controls: Record<string, unknown>[] = []
  readonly events: Arrival[] = []
  /** When the last bytes came, decompressed: a heartbeat too. */
  lastBytesAt: number | undefined
  /** Why it ended; undefined while it goes on. */
  ended: { readonly why: string; readonly at: number } | undefined
  /** The code of a refusal by the service. */
  refusal: string | undefined
  readonly #logs: SeenLogs
  readonly #changes = new Changes()
  readonly #abort = new AbortController()

  constructor(
    { service, stop, logs }: Examination,
    query: Readonly<Record<string, string>>,
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.#logs = logs
    const outgoing = startRequest(
      `${service.base}/events?${new URLSearchParams(query).toString()}`,
      {
        headers: {
          ...service.headers,
          accept: 'text/event-stream',
          'accept-encoding': acceptEncoding,
          'cache-control': 'no-cache',
          ...headers,
        },
        signal: AbortSignal.any([stop, this.#abort.signal]),
      },
    )
    outgoing.on('error', (error) => this.#end(error.message))
    outgoing.on('response', (response) => this.#take(response))
    outgoing.end()
  }

  /** Waits until the condition holds, but no longer than `ms` and not beyond the stream's end. */
  until(condition: () => boolean, ms: number): Promise<boolean> {
    return this.#changes.until(condition, () => this.ended !== undefined, ms)
  }

  /** What the service said with the last word of the stream, if it ended it by itself. */
  get bye(): string | undefined {
    const bye = this.controls.find(({ type }) => type === 'bye')
    return bye === undefined ? undefined : String(bye['reason'])
  }

  close(): void {
    this.#abort.abort()
  }

  #take(response: IncomingMessage): void {
    const { statusCode: status = 0, headers, httpVersion } = response
    const localAddress = response.socket.localAddress ?? ''
    const ms = performance.now() - this.startedAt
    this.head = { status, headers, httpVersion, ms, localAddress }
    this.#changes.tell()
    if (status !== 200) {
      readBody(response).then(
        (text) => {
          this.refusal = codeOf(parseObject(text))
          this.#end(`it was refused with ${status}`)
        },
        (error: unknown) => this.#end(String(error)),
      )
      return
    }
    this.#read(response)
  }

  #read(response: IncomingMessage): void {
    const parser = createParser({
      onEvent: ({ id, event, data }) => this.#event(id, event, data),
    })
    const decoder = new TextDecoder()
    const body = decompressed(response)
    body.on('data', (bytes: Buffer) => {
      this.lastBytesAt = performance.now()
      parser.feed(decoder.decode(bytes, { stream: true }))
      this.#changes.tell()
    })
    body.on('end', () => this.#end('it ended'))
    for (const each of [response, body]) {
      each.on('error', (error: Error) => this.#end(`it broke: ${error.message}`))
    }
  }

  #event(id: string | undefined, event: string | undefined, data: string): void {
    const at = performance.now()
    if (event !== 'ringcast') {
      this.events.push({ id, data, at })
      return
    }
    const control = parseObject(data) ?? {}
    if (control['type'] !== 'open' || this.opening !== undefined) {
      this.controls.push(control)
      return
    }
    const { stream, heartbeatMs } = control
    this.#logs.note(id)
    this.opening = { id, stream: String(stream), heartbeatMs: Number(heartbeatMs) || 15_000, at }
  }

  #end(why: string): void {
    this.ended ??= { why, at: performance.now() }
    this.#changes.tell()
  }
}

/** Lets go of each piece as it comes, as browsers do; a stream has no end to wait for. */
function decompressed(response: IncomingMessage): Readable {
  const flush = constants.Z_SYNC_FLUSH
  switch (response.headers['content-encoding']?.toLowerCase()) {
    case 'gzip':
    case 'x-gzip':
      return response.pipe(createGunzip({ flush, finishFlush: flush }))
    case 'deflate':
      return response.pipe(createInflate({ flush, finishFlush: flush }))
    case 'br':
      return response.pipe(createBrotliDecompress({ flush: constants.BROTLI_OPERATION_FLUSH }))
    default:
      return response
  }
}
