import { field, h, panel } from './dom.js'
import type { StreamRow } from './figures.js'
import { ask } from './service.js'
import { timeOfDay } from './text.js'
import type { ViewState } from './view-state.js'

/** What became of an event at a stream, or what befell a stream. */
interface TracedStream extends Omit<StreamRow, 'lag' | 'bytes' | 'state'> {
  readonly outcome?: string
  readonly why?: string
  readonly gaps: readonly { readonly reason: string; readonly after: string; readonly at: string }[]
  /** Of one that has ended. */
  readonly until?: string
  readonly reason?: string
  /** Of one that is open. */
  readonly state?: string
  readonly lag?: number
}

/** The answer of `GET /api/trace`. */
interface Traced {
  readonly event: {
    readonly id: string
    readonly place: string
    readonly topics?: readonly string[]
    readonly users?: readonly string[]
    readonly event?: string
    readonly key?: string
    readonly time?: string
  } | null
  readonly streams: readonly TracedStream[]
  readonly ended: readonly TracedStream[]
  readonly summary: string
  readonly total: number
  readonly silent?: number
}

/** Shows what became of an event, or of a user's streams: why did it not get there? */
export class Trace {
  readonly #view: ViewState
  readonly #inputs = {
    event: h('input', { type: 'search', name: 'event', spellcheck: 'false' }),
    who: h('input', { type: 'search', name: 'who', spellcheck: 'false' }),
    stream: h('input', { type: 'search', name: 'stream', spellcheck: 'false' }),
  }
  readonly #answer = h('div', { class: 'answer', role: 'status' })
  readonly element: HTMLElement

  constructor(view: ViewState) {
    this.#view = view
    const { event, who, stream } = this.#inputs
    const form = h(
      'form',
      { class: 'filters' },
      field('Event id', event),
      field('User', who),
      field('Stream', stream),
      h('button', { type: 'submit' }, 'Trace'),
    )
    form.addEventListener('submit', (submitted) => {
      submitted.preventDefault()
      this.show({ event: event.value, who: who.value, stream: stream.value })
    })
    this.element = panel(
      'trace',
      'Trace',
      [h('span', { class: 'muted' }, 'Why did an event not arrive?')],
      form,
      h(
        'div',
        { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'What became of it' },
        this.#answer,
      ),
    )
    view.onChange(() => {
      this.start()
    })
  }

  /** Begins with what the URL says. */
  start(): void {
    const { event, who, stream } = this.#inputs
    event.value = this.#view.get('event')
    who.value = this.#view.get('who')
    stream.value = this.#view.get('stream')
    void this.#ask()
  }

  /** Traces these. */
  show(asked: { readonly event?: string; readonly who?: string; readonly stream?: string }): void {
    const { event = '', who = '', stream = '' } = asked
    this.#view.set({ event: event.trim(), who: who.trim(), stream: stream.trim() })
    this.start()
    this.element.scrollIntoView({ block: 'nearest' })
  }

  async #ask(): Promise<void> {
    const query = new URLSearchParams()
    for (const [name, input] of Object.entries(this.#inputs)) {
      if (input.value !== '') query.set(name === 'who' ? 'user' : name, input.value)
    }
    if (query.size === 0) {
      this.#answer.replaceChildren(
        h('p', { class: 'muted' }, 'Give an event, a user or a stream, or several of them.'),
      )
      return
    }
    try {
      this.#draw(await ask<Traced>(`api/trace?${query}`))
    } catch (error) {
      this.#answer.replaceChildren(
        h('p', { class: 'said' }, `Not traced: ${(error as Error).message}.`),
      )
    }
  }

  #draw({ event, streams, ended, summary, total, silent = 0 }: Traced): void {
    const rows = [...streams, ...ended]
    this.#answer.replaceChildren(
      h('p', { class: 'summary' }, summary),
      ...(event === null ? [] : [particulars(event)]),
      h('ul', { class: 'outcomes' }, ...rows.map((row) => outcome(row))),
      ...(total > rows.length ? [h('p', { class: 'muted' }, `${total} in all.`)] : []),
      ...(silent > 0 ? [h('p', { class: 'said' }, `${silent} did not answer in time.`)] : []),
    )
  }
}

/** What the summary does not say of an event. */
function particulars({ users = [], event, key }: NonNullable<Traced['event']>): HTMLElement {
  const facts = [
    ...(users.length > 0 ? [`for ${users.join(', ')}`] : []),
    ...(event === undefined ? [] : [`event ${event}`]),
    ...(key === undefined ? [] : [`key ${key}`]),
  ]
  return h('p', { class: 'muted said' }, facts.join(' · '))
}

function outcome(row: TracedStream): HTMLElement {
  const word = row.outcome ?? (row.until === undefined ? row.state! : 'ended')
  const item = h(
    'li',
    { class: `outcome ${word}` },
    h('strong', {}, word.replace('-', ' ')),
    h('code', {}, row.id),
    h('span', {}, row.user ?? ''),
    h('span', { class: 'muted' }, times(row)),
  )
  if (row.why !== undefined) item.append(h('p', {}, row.why))
  for (const { reason, after, at } of row.gaps) {
    item.append(
      h(
        'p',
        { class: 'gap' },
        `Gap ${timeOfDay(at)}: ${reason}, after ${after || 'the beginning'}`,
      ),
    )
  }
  return item
}

function times({ since, until, reason, lag = 0 }: TracedStream): string {
  const from = `since ${timeOfDay(since).slice(0, 8)}`
  if (until !== undefined) return `${from} until ${timeOfDay(until).slice(0, 8)}: ${reason ?? ''}`
  return lag > 0 ? `${from}, ${lag} behind` : from
}
