import { WebSocket } from 'ws'
import { parseObject } from '../service.js'
import { codeOf, readBody } from './ask.js'
import { Changes } from './changes.js'
import { answerMs, type Examination } from './examination.js'
import type { SeenLogs } from './seen-logs.js'

/** What became of a handshake: accepted, refused with a status, or neither. */
export type Handshake =
  | { readonly accepted: true }
  | { readonly accepted: false; readonly status: number; readonly code: string | undefined }
  | { readonly accepted: false; readonly status: undefined; readonly why: string }

/** A WebSocket that is opened to see what becomes of it on the way; it never throws. */
export class ProbeWebSocket {
  readonly handshake: Promise<Handshake>
  /** The heartbeat that the opening told, in milliseconds; undefined before it came. */
  heartbeatMs: number | undefined
  /** When the last frame came, pings among them. */
  lastFrameAt: number | undefined
  /** Why it ended; undefined while it goes on. */
  ended: { readonly why: string; readonly at: number } | undefined
  /** Why the service ended it, where it said so. */
  bye: string | undefined
  pongs = 0
  readonly #socket: WebSocket
  readonly #logs: SeenLogs
  readonly #changes = new Changes()

  constructor(
    { service, stop, topic, logs }: Examination,
    headers: Readonly<Record<string, string>> = {},
  ) {
    this.#logs = logs
    const url = `${service.base.replace(/^http/, 'ws')}/ws?${new URLSearchParams({ topic }).toString()}`
    const socket = new WebSocket(url, {
      headers: { ...service.headers, ...headers },
      handshakeTimeout: answerMs,
      perMessageDeflate: false,
    })
    this.#socket = socket
    stop.addEventListener('abort', () => socket.terminate(), { once: true })
    this.handshake = new Promise((resolve) => {
      socket.on('open', () => resolve({ accepted: true }))
      socket.on('error', ({ message }) => {
        resolve({ accepted: false, status: undefined, why: message })
        this.#end(message)
      })
      socket.on('unexpected-response', (request, response) => {
        const status = response.statusCode ?? 0
        const refused = (text: string): void => {
          resolve({ accepted: false, status, code: codeOf(parseObject(text)) })
          request.destroy()
        }
        readBody(response).then(refused, () => refused(''))
      })
    })
    socket.on('message', (data: Buffer) => this.#message(data.toString()))
    socket.on('ping', () => this.#frame())
    socket.on('pong', () => {
      this.pongs += 1
      this.#frame()
    })
    socket.on('close', (code) => this.#end(`it was closed (${code})`))
  }

  ping(): void {
    this.#socket.ping()
  }

  /** Waits until the condition holds, but no longer than `ms` and not beyond the end. */
  until(condition: () => boolean, ms: number): Promise<boolean> {
    return this.#changes.until(condition, () => this.ended !== undefined, ms)
  }

  close(): void {
    this.#socket.terminate()
  }

  #message(text: string): void {
    const { type, id, heartbeatMs, reason } = parseObject(text) ?? {}
    if (type === 'open') {
      this.heartbeatMs = Number(heartbeatMs) || 15_000
      this.#logs.note(id)
    }
    if (type === 'bye') this.bye = String(reason)
    this.#frame()
  }

  #frame(): void {
    this.lastFrameAt = performance.now()
    this.#changes.tell()
  }

  #end(why: string): void {
    this.ended ??= { why, at: performance.now() }
    this.#changes.tell()
  }
}
