import { once } from 'node:events'
import type { Socket } from 'node:net'
import type { Test } from 'tap'
import { WebSocket } from 'ws'
import { arrivals, type ControlMessage } from './event-stream.js'
import { until } from './until.js'

/** A message of the service. */
export type Message = Readonly<Record<string, unknown>> & { readonly type: string }

/** An event as it comes over a WebSocket. */
export interface EventMessage extends Message {
  readonly type: 'event'
  /** None where the event is of a `$sys` topic. */
  readonly id?: string
  readonly topics: string[]
  readonly event?: string
  readonly data: unknown
  readonly key?: string
  readonly time: string
  readonly replay?: true
}

/** A client of `/ws`, and all that it was told. */
export interface WebSocketClient {
  readonly webSocket: WebSocket
  readonly socket: Socket
  /** Every message so far, in its place. */
  readonly messages: Message[]
  /** The events so far. */
  readonly events: EventMessage[]
  /** The control messages so far: what is neither an event nor an answer. */
  readonly control: ControlMessage[]
  /** The last id of all, where this client would resume; replayed events have no part in it. */
  readonly lastId: string | undefined
  /** The last `retryMs` of all: after how many milliseconds this client would come back. */
  readonly retryMs: number | undefined
  /** Whether the connection is closed. */
  readonly closed: boolean
  /** With what code it was closed; 1005 for a close without one, 1006 for none at all. */
  readonly closeCode: number | undefined
  /** Resolves once that many events are here. */
  received(count: number): Promise<EventMessage[]>
  /** Resolves once a control message of this type is here. */
  told(type: string): Promise<ControlMessage>
  /** Sends a message with a `ref` of its own, and resolves with its `ok` or `error`. */
  request(message: object): Promise<Message>
  /** Sends text as it is. */
  send(text: string): void
  /** Reads nothing more, until `resume`. */
  pause(): void
  resume(): void
  /** Resolves with the code once the connection is closed. */
  end(): Promise<number>
  /** Cuts the connection. */
  cut(): void
}

/** Opens a WebSocket, and resolves once it is open; rejects with the status of a refusal. */
export async function openWebSocket(
  t: Test,
  port: number,
  path = '/ws',
  { headers = {} }: { headers?: Record<string, string> } = {},
): Promise<WebSocketClient> {
  const webSocket = new WebSocket(`ws://127.0.0.1:${port}${path}`, { headers })
  t.teardown(() => webSocket.terminate())
  const client = readMessages(webSocket)
  await once(webSocket, 'open')
  return client
}

function readMessages(webSocket: WebSocket): WebSocketClient {
  const messages: Message[] = []
  const events: EventMessage[] = []
  const control: WebSocketClient['control'] = []
  const answers = new Map<unknown, Message>()
  let lastId: string | undefined
  let retryMs: number | undefined
  let closeCode: number | undefined
  let requests = 0
  let socket: Socket | undefined
  webSocket.on('upgrade', (response) => (socket = response.socket))
  const read = (bytes: Buffer): void => {
    const message = JSON.parse(bytes.toString()) as Message
    messages.push(message)
    if (message.type === 'ok' || message.type === 'error') {
      answers.set(message['ref'], message)
      return
    }
    if (message['id'] !== undefined && message['replay'] !== true) lastId = message['id'] as string
    if (message['retryMs'] !== undefined) retryMs = message['retryMs'] as number
    if (message.type === 'event') events.push(message as EventMessage)
    else control.push({ id: undefined, ...message, behind: events.length })
  }
  webSocket.on('message', read)
  webSocket.on('error', () => {
    // A cut connection is told by `close`.
  })
  webSocket.on('close', (code) => (closeCode = code))
  return {
    webSocket,
    get socket() {
      return socket!
    },
    messages,
    events,
    control,
    get lastId() {
      return lastId
    },
    get retryMs() {
      return retryMs
    },
    get closed() {
      return closeCode !== undefined
    },
    get closeCode() {
      return closeCode
    },
    ...arrivals(events, control),
    async request(message) {
      const ref = `request ${++requests}`
      webSocket.send(JSON.stringify({ ...message, ref }))
      const what = `the answer to ${JSON.stringify(message).slice(0, 80)}`
      await until(() => answers.has(ref) || closeCode !== undefined, what)
      const answer = answers.get(ref)
      if (answer === undefined) throw new Error(`closed with ${closeCode} instead of ${what}`)
      return answer
    },
    send: (text) => webSocket.send(text),
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    async end() {
      await until(() => closeCode !== undefined, 'the end of the connection')
      return closeCode!
    },
    cut() {
      // What has come, and was not read yet, is as lost as what is still on its way.
      webSocket.off('message', read)
      webSocket.terminate()
    },
  }
}
