import { h, panel, setText } from './dom.js'
import type { Figures } from './figures.js'
import { ask } from './service.js'
import { count, short, whole } from './text.js'
import { patternsOf, topicTree, total, type TopicNode } from './topic-tree.js'

/** How many topics are asked for, and shown at one level until more is asked for. */
const mostTopics = 1_000
const mostAtOnce = 50
/** How long between two requests, in milliseconds. */
const leastMs = 3_000

/** The topics that are subscribed to or pushed to, as a tree. */
export class Topics {
  readonly #listen: (topics: readonly string[]) => void
  readonly #subscribed = new Map<string, number>()
  readonly #opened = new Set<string>()
  readonly #total = h('span', { class: 'muted' })
  readonly #said = h('p', { class: 'said', role: 'alert' })
  readonly #list = h('ul', { class: 'tree' })
  readonly element: HTMLElement
  #busiest: Figures['busiest'] = []
  #drawn = ''
  #due: ReturnType<typeof setTimeout> | undefined

  /** @param listen fills the tail with what these bring. */
  constructor(listen: (topics: readonly string[]) => void, signal: AbortSignal) {
    signal.addEventListener('abort', () => {
      clearTimeout(this.#due)
    })
    this.#listen = listen
    this.element = panel(
      'topics',
      'Topics',
      [this.#total],
      this.#said,
      h(
        'div',
        { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Topics as a tree' },
        this.#list,
      ),
    )
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
      setText(
        this.#said,
        total > topics.length
          ? `The ${whole(topics.length)} most subscribed of ${whole(total)}.`
          : '',
      )
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
    const root = topicTree(this.#subscribed, this.#busiest)
    const focused = (document.activeElement as HTMLElement | null)?.dataset['topic']
    this.#list.replaceChildren(...this.#items(root))
    if (focused !== undefined)
      this.#list.querySelector<HTMLElement>(`[data-topic="${CSS.escape(focused)}"]`)?.focus()
    setText(this.#total, count(this.#subscribed.size, 'topic or pattern', 'topics and patterns'))
    if (this.#list.childElementCount === 0)
      this.#list.append(h('li', { class: 'muted' }, 'Nobody subscribes, and nothing is pushed.'))
  }

  *#items(parent: TopicNode): Iterable<HTMLElement> {
    const nodes = [...parent.children.values()].sort(
      (a, b) => total(b, 'perSecond') - total(a, 'perSecond') || (a.name < b.name ? -1 : 1),
    )
    const all = this.#opened.has(`all ${parent.path}`)
    for (const node of nodes.slice(0, all ? undefined : mostAtOnce)) yield this.#item(node)
    if (all || nodes.length <= mostAtOnce) return
    yield h(
      'li',
      {},
      this.#toggle(`all ${parent.path}`, `${whole(nodes.length - mostAtOnce)} more`, 'link'),
    )
  }

  #item(node: TopicNode): HTMLElement {
    const { name, path, children } = node
    const open = this.#opened.has(path)
    const listen = h(
      'button',
      { type: 'button', class: 'link', 'data-topic': `listen ${path}`, title: `Listen to ${path}` },
      name === '' ? '(empty)' : name,
    )
    listen.addEventListener('click', () => {
      this.#listen(patternsOf(node))
    })
    const toggle =
      children.size === 0
        ? h('span', { class: 'twig' })
        : this.#toggle(path, open ? '▾' : '▸', 'twig')
    if (children.size > 0) {
      toggle.setAttribute('aria-expanded', String(open))
      toggle.setAttribute('aria-label', `What is below ${path}`)
    }
    const rate = total(node, 'perSecond')
    const streams = total(node, 'streams')
    return h(
      'li',
      {},
      h(
        'div',
        { class: 'leaf' },
        toggle,
        listen,
        h('span', { class: 'muted' }, streams === 0 ? '' : count(streams, 'stream')),
        h('span', { class: 'rate' }, rate === 0 ? '' : `${short(rate)}/s`),
      ),
      open ? h('ul', {}, ...this.#items(node)) : undefined,
    )
  }

  #toggle(key: string, text: string, name: string): HTMLElement {
    const button = h('button', { type: 'button', class: name, 'data-topic': key }, text)
    button.addEventListener('click', () => {
      if (!this.#opened.delete(key)) this.#opened.add(key)
      this.#draw()
    })
    return button
  }
}
