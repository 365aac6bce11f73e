import type { ReadableStream, ReadableStreamDefaultReader } from 'node:stream/web'
import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { lostBy } from './service.js'

/** What a reader of an event stream wants to know beside the messages. */
export interface ReadingHooks {
  /** Called with `true` when the next bytes are waited for, and with `false` when they are here. */
  onWaiting(waiting: boolean): void
  /** A `retry:` line: after how many milliseconds to reconnect. */
  onRetry(ms: number): void
}

// Far above the largest event that the service takes; what is larger is no event stream.
const longestMessage = 128 * 2 ** 20

/**
 * Reads the messages of an event stream, and no further than they are asked for, so that a slow
 * reader of this is a slow reader of the connection. It returns when the stream ends, and throws a
 * ConnectionLost when it breaks, or the reason of `signal`.
 */
export async function* sseMessages(
  body: ReadableStream<Uint8Array>,
  signal: AbortSignal,
  hooks: ReadingHooks,
): AsyncGenerator<EventSourceMessage, void, undefined> {
  let messages: EventSourceMessage[] = []
  const parser = createParser({
    onEvent: (message) => messages.push(message),
    onRetry: (ms) => hooks.onRetry(ms),
    maxBufferSize: longestMessage,
  })
  const decoder = new TextDecoder()
  const reader = body.getReader()
  for (;;) {
    const bytes = await nextBytes(reader, signal, hooks)
    if (bytes === undefined) return
    messages = []
    feed((text) => parser.feed(text), decoder.decode(bytes, { stream: true }))
    yield* messages
  }
}

async function nextBytes(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  signal: AbortSignal,
  hooks: ReadingHooks,
): Promise<Uint8Array | undefined> {
  hooks.onWaiting(true)
  try {
    return (await reader.read()).value
  } catch (error) {
    throw lostBy(error, signal)
  } finally {
    hooks.onWaiting(false)
  }
}

/** The parser throws once a message has outgrown its limit: the stream is of no more use. */
function feed(parse: (text: string) => void, text: string): void {
  try {
    parse(text)
  } catch (error) {
    throw lostBy(error, undefined)
  }
}
