import { visible, visibleText } from './visible.js'

/** How `ringcast tail` shows what it receives; each text ends its line. */
export interface TailFormat {
  /** `text` is the event as JSON, as received; `envelope` the same, read. */
  event(text: string, envelope: Record<string, unknown>): string
  gap(text: string, gap: Record<string, unknown>): string
}

/** One line of JSON an event or gap, exactly as received. */
export const jsonFormat: TailFormat = {
  event: (text) => `${text}\n`,
  gap: (text) => `${text}\n`,
}

/**
 * One line an event: local time, topics, name, data. Whoever may push must not drive the terminal
 * of whoever watches (CWE-150), so control characters are shown, not sent.
 */
export const humanFormat: TailFormat = {
  event(_text, { time, topics, event, data }) {
    const name = typeof event === 'string' ? [visible(event)] : []
    return `${[localTime(time), topicList(topics), ...name, dataText(data)].join(' ')}\n`
  },
  gap(_text, { reason, after }) {
    const place = `events after ${visible(String(after))} are missing`
    return `-- gap (${visible(String(reason))}): ${place} --\n`
  },
}

function localTime(time: unknown): string {
  const date = new Date(typeof time === 'string' ? time : Number.NaN)
  if (Number.isNaN(date.getTime())) return '--:--:--.---'
  const clock = [date.getHours(), date.getMinutes(), date.getSeconds()].map((part) =>
    String(part).padStart(2, '0'),
  )
  return `${clock.join(':')}.${String(date.getMilliseconds()).padStart(3, '0')}`
}

function topicList(topics: unknown): string {
  // An event that was pushed to users has no topics, and never says to whom it went.
  if (!Array.isArray(topics) || topics.length === 0) return '(user)'
  return topics.map((topic) => visible(String(topic))).join(',')
}

function dataText(data: unknown): string {
  if (typeof data !== 'string') return visible(JSON.stringify(data))
  return visibleText(data).replaceAll('\n', '\n    ')
}
