import { createParser, type EventSourceMessage } from 'eventsource-parser'
import { until } from './until.js'

/** A message of the service itself, and how many events came before it. */
export type ControlMessage = { id: string | undefined; behind: number } & Record<string, unknown>

/** What has come of an event stream. */
export interface EventStream {
  /** The events so far, those of the service (`ringcast`) apart. */
  readonly events: EventSourceMessage[]
  readonly control: ControlMessage[]
  /** The last `id:` of all, where this client would resume. */
  readonly lastId: string | undefined
  /** The last `retry:` of all: after how many milliseconds this client would come back. */
  readonly retryMs: number | undefined
  /** Resolves once that many events are here. */
  received(count: number): Promise<EventSourceMessage[]>
  /** Resolves once a control event of this type is here. */
  told(type: string): Promise<ControlMessage>
}

/** Waits for what is to be among these; they are filled as it comes. */
export function arrivals<Event, Message extends Readonly<Record<string, unknown>>>(
  events: Event[],
  control: readonly Message[],
) {
  const find = (type: string): Message | undefined =>
    control.find((message) => message['type'] === type)
  return {
    async received(count: number): Promise<Event[]> {
      await until(() => events.length >= count, `${count} events`, 30_000)
      return events
    },
    async told(type: string): Promise<Message> {
      await until(() => find(type) !== undefined, `a ${type}`)
      return find(type)!
    },
  }
}

/** An event stream whose text is fed to it as it comes. */
export function eventStream(): EventStream & { feed(text: string): void } {
  const events: EventSourceMessage[] = []
  const control: ControlMessage[] = []
  let lastId: string | undefined
  let retryMs: number | undefined
  const parser = createParser({
    onEvent(message) {
      if (message.id !== undefined) lastId = message.id
      if (message.event !== 'ringcast') events.push(message)
      else {
        const { id, data } = message
        control.push({ id, ...(JSON.parse(data) as object), behind: events.length })
      }
    },
    onRetry: (ms) => (retryMs = ms),
  })
  return {
    events,
    control,
    get lastId() {
      return lastId
    },
    get retryMs() {
      return retryMs
    },
    ...arrivals(events, control),
    feed: (text) => {
      parser.feed(text)
    },
  }
}
