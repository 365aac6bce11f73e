import { connect, type RingcastStream } from '../client.js'
import type { Curls } from './curl.js'
import { field, h, panel, setText } from './dom.js'
import { matches, TailRecords, type TailRecord } from './records.js'
import { ask, ServiceError } from './service.js'
import { tailRow, type RowActions } from './tail-row.js'
import { count, whole } from './text.js'
import { textOf, topicsOf } from './topic-list.js'
import type { ViewState } from './view-state.js'

/** How many events one begins with. */
const last = 100
/** How many rows there are at most; the rest of what is kept is found by searching. */
const mostRows = 100
/** All topics; `$` ones are not among them. */
const everything = '**'
/** How long between two drawings, in milliseconds: all that comes meanwhile is drawn together. */
const betweenMs = 100

/** What is pushed, as it comes, the newest first. */
export class Tail {
  readonly #view: ViewState
  readonly #records = new TailRecords()
  readonly #actions: RowActions
  readonly #topics = h('input', {
    type: 'search',
    name: 'tail',
    placeholder: everything,
    spellcheck: 'false',
    title: 'Topics and patterns, with spaces between them',
  })
  readonly #find = h('input', {
    type: 'search',
    name: 'find',
    placeholder: 'press /',
    'aria-keyshortcuts': '/',
  })
  readonly #pause = h(
    'button',
    { type: 'button', 'aria-keyshortcuts': 'p', 'aria-pressed': 'false' },
    'Pause',
  )
  readonly #said = h('p', { class: 'said' })
  readonly #list = h('div', {
    class: 'scroll records',
    tabindex: 0,
    role: 'log',
    'aria-label': 'Events, the newest first',
    'aria-live': 'off',
  })
  readonly element: HTMLElement
  #stream: RingcastStream | undefined
  #arrived: TailRecord[] = []
  #due: ReturnType<typeof setTimeout> | undefined
  #drawnAt = 0
  /** The topics that are listened to, as the URL has them. */
  #wanted: string | undefined
  /** Why these are refused; empty where they are not. */
  #refused = ''

  constructor(view: ViewState, curls: Curls, trace: (event: string) => void) {
    this.#view = view
    this.#actions = { curls, trace }
    const save = h('button', { type: 'button', class: 'quiet' }, 'Export')
    save.title = 'What is kept and found, as newline-delimited JSON'
    save.addEventListener('click', () => {
      this.#export()
    })
    this.#pause.addEventListener('click', () => {
      this.pause()
    })
    this.element = panel(
      'tail',
      'Tail',
      [this.#pause, save],
      h(
        'form',
        { class: 'filters', onsubmit: (event) => event.preventDefault() },
        field('Topics', this.#topics),
        field('Search', this.#find),
      ),
      this.#said,
      this.#list,
    )
    this.#topics.addEventListener('change', () => {
      this.listen(topicsOf(this.#topics.value))
    })
    this.#find.addEventListener('input', () => {
      view.set({ find: this.#find.value })
      this.#drawAll()
    })
    view.onChange(() => {
      this.start()
    })
  }

  /** Begins with what the URL says. */
  start(): void {
    this.#find.value = this.#view.get('find')
    this.#setPaused(this.#view.get('paused') === '1')
    this.#connect()
  }

  /** Listens to other topics. */
  listen(topics: readonly string[]): void {
    this.#view.set({ tail: textOf(topics) })
    this.#connect()
  }

  /** Pauses, or goes on. */
  pause(): void {
    this.#setPaused(!this.#records.paused)
    this.#view.set({ paused: this.#records.paused ? '1' : '' })
  }

  /** Goes to the search. */
  search(): void {
    this.#find.focus()
    this.#find.select()
  }

  close(): void {
    this.#stream?.close()
    clearTimeout(this.#due)
  }

  #connect(): void {
    const wanted = this.#view.get('tail')
    this.#topics.value = wanted
    if (this.#wanted === wanted) return
    this.#wanted = wanted
    this.#refused = ''
    this.#stream?.close()
    this.#records.clear()
    this.#arrived = []
    this.#drawAll()
    const topics = topicsOf(wanted || everything)
    const stream = connect('events', { topics, last, share: true })
    this.#stream = stream
    stream.addEventListener('event', ({ detail }) => {
      this.#add({ kind: 'event', event: detail })
    })
    stream.addEventListener('gap', ({ detail }) => {
      this.#add({ kind: 'gap', gap: detail, at: new Date().toISOString() })
    })
    stream.addEventListener('state', () => {
      this.#tell()
    })
    void this.#check(stream, topics)
  }

  /** A page is not told why a stream is refused: a request for the same topics is. */
  async #check(stream: RingcastStream, topics: readonly string[]): Promise<void> {
    // They have no history to be asked for.
    if (topics.some((topic) => topic.startsWith('$'))) return
    const query = new URLSearchParams(topics.map((topic) => ['topic', topic]))
    try {
      await ask(`api/history?last=0&limit=1&${query}`)
    } catch (error) {
      const isRefusal = error instanceof ServiceError && [400, 403].includes(error.status)
      if (!isRefusal || stream !== this.#stream) return
      stream.close()
      this.#refused = `Not listening: ${error.message}.`
      this.#tell()
    }
  }

  /** A burst costs no more than its newest rows, now and then. */
  #add(record: TailRecord): void {
    this.#arrived.push(record)
    this.#due ??= setTimeout(
      () => {
        this.#drawArrived()
      },
      this.#drawnAt + betweenMs - performance.now(),
    )
  }

  #drawArrived(): void {
    this.#due = undefined
    this.#drawnAt = performance.now()
    this.#prepend(this.#records.add(this.#arrived))
    this.#arrived = []
    this.#tell()
  }

  #prepend(records: readonly TailRecord[]): void {
    const rows = records
      .filter((record) => matches(record, this.#find.value))
      .slice(-mostRows)
      .map((record) => tailRow(record, this.#actions))
      .reverse()
    this.#list.prepend(...rows)
    while (this.#list.childElementCount > mostRows) this.#list.lastElementChild!.remove()
  }

  #drawAll(): void {
    this.#list.replaceChildren()
    this.#prepend(this.#records.shown)
    this.#tell()
  }

  #setPaused(paused: boolean): void {
    if (paused !== this.#records.paused) this.#prepend(this.#records.pause(paused))
    this.#pause.setAttribute('aria-pressed', String(paused))
    this.#tell()
  }

  #tell(): void {
    const { paused, waiting } = this.#records
    setText(this.#pause, paused ? `Resume (${whole(waiting)} waiting)` : 'Pause')
    setText(this.#said, this.#refused || this.#about())
  }

  #about(): string {
    const { paused, shown } = this.#records
    const state = this.#stream?.state ?? 'connecting'
    if (state === 'closed') return 'The service has ended this stream.'
    if (state !== 'live') return 'Connecting …'
    const how = paused ? 'Paused' : 'Live'
    if (shown.length === 0) return `${how}; nothing has come yet.`
    const find = this.#find.value
    if (find === '') return `${how}; ${count(shown.length, 'event')} kept.`
    const found = shown.filter((record) => matches(record, find)).length
    return `${how}; ${count(found, 'match', 'matches')} among the newest ${whole(shown.length)}.`
  }

  #export(): void {
    const text = this.#records.ndjson((record) => matches(record, this.#find.value))
    const url = URL.createObjectURL(new Blob([text], { type: 'application/x-ndjson' }))
    const name = `ringcast-${new Date().toISOString().replaceAll(':', '')}.ndjson`
    h('a', { href: url, download: name }).click()
    URL.revokeObjectURL(url)
  }
}
