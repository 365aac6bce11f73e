import type { Envelope, Gap, State } from '../records.js'
import { Announcer } from './announcer.js'
import { make } from './elements.js'
import { eventRow, gapRow } from './row.js'
import { styleSheet } from './styles.js'
import { templateRow } from './template.js'
import type { Words } from './words.js'

/** What stands in the list: an event, or a hole between two. */
export type Item =
  | { readonly kind: 'event'; readonly detail: Envelope }
  | { readonly kind: 'gap'; readonly detail: Gap }

/** Up to how many new rows are marked as new: more of them are no news, but a flood. */
const mostFresh = 5

/**
 * What the element shows. What comes is drawn once a frame, however much it is, and of what would be
 * drawn only to be pushed out again nothing is; so a burst costs the page no more than `max` rows a frame.
 */
export class FeedView {
  #words: Words
  #max: number
  #isPaused = false
  #state: State = 'connecting'
  /** What is not drawn yet, and what is; oldest first, and never more than `max` of either. */
  #waiting: Item[] = []
  #shown: Item[] = []
  #frame: number | undefined
  readonly #stateText = make('span', 'state')
  readonly #waitingText = make('span', 'waiting')
  readonly #pause = make('button', 'pause')
  readonly #empty = make('p', 'empty')
  readonly #list = make('ol', 'list')
  readonly #announcer = new Announcer()
  readonly #templates = make('slot', '')

  /**
   * @param root what it draws into.
   * @param onPause called when the button is pressed.
   */
  constructor(root: ShadowRoot, max: number, words: Words, onPause: () => void) {
    this.#max = max
    this.#words = words
    root.adoptedStyleSheets = [styleSheet()]
    const bar = make('div', 'bar')
    this.#stateText.role = 'status'
    this.#pause.type = 'button'
    this.#pause.addEventListener('click', onPause)
    // Said, since a list without bullets is none to some screen readers.
    this.#list.role = 'list'
    this.#templates.name = 'event'
    this.#templates.addEventListener('slotchange', () => this.#redraw())
    bar.append(this.#stateText, this.#waitingText, this.#pause)
    root.append(bar, this.#empty, this.#list, this.#announcer.element, this.#templates)
    this.#drawWords()
  }

  set words(words: Words) {
    this.#words = words
    this.#drawWords()
    this.#redraw()
  }

  set max(max: number) {
    this.#max = max
    this.#trim()
    this.#drawBar()
  }

  set paused(isPaused: boolean) {
    this.#isPaused = isPaused
    this.#drawBar()
    this.#drawSoon()
  }

  set state(state: State) {
    this.#state = state
    this.#drawBar()
  }

  /** Takes what came, and draws it with the next frame. */
  add(item: Item): void {
    this.#waiting.push(item)
    if (this.#waiting.length > this.#max) this.#waiting.shift()
    this.#drawSoon()
  }

  /** Forgets all that came. */
  clear(): void {
    this.#waiting = []
    this.#shown = []
    this.#list.replaceChildren()
    this.#announcer.forget()
    this.#drawBar()
  }

  #drawSoon(): void {
    this.#frame ??= requestAnimationFrame(() => {
      this.#frame = undefined
      if (!this.#isPaused) this.#draw()
      this.#drawBar()
    })
  }

  #draw(): void {
    const items = this.#waiting
    if (items.length === 0) return
    this.#waiting = []
    const rows = items.map((item) => this.#row(item))
    if (this.#shown.length > 0 && rows.length <= mostFresh)
      for (const row of rows) row.classList.add('fresh')
    this.#shown.push(...items)
    this.#list.prepend(...rows.reverse())
    this.#trim()
    // A list that scrolls is to be reached by keyboard, where the browser does not see to it.
    this.#list.tabIndex = this.#list.scrollHeight > this.#list.clientHeight ? 0 : -1
    // What is seen of it, in the words of the page's template.
    this.#announcer.add(rows.length, () => rows[0]!.innerText.replace(/\s+/g, ' '), this.#words)
  }

  #row({ kind, detail }: Item): HTMLElement {
    if (kind === 'gap') return gapRow(detail, this.#words)
    const template = this.#templateOf(detail)
    return template === undefined ? eventRow(detail, this.#words) : templateRow(detail, template)
  }

  /** The first template of the page that is for events of this name, or for all. */
  #templateOf({ event }: Envelope): HTMLTemplateElement | undefined {
    return this.#templates
      .assignedElements()
      .filter((element) => element instanceof HTMLTemplateElement)
      .find(({ dataset }) => dataset['event'] === undefined || dataset['event'] === event)
  }

  /** What is shown, by another template or in other words. */
  #redraw(): void {
    this.#list.replaceChildren(...this.#shown.map((item) => this.#row(item)).reverse())
  }

  #trim(): void {
    this.#waiting.splice(0, this.#waiting.length - this.#max)
    this.#shown.splice(0, this.#shown.length - this.#max)
    while (this.#list.childElementCount > this.#max) this.#list.lastElementChild!.remove()
  }

  #drawWords(): void {
    this.#pause.textContent = this.#words.pause
    this.#empty.textContent = this.#words.empty
    this.#list.ariaLabel = this.#words.events
    this.#drawBar()
  }

  #drawBar(): void {
    const word = this.#words[this.#state]
    // A status that is set again is said again.
    if (this.#stateText.textContent !== word) this.#stateText.textContent = word
    this.#stateText.setAttribute('part', `state ${this.#state}`)
    this.#pause.ariaPressed = String(this.#isPaused)
    this.#empty.hidden = this.#shown.length > 0
    this.#waitingText.textContent = this.#isPaused ? this.#waitingWords() : ''
  }

  #waitingWords(): string {
    const { length } = this.#waiting
    if (length === 0) return ''
    return this.#words.waiting(length < this.#max ? String(length) : `${this.#max}+`)
  }
}
