import type { Envelope } from '../client.js'
import type { Curls } from './curl.js'
import { copyButton, h } from './dom.js'
import type { TailRecord } from './records.js'
import { timeOfDay } from './text.js'

/** What a row can do beside being read. */
export interface RowActions {
  readonly curls: Curls
  /** Shows what became of an event. */
  readonly trace: (event: string) => void
}

/** How much of the data is shown in one line, in characters. */
const previewLength = 200
const gapTexts: Record<string, string> = {
  evicted: 'events after this place are no longer kept',
  epoch: 'the log has begun anew since',
  unknown: 'the place is none of this log',
  lagged: 'this page was slower than the ring is long',
}

/** A row of the tail: an event that can be opened, or a hole. */
export function tailRow(record: TailRecord, actions: RowActions): HTMLElement {
  if (record.kind === 'gap') {
    const { reason, after } = record.gap
    return h(
      'p',
      { class: 'record gap' },
      time(record.at),
      h('strong', {}, `Gap: ${reason}`),
      h(
        'span',
        {},
        `${gapTexts[reason] ?? 'events may be missing here'} (after ${after || 'the beginning'})`,
      ),
    )
  }
  const { event } = record
  const row = h(
    'details',
    { class: 'record' },
    h(
      'summary',
      {},
      time(event.time),
      h('span', { class: 'topic' }, event.topics.join(', ')),
      h('span', { class: 'name' }, event.event ?? ''),
      h('code', { class: 'data' }, preview(event.data)),
    ),
  )
  // Laid out only for who looks: a burst would pay for each.
  row.addEventListener('toggle', () => {
    if (row.open && row.childElementCount === 1) row.append(details(event, actions))
  })
  return row
}

function details(event: Envelope, { curls, trace }: RowActions): HTMLElement {
  const { id, topics, event: name, key, data } = event
  const curl = copyButton('Copy curl', () =>
    curls.push({
      topic: topics.length === 1 ? topics[0]! : topics,
      ...(name === undefined ? {} : { event: name }),
      data,
    }),
  )
  curl.title = 'The command that pushes the same again'
  const traced = h('button', { type: 'button', class: 'quiet' }, 'Trace')
  traced.addEventListener('click', () => {
    trace(id!)
  })
  return h(
    'div',
    { class: 'whole' },
    h('pre', {}, typeof data === 'string' ? data : JSON.stringify(data, undefined, 2)),
    h(
      'p',
      { class: 'actions' },
      h('code', {}, id),
      key === undefined ? undefined : h('span', { class: 'muted' }, `key ${key}`),
      curl,
      id === undefined ? undefined : traced,
    ),
  )
}

function preview(data: unknown): string {
  const text = typeof data === 'string' ? data : JSON.stringify(data)
  return text.length > previewLength ? `${text.slice(0, previewLength)}…` : text
}

function time(at: string): HTMLElement {
  return h('time', { datetime: at, title: at }, timeOfDay(at))
}
