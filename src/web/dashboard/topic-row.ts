import { h, setText } from './dom.js'
import { count, short } from './text.js'
import type { TopicNode } from './topic-tree.js'

/** What a row of the tree can do. */
export interface TopicActions {
  /** Listens to what the node stands for. */
  readonly listen: (node: TopicNode) => void
  /** Shows or hides what is below it. */
  readonly toggle: () => void
}

/** A row of the tree, which stays while its figures change: a click, or the focus, is not lost. */
export class TopicRow {
  readonly #toggle: HTMLButtonElement
  readonly #streams = h('span', { class: 'muted' })
  readonly #rate = h('span', { class: 'rate' })
  /** The list of what is below it. */
  readonly below = h('ul')
  readonly element: HTMLElement
  #node: TopicNode | undefined

  constructor(name: string, path: string, { listen, toggle }: TopicActions) {
    this.#toggle = h('button', {
      type: 'button',
      class: 'twig',
      'aria-label': `What is below ${path}`,
      onclick: toggle,
    })
    const button = h(
      'button',
      {
        type: 'button',
        class: 'link',
        title: `Listen to ${path}`,
        onclick: () => {
          listen(this.#node!)
        },
      },
      name === '' ? '(empty)' : name,
    )
    this.element = h(
      'li',
      {},
      h('div', { class: 'leaf' }, h('span', {}, this.#toggle), button, this.#streams, this.#rate),
      this.below,
    )
  }

  show(node: TopicNode, isOpen: boolean): void {
    this.#node = node
    const { streams, perSecond } = node.sums
    this.#toggle.hidden = node.children.size === 0
    this.#toggle.setAttribute('aria-expanded', String(isOpen))
    setText(this.#toggle, isOpen ? '▾' : '▸')
    setText(this.#streams, streams === 0 ? '' : count(streams, 'stream'))
    setText(this.#rate, perSecond === 0 ? '' : `${short(perSecond)}/s`)
    this.below.hidden = !isOpen
  }
}
