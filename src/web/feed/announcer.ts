import { make } from './elements.js'
import { clip } from './json-text.js'
import type { Words } from './words.js'

/** How often something is said at most, in milliseconds: who listens has to be able to work meanwhile. */
const restMs = 5_000
/** How much of an event is said, in characters. */
const spokenCharacters = 140

/**
 * Says to screen readers, politely, what is new: the newest event, and how many others came since it
 * last said something.
 */
export class Announcer {
  /** What a screen reader watches; nobody sees it. */
  readonly element = make('p', '')
  #count = 0
  #newest: (() => string) | undefined
  #rest: ReturnType<typeof setTimeout> | undefined

  constructor() {
    this.element.role = 'status'
    this.element.className = 'unseen'
  }

  /**
   * Takes note of new rows; says so now, or when it has rested.
   *
   * @param newest the text of the newest; asked for only if that is said.
   */
  add(count: number, newest: () => string, words: Words): void {
    this.#count += count
    this.#newest = newest
    if (this.#rest === undefined) this.#say(words)
  }

  /** What came so far is no news any more. */
  forget(): void {
    this.#count = 0
    this.#newest = undefined
    this.element.textContent = ''
  }

  #say(words: Words): void {
    const newest = this.#newest
    const news = this.#count === 1 ? '' : `${words.news(this.#count.toLocaleString())} `
    this.element.textContent =
      newest === undefined ? '' : news + clip(newest(), spokenCharacters).text
    this.#count = 0
    this.#newest = undefined
    this.#rest = newest === undefined ? undefined : setTimeout(() => this.#say(words), restMs)
  }
}
