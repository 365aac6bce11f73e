import { field, h, panel, setText } from './dom.js'
import type { StreamChanges, StreamRow } from './figures.js'
import { ask } from './service.js'
import { StreamList, type StreamFilter } from './stream-list.js'
import { age, bytes, count, whole } from './text.js'
import type { ViewState } from './view-state.js'

const sorts = {
  '-lag': 'furthest behind',
  '-bytes': 'most bytes',
  since: 'oldest',
  '-since': 'newest',
} as const

const filters = ['user', 'topic', 'node'] as const

/** How many rows there are at most. */
const mostRows = 100
/** How long between two requests that nobody asked for, in milliseconds. */
const leastMs = 3_000

/** The open streams: filtered, sorted, each with a button that closes it. */
export class Streams {
  readonly #view: ViewState
  readonly #trace: (id: string) => void
  readonly #list = new StreamList()
  readonly #rows = new Map<string, HTMLTableRowElement>()
  readonly #body = h('tbody')
  readonly #total = h('span', { class: 'muted' })
  readonly #said = h('p', { class: 'said', role: 'alert' })
  readonly #inputs = {
    user: h('input', { type: 'search', name: 'user' }),
    topic: h('input', { type: 'search', name: 'topic' }),
    node: h('input', { type: 'search', name: 'node' }),
  }
  readonly #sort = h(
    'select',
    { name: 'sort' },
    ...Object.entries<string>(sorts).map(([value, text]) => h('option', { value }, text)),
  )
  readonly element: HTMLElement
  #asked = 0
  #due: ReturnType<typeof setTimeout> | undefined

  /** @param trace shows what became of a stream. */
  constructor(view: ViewState, trace: (id: string) => void, signal: AbortSignal) {
    signal.addEventListener('abort', () => {
      clearTimeout(this.#due)
    })
    this.#view = view
    this.#trace = trace
    const { user, topic, node } = this.#inputs
    this.element = panel(
      'streams',
      'Streams',
      [this.#total],
      h(
        'form',
        { class: 'filters', role: 'search', 'aria-label': 'Streams', onsubmit: prevent },
        field('User', user),
        field('Topic', topic),
        field('Node', node),
        field('Sorted by', this.#sort),
      ),
      this.#said,
      h(
        'div',
        { class: 'scroll', tabindex: 0, role: 'group', 'aria-label': 'Open streams' },
        this.#table(),
      ),
    )
    for (const name of filters) {
      const input = this.#inputs[name]
      input.addEventListener('change', () => {
        view.set({ [name]: input.value.trim() })
        void this.load()
      })
    }
    this.#sort.addEventListener('change', () => {
      view.set({ sort: this.#sort.value })
      void this.load()
    })
    this.#showView()
    view.onChange(() => {
      this.#showView()
      void this.load()
    })
  }

  /** Asks for the rows; what comes after that is told. */
  async load(): Promise<void> {
    clearTimeout(this.#due)
    this.#due = undefined
    const [filter, sort] = [this.#filter(), this.#sorting()]
    const query = new URLSearchParams({ sort, limit: String(mostRows), ...filter })
    const asked = ++this.#asked
    try {
      const { streams, total } = await ask<{ streams: StreamRow[]; total: number }>(
        `api/streams?${query}`,
      )
      // Another filter was set meanwhile.
      if (asked !== this.#asked) return
      this.#list.begin(streams, total, filter, sort)
      setText(this.#said, '')
    } catch (error) {
      if (asked !== this.#asked) return
      setText(this.#said, `Not loaded: ${(error as Error).message}.`)
    }
    this.#draw()
  }

  /** Takes what has changed; asks anew where more has than was told. */
  changed(changes: StreamChanges): void {
    if (!this.#list.apply(changes)) this.missed()
    this.#draw()
  }

  /** Asks anew, since not all that changed was told; not more often than every few seconds. */
  missed(): void {
    this.#due ??= setTimeout(() => void this.load(), leastMs)
  }

  /** Takes how far behind the slowest are. */
  slowest(node: string, rows: readonly StreamRow[]): void {
    this.#list.slowest(node, rows)
    this.#draw()
  }

  /** Only then: what is loaded now and then must not undo what is being typed. */
  #showView(): void {
    for (const name of filters) this.#inputs[name].value = this.#view.get(name)
    this.#sort.value = this.#sorting()
  }

  #filter(): StreamFilter {
    const wanted = filters.map((name) => [name, this.#view.get(name)] as const)
    return Object.fromEntries(wanted.filter(([, value]) => value !== ''))
  }

  #sorting(): string {
    const sort = this.#view.get('sort')
    return Object.hasOwn(sorts, sort) ? sort : '-lag'
  }

  #table(): HTMLTableElement {
    const heads = [
      'Stream',
      'User',
      'Topics',
      'Behind',
      'State',
      'Sent',
      'Open for',
      'Address',
      'Node',
      '',
    ]
    return h(
      'table',
      {},
      h('thead', {}, h('tr', {}, ...heads.map((text) => h('th', { scope: 'col' }, text)))),
      this.#body,
    )
  }

  #draw(): void {
    const rows = this.#list.sorted().slice(0, mostRows)
    const { total } = this.#list
    setText(
      this.#total,
      total > rows.length ? `${whole(rows.length)} of ${whole(total)}` : count(total, 'stream'),
    )
    const focused = document.activeElement
    const focusedAt = [...this.#body.rows].findIndex((row) => row.contains(focused))
    const known = new Set(rows.map(({ id }) => id))
    for (const [id, element] of this.#rows) {
      if (known.has(id)) continue
      element.remove()
      this.#rows.delete(id)
    }
    rows.forEach((row, i) => {
      const element = this.#rows.get(row.id) ?? this.#row(row)
      this.#rows.set(row.id, element)
      fill(element, row)
      // Moved only where it has to be: a row that is moved loses the focus that is in it.
      if (this.#body.children[i] !== element)
        this.#body.insertBefore(element, this.#body.children[i] ?? null)
    })
    if (focusedAt !== -1) this.#focusAgain(focused as HTMLElement, focusedAt)
  }

  /** Keeps the focus where it was; where its row is gone, in the row that took its place. */
  #focusAgain(focused: HTMLElement, at: number): void {
    if (document.activeElement === focused) return
    const row = this.#body.rows[Math.min(at, this.#body.rows.length - 1)]
    const next = focused.isConnected ? focused : row?.querySelector('button')
    next?.focus({ preventScroll: true })
  }

  #row({ id }: StreamRow): HTMLTableRowElement {
    const show = h('button', { type: 'button', class: 'link', title: 'Trace' }, id)
    show.addEventListener('click', () => {
      this.#trace(id)
    })
    const cells = Array.from({ length: 8 }, () => h('td'))
    return h('tr', {}, h('th', { scope: 'row' }, show), ...cells, h('td', {}, this.#closer(id)))
  }

  /** Asks once before it closes a stream for good. */
  #closer(id: string): HTMLElement {
    const close = h(
      'button',
      { type: 'button', class: 'quiet', 'aria-label': `Close ${id}` },
      'Close',
    )
    const sure = h('button', { type: 'button', class: 'danger' }, 'Close for good')
    const keep = h('button', { type: 'button', class: 'quiet' }, 'Keep')
    const box = h('span', { class: 'closer' }, close)
    close.addEventListener('click', () => {
      box.replaceChildren(sure, keep)
      keep.focus()
    })
    keep.addEventListener('click', () => {
      box.replaceChildren(close)
      close.focus()
    })
    let isAsked = false
    sure.addEventListener('click', () => {
      // Not disabled, which would take the focus from it.
      if (isAsked) return
      isAsked = true
      ask(`api/streams/${encodeURIComponent(id)}`, { method: 'DELETE' }).then(
        () => {
          this.#list.remove(id)
          this.#draw()
        },
        (error: unknown) => {
          isAsked = false
          setText(this.#said, `Not closed: ${(error as Error).message}.`)
          this.missed()
        },
      )
    })
    return box
  }
}

function fill(element: HTMLTableRowElement, row: StreamRow): void {
  const texts = [
    row.user ?? '–',
    row.topics.join(', '),
    whole(row.lag),
    row.state,
    bytes(row.bytes),
    age(Date.parse(row.since), Date.now()),
    row.address,
    row.node,
  ]
  texts.forEach((text, i) => {
    setText(element.cells[i + 1]!, text)
  })
  element.cells[2]!.title = texts[1]!
  element.classList.toggle('behind', row.lag > 0)
}

function prevent(event: Event): void {
  event.preventDefault()
}
