import type { Curls, Push } from './curl.js'
import { copyButton, field, h, panel, setText } from './dom.js'
import { ask } from './service.js'

/** A form that pushes, and shows the command that does the same. */
export class PushForm {
  readonly #inputs = {
    topic: h('input', { name: 'topic', placeholder: 'broadcast', spellcheck: 'false' }),
    user: h('input', { name: 'user', spellcheck: 'false' }),
    event: h('input', { name: 'event', spellcheck: 'false' }),
    key: h('input', { name: 'key', spellcheck: 'false' }),
    data: h('textarea', { name: 'data', rows: 3, spellcheck: 'false' }),
  }
  readonly #kind = h('span', { class: 'muted' })
  readonly #said = h('p', { class: 'said', role: 'status' })
  readonly #curl = h('code')
  readonly element: HTMLElement

  /** @param trace shows what became of an event. */
  constructor(curls: Curls, trace: (event: string) => void) {
    const { topic, user, event, key, data } = this.#inputs
    const button = h('button', { type: 'submit' }, 'Push')
    const form = h(
      'form',
      {},
      h(
        'div',
        { class: 'filters' },
        field('Topic', topic),
        field('or user', user),
        field('Event name', event),
        field('Key', key),
      ),
      field('Data', data),
      h('p', { class: 'actions' }, button, this.#kind),
    )
    const show = (): void => {
      setText(this.#kind, data.value === '' ? '' : kindOf(data.value))
      setText(this.#curl, curls.push(this.#push()))
    }
    form.addEventListener('input', () => {
      setText(this.#said, '')
      show()
    })
    form.addEventListener('submit', (submitted) => {
      submitted.preventDefault()
      button.disabled = true
      void this.#send(trace).finally(() => (button.disabled = false))
    })
    this.element = panel(
      'push',
      'Push',
      [],
      form,
      this.#said,
      h(
        'div',
        { class: 'command' },
        h('pre', {}, this.#curl),
        copyButton('Copy', () => this.#curl.textContent),
      ),
    )
    show()
  }

  #push(): Push {
    const { topic, user, event, key, data } = this.#inputs
    return {
      ...(topic.value === '' ? {} : { topic: topic.value }),
      ...(user.value === '' ? {} : { user: user.value }),
      ...(event.value === '' ? {} : { event: event.value }),
      ...(key.value === '' ? {} : { key: key.value }),
      data: isJson(data.value) ? (JSON.parse(data.value) as unknown) : data.value,
    }
  }

  async #send(trace: (event: string) => void): Promise<void> {
    try {
      const { id, duplicate } = await ask<{ id: string; duplicate?: boolean }>('api/push', {
        method: 'POST',
        body: this.#push(),
      })
      const button = h('button', { type: 'button', class: 'link' }, id)
      button.addEventListener('click', () => {
        trace(id)
      })
      this.#said.replaceChildren(duplicate === true ? 'Already pushed as ' : 'Accepted as ', button)
    } catch (error) {
      setText(this.#said, `Not accepted: ${(error as Error).message}.`)
    }
  }
}

/** How a text goes; said where it looks as if it was meant otherwise. */
function kindOf(text: string): string {
  if (isJson(text)) return 'goes as JSON'
  return /^\s*[[{]/.test(text) ? 'is not JSON: goes as text' : 'goes as text'
}

/** Whether a text is meant as JSON: what is none goes as the text that it is. */
function isJson(text: string): boolean {
  try {
    JSON.parse(text)
    return true
  } catch {
    return false
  }
}
