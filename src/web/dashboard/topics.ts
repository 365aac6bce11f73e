import { arrange, h, panel, setText } from './dom.js'
import type { Figures } from './figures.js'
import { ask } from './service.js'
import { count, whole } from './text.js'
import { TopicRow } from './topic-row.js'
import { patternsOf, topicTree, type TopicNode } from './topic-tree.js'

/** How many topics are asked for, and shown at one level until more is asked for. */
const mostTopics = 1_000
const mostAtOnce = 50
/** How long between two requests, in milliseconds. */
const leastMs = 3_000

/** The topics that are subscribed to or pushed to, as a tree. */
export class Topics {
  readonly #listen: (topics: readonly string[]) => void
  readonly #subscribed = new Map<string, number>()
  /** `in` a path: what is below it is shown; `all of` a path: the rest of it, too. */
  readonly #opened = new Set<string>()
  readonly #rows = new Map<string, TopicRow>()
  /** The buttons that show the rest, by what they open. */
  readonly #mores = new Map<string, HTMLButtonElement>()
  readonly #total = h('span', { class: 'muted' })
  readonly #said = h('p', { class: 'said', role: 'alert' })
  readonly #list = h('ul', { class: 'tree' })
  readonly #nothing = h('li', { class: 'muted' }, 'Nobody subscribes, and nothing is pushed.')
  readonly #scroll = h(
    'div',
    { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Topics as a tree' },
    this.#list,
  )
  readonly element: HTMLElement
  #seen = new Set<string>()
  /** How many there are, those counted that were not asked for. */
  #all = 0
  #busiest: Figures['busiest'] = []
  #drawn = ''
  #due: ReturnType<typeof setTimeout> | undefined

  /** @param listen fills the tail with what these bring. */
  constructor(listen: (topics: readonly string[]) => void, signal: AbortSignal) {
    signal.addEventListener('abort', () => {
      clearTimeout(this.#due)
    })
    this.#listen = listen
    this.element = panel('topics', 'Topics', [this.#total], this.#said, this.#scroll)
  }

  /** Asks who subscribes to what. */
  async load(): Promise<void> {
    clearTimeout(this.#due)
    this.#due = undefined
    try {
      const { topics, total } = await ask<{
        topics: { topic: string; streams: number }[]
        total: number
      }>(`api/topics?limit=${mostTopics}`)
      this.#subscribed.clear()
      for (const { topic, streams } of topics) this.#subscribed.set(topic, streams)
      this.#all = total
      setText(this.#said, '')
    } catch (error) {
      setText(this.#said, `Not loaded: ${(error as Error).message}.`)
    }
    this.#draw()
  }

  /** Asks anew, since who subscribes to what has changed; not more often than every few seconds. */
  changed(): void {
    this.#due ??= setTimeout(() => void this.load(), leastMs)
  }

  busiest(busiest: Figures['busiest']): void {
    this.#busiest = busiest
    this.#draw()
  }

  #draw(): void {
    // What is told each second is mostly what is shown already.
    const drawn = JSON.stringify([[...this.#subscribed], this.#busiest, [...this.#opened]])
    if (drawn === this.#drawn) return
    this.#drawn = drawn
    this.#seen = new Set()
    const hadFocus = this.#list.contains(document.activeElement)
    const items = this.#items(topicTree(this.#subscribed, this.#busiest))
    arrange(this.#list, items.length === 0 ? [this.#nothing] : items)
    for (const rows of [this.#rows, this.#mores])
      for (const key of rows.keys()) if (!this.#seen.has(key)) rows.delete(key)
    // What had the focus is gone: who uses the keyboard stays near.
    if (hadFocus && !this.#list.contains(document.activeElement))
      this.#scroll.focus({ preventScroll: true })
    setText(this.#total, this.#counted())
  }

  #counted(): string {
    const { size } = this.#subscribed
    if (this.#all > size) return `the ${whole(size)} most subscribed of ${whole(this.#all)}`
    return count(size, 'topic or pattern', 'topics and patterns')
  }

  #items(parent: TopicNode): HTMLElement[] {
    const nodes = [...parent.children.values()].sort(
      (a, b) => b.sums.perSecond - a.sums.perSecond || (a.name < b.name ? -1 : 1),
    )
    const key = `all of ${parent.path}`
    const shown = nodes.slice(0, this.#opened.has(key) ? undefined : mostAtOnce)
    const items = shown.map((node) => this.#item(node))
    if (shown.length < nodes.length) items.push(this.#more(key, nodes.length - shown.length))
    return items
  }

  #item(node: TopicNode): HTMLElement {
    const { path, children } = node
    const row = this.#rows.get(`in ${path}`) ?? this.#row(node)
    this.#rows.set(`in ${path}`, row)
    this.#seen.add(`in ${path}`)
    const isOpen = this.#opened.has(`in ${path}`) && children.size > 0
    row.show(node, isOpen)
    arrange(row.below, isOpen ? this.#items(node) : [])
    return row.element
  }

  #row({ name, path }: TopicNode): TopicRow {
    return new TopicRow(name, path, {
      listen: (node) => {
        this.#listen(patternsOf(node))
      },
      toggle: () => {
        this.#toggle(`in ${path}`)
      },
    })
  }

  #more(key: string, n: number): HTMLElement {
    const button = this.#mores.get(key) ?? h('button', { type: 'button', class: 'link' })
    if (!this.#mores.has(key)) {
      button.addEventListener('click', () => {
        this.#toggle(key)
      })
      h('li', {}, button)
      this.#mores.set(key, button)
    }
    this.#seen.add(key)
    setText(button, `${whole(n)} more`)
    return button.parentElement!
  }

  #toggle(key: string): void {
    if (!this.#opened.delete(key)) this.#opened.add(key)
    this.#draw()
  }
}
