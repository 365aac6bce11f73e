import type { Envelope } from '../records.js'
import { make } from './elements.js'
import { textOf } from './json-text.js'
import { showTime } from './local-time.js'

/** How much text a field takes, in characters. */
const fieldCharacters = 10_000

/**
 * An event as a page's own template shows it: each element with a `data-field` gets what that names as
 * its text, and nothing is ever read as HTML.
 */
export function templateRow(envelope: Envelope, template: HTMLTemplateElement): HTMLElement {
  const row = make('li', 'event')
  row.append(document.importNode(template.content, true))
  for (const element of row.querySelectorAll<HTMLElement>('[data-field]'))
    fill(element, element.dataset['field']!, envelope)
  return row
}

function fill(element: HTMLElement, field: string, envelope: Envelope): void {
  if (field === 'time') showTime(element, envelope.time)
  else if (field === 'topics') element.textContent = envelope.topics.join(', ')
  else {
    const value = valueAt(envelope, field.split('.'))
    element.textContent = value === undefined ? '' : textOf(value, fieldCharacters).text
  }
}

/** What stands at a path like `data.order.status`; only what the event has itself. */
function valueAt(whole: unknown, path: readonly string[]): unknown {
  let value = whole
  for (const name of path) {
    if (typeof value !== 'object' || value === null || !Object.hasOwn(value, name)) return undefined
    value = (value as Record<string, unknown>)[name]
  }
  return value
}
