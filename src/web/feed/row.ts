import type { Envelope, Gap } from '../records.js'
import { make } from './elements.js'
import { clip, textOf } from './json-text.js'
import { showTime } from './local-time.js'
import type { Words } from './words.js'

/** How much of data is shown before it is asked for: characters and lines. */
const shortCharacters = 480
const shortLines = 12
/** How much is shown when it is asked for, in characters. */
const longCharacters = 1_000_000
/** How much of an event's topics is shown, in characters. */
const topicCharacters = 200

/** An event as the element shows it by itself. */
export function eventRow({ event, topics, time, data }: Envelope, words: Words): HTMLElement {
  const row = make('li', 'event')
  const head = make('div', 'head')
  const topic = clip(topics.join(', '), topicCharacters).text
  const when = make('time', 'time')
  showTime(when, time)
  // With a space between, for who does not see where they stand.
  if (event !== undefined) head.append(foreign(make('span', 'name', event)), ' ')
  if (topic !== '') head.append(foreign(make('span', 'topic', topic)), ' ')
  head.append(when)
  row.append(head, ...dataParts(data, words))
  return row
}

/** A hole. */
export function gapRow({ reason }: Gap, words: Words): HTMLElement {
  return make('li', 'gap', words.gap(reason))
}

function dataParts(data: unknown, words: Words): HTMLElement[] {
  const { text: head, isWhole: isAll } = textOf(data, shortCharacters)
  const { text, isWhole } = clip(head, Infinity, shortLines)
  const isText = typeof data === 'string'
  const shown = make('div', isText ? 'data text' : 'data json', text)
  shown.dir = isText ? 'auto' : 'ltr'
  if (isAll && isWhole) return [shown]
  const more = make('button', 'more', words.more)
  more.type = 'button'
  more.ariaExpanded = 'false'
  more.addEventListener('click', () => {
    const isOpen = more.ariaExpanded !== 'true'
    more.ariaExpanded = String(isOpen)
    more.textContent = isOpen ? words.less : words.more
    shown.textContent = isOpen ? textOf(data, longCharacters).text : text
  })
  return [shown, more]
}

/** Text of any language, whose direction is its own and does not turn what stands beside it. */
function foreign(element: HTMLElement): HTMLElement {
  element.dir = 'auto'
  return element
}
