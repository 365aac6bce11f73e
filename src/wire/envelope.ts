import { formatEventId } from '../hub/event-id.js'
import type { AcceptedEvent } from '../hub/event.js'

/**
 * An event whole, as JSON: `{"id","topics","event"?,"data","key"?,"time"}`. It never says whom else
 * the event went to. Data that is JSON goes in as it stands, unparsed.
 */
export function envelopeJson(event: AcceptedEvent): string {
  const members = [
    // Outside a log an event has no place to name.
    event.epoch === '' ? '' : `"id":"${formatEventId(event.epoch, event.sequence)}",`,
    `"topics":${JSON.stringify(event.topics)},`,
    event.event === undefined ? '' : `"event":${JSON.stringify(event.event)},`,
    `"data":${event.json ? event.data : JSON.stringify(event.data)},`,
    event.key === undefined ? '' : `"key":${JSON.stringify(event.key)},`,
    `"time":"${event.time}"`,
  ]
  return `{${members.join('')}}`
}
