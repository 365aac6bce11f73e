import type { State } from '../client.js'
import { h, setText } from './dom.js'
import type { Figures } from './figures.js'
import { healthOf } from './health.js'
import { timeOfDay } from './text.js'

/** The sentence on top that says how the service is, and what is wrong with it. */
export class Sentence {
  readonly #text = h('p', { class: 'sentence' })
  readonly #causes = h('ul', {
    class: 'causes',
    'aria-label': 'What is wrong',
    'aria-live': 'polite',
  })
  readonly element = h('div', { class: 'health' }, this.#text, this.#causes)
  #at: string | undefined

  figures(figures: Figures): void {
    this.#at = new Date().toISOString()
    const { sentence, causes } = healthOf(figures)
    setText(this.#text, sentence)
    const key = JSON.stringify(causes)
    if (this.#causes.dataset['key'] === key) return
    this.#causes.dataset['key'] = key
    this.#causes.replaceChildren(
      ...causes.map(({ text, remedy }) =>
        h('li', {}, h('strong', {}, text), ' ', h('span', {}, remedy)),
      ),
    )
    this.element.classList.toggle('bad', causes.length > 0)
  }

  state(state: State): void {
    // Its figures change each second: read out they would drown the rest.
    this.#text.setAttribute('aria-live', state === 'live' ? 'off' : 'polite')
    this.element.classList.toggle('old', state !== 'live')
    if (state === 'live') return
    const from =
      this.#at === undefined ? '' : ` What is below is from ${timeOfDay(this.#at).slice(0, 8)}.`
    setText(
      this.#text,
      state === 'closed'
        ? `The service has ended this page’s stream.${from}`
        : `Not connected to the service; trying again.${from}`,
    )
  }
}
