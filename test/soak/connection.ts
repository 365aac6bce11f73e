import { get, type IncomingMessage } from 'node:http'
import { createParser } from 'eventsource-parser'
import { WebSocket } from 'ws'

/** A message of the service, as far as the soak looks at it. */
export interface Message {
  /** `event`, or the type of a control event. */
  readonly type: string
  readonly id?: string | undefined
  /** Of an event: which one it is, as its data says. */
  readonly number?: number | undefined
  /** Of a gap. */
  readonly reason?: string | undefined
  readonly after?: string | undefined
  /** Of an open: the id of the stream. */
  readonly stream?: string | undefined
}

/** What is told of a connection. */
export interface Listener {
  message(message: Message): void
  /** Bytes came, whatever they were. */
  alive(): void
  /** The request for an event stream was answered with another status, which ends an EventSource. */
  refused(status: number): void
  /** It is over, whoever ended it. */
  closed(): void
}

/** What a client asks for as it connects. */
export interface Ask {
  readonly topics: readonly string[]
  readonly user?: string | undefined
  readonly lastEventId?: string | undefined
  readonly last?: number | undefined
}

/** An open connection, or one that is being opened. */
export interface Connection {
  /** Reads nothing more, until `resume`. */
  pause(): void
  resume(): void
  /** Sends a FIN and reads on. */
  halfClose(): void
  /** Ends it at once; nothing is told any more. */
  destroy(): void
}

/** Opens a connection to a service. */
export type Connect = (url: string, ask: Ask, listener: Listener) => Connection

interface Data {
  readonly n: number
}

function queryOf({ topics, user, last }: Ask): URLSearchParams {
  const query = new URLSearchParams(topics.map((topic): [string, string] => ['topic', topic]))
  if (user !== undefined) query.set('user', user)
  if (last !== undefined) query.set('last', String(last))
  return query
}

/** A stream of server-sent events, the last id in its header. */
export const connectEventStream: Connect = (url, ask, listener) => {
  const { lastEventId } = ask
  const headers = lastEventId === undefined ? {} : { 'last-event-id': lastEventId }
  let over = false
  let paused = false
  let response: IncomingMessage | undefined
  const end = (): void => {
    if (!over) listener.closed()
    over = true
  }
  const parser = createParser({
    onEvent({ id, event, data }) {
      const content = JSON.parse(data) as Data & Message
      if (event === 'ringcast') listener.message({ ...content, id })
      else listener.message({ type: 'event', id, number: content.n })
    },
  })
  const options = { headers, agent: false, allowHalfOpen: true }
  const request = get(`${url}/events?${queryOf(ask).toString()}`, options, (answer) => {
    response = answer
    if (answer.statusCode !== 200) {
      if (!over) listener.refused(answer.statusCode!)
      answer.destroy()
      return
    }
    answer.setEncoding('utf8').on('data', (text: string) => {
      if (over) return
      listener.alive()
      parser.feed(text)
    })
    answer.on('error', () => {
      // A cut is told by `close`.
    })
    answer.on('close', end)
    if (paused) answer.pause()
  })
  request.on('error', end)
  request.on('close', end)
  return {
    pause() {
      paused = true
      response?.pause()
    },
    resume() {
      paused = false
      response?.resume()
    },
    halfClose: () => request.socket?.end(),
    destroy() {
      over = true
      request.destroy()
    },
  }
}

/** How often a WebSocket asks whether it is still heard, in milliseconds. */
const pingMs = 1000

/** A WebSocket that gets the same. */
export const connectWebSocket: Connect = (url, ask, listener) => {
  const query = queryOf(ask)
  if (ask.lastEventId !== undefined) query.set('lastEventId', ask.lastEventId)
  const webSocket = new WebSocket(`${url.replace('http', 'ws')}/ws?${query.toString()}`)
  let over = false
  webSocket.on('message', (bytes: Buffer) => {
    if (over) return
    listener.alive()
    const message = JSON.parse(bytes.toString()) as Message & { data?: Data }
    if (message.type !== 'ok') listener.message({ ...message, number: message.data?.n })
  })
  webSocket.on('error', () => {
    // Told by `close`.
  })
  const pings = setInterval(() => {
    if (webSocket.readyState === WebSocket.OPEN) webSocket.send('{"type":"ping","ref":"p"}')
  }, pingMs)
  webSocket.on('close', () => {
    clearInterval(pings)
    if (!over) listener.closed()
    over = true
  })
  return {
    pause: () => webSocket.pause(),
    resume: () => webSocket.resume(),
    halfClose() {
      const { _socket: socket } = webSocket as unknown as { _socket: { end(): void } | null }
      socket?.end()
    },
    destroy() {
      over = true
      webSocket.terminate()
    },
  }
}
