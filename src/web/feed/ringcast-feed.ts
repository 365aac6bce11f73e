import type { ConnectOptions } from '../options.js'
import type { State } from '../records.js'
import { Follower, type News } from './follower.js'
import { defaultSource } from './script-url.js'
import { FeedView } from './view.js'
import { english, type Words } from './words.js'

/** The attributes that say which stream it is; `max` is the only other one. */
const streamAttributes = ['src', 'topic', 'last', 'with-credentials', 'share']
/** What a page may have set before the element was defined. */
const properties = [
  'auth',
  'last',
  'max',
  'paused',
  'share',
  'src',
  'topic',
  'topics',
  'withCredentials',
  'words',
] as const
const byDefault = { last: 20, max: 50 }
/** As many as the service gives to begin with, and as many rows as a page bears to draw in a frame. */
const most = 1_000

// Where there is no DOM the module may be imported all the same; nothing is defined there.
const Base =
  (globalThis as Partial<typeof globalThis>).HTMLElement ??
  (Object as unknown as typeof HTMLElement)

/**
 * `<ringcast-feed>`: what comes over a stream of the service, newest first. It is connected while it is
 * in a document; taken out and put in again, or moved, it goes on from its place. When what says which
 * stream it is changes, it begins anew.
 */
export class RingcastFeed extends Base {
  static readonly observedAttributes = [...streamAttributes, 'max']

  readonly #view: FeedView
  readonly #follower = new Follower({
    begin: () => this.#view.clear(),
    told: (news) => this.#told(news),
  })
  readonly #internals = this.attachInternals()
  #topics: readonly string[] | undefined
  #auth: ConnectOptions['auth']
  #words = english
  #isPaused = false
  #isSettling = false

  constructor() {
    super()
    const root = this.attachShadow({ mode: 'open' })
    this.#view = new FeedView(root, this.max, english, () => {
      this.paused = !this.paused
    })
    this.#internals.role = 'region'
    this.#internals.ariaLabel = english.feed
  }

  /** The URL of the stream, whole. Without the attribute: `events` beside this script. */
  get src(): string {
    const src = this.getAttribute('src')
    if (src === null) return defaultSource()
    return URL.canParse(src, document.baseURI) ? new URL(src, document.baseURI).href : src
  }

  set src(src: string) {
    this.setAttribute('src', src)
  }

  /** Topics and patterns, with spaces between them. */
  get topic(): string {
    return this.getAttribute('topic') ?? ''
  }

  set topic(topic: string) {
    this.setAttribute('topic', topic)
  }

  /** The same as a list, which may have spaces in it: where it is set, `topic` does not count. */
  get topics(): readonly string[] {
    return this.#topics ?? this.topic.split(/\s+/).filter((topic) => topic !== '')
  }

  set topics(topics: readonly string[] | null | undefined) {
    this.#topics = topics == null ? undefined : [...topics]
    this.#settleSoon()
  }

  /** To begin with, the newest so many retained events that match: 0 to 1,000. Default: 20. */
  get last(): number {
    return this.#number('last', 0)
  }

  set last(last: number) {
    this.setAttribute('last', String(last))
  }

  /** How many events and holes it shows, and keeps: 1 to 1,000. Default: 50. */
  get max(): number {
    return this.#number('max', 1)
  }

  set max(max: number) {
    this.setAttribute('max', String(max))
  }

  /** Whether cookies go to another origin, which has to allow it. */
  get withCredentials(): boolean {
    return this.hasAttribute('with-credentials')
  }

  set withCredentials(withCredentials: boolean) {
    this.toggleAttribute('with-credentials', withCredentials)
  }

  /** Whether all tabs of the origin that show the same stream share one connection. */
  get share(): boolean {
    return this.hasAttribute('share')
  }

  set share(share: boolean) {
    this.toggleAttribute('share', share)
  }

  /** Asked for a credential before each connection, as in `connect`. */
  get auth(): ConnectOptions['auth'] {
    return this.#auth
  }

  set auth(auth: ConnectOptions['auth'] | null) {
    this.#auth = auth ?? undefined
    this.#settleSoon()
  }

  /** Whether the list is held still. What comes waits, up to `max`. */
  get paused(): boolean {
    return this.#isPaused
  }

  set paused(paused: boolean) {
    this.#isPaused = paused
    this.#view.paused = paused
  }

  /** How the stream is; `closed` while there is none. */
  get state(): State {
    return this.#follower.state
  }

  /** What it says by itself: English, but for what is set. */
  get words(): Words {
    return this.#words
  }

  set words(words: Partial<Words>) {
    this.#words = { ...english, ...words }
    this.#view.words = this.#words
    this.#internals.ariaLabel = this.#words.feed
  }

  connectedCallback(): void {
    for (const name of properties) this.#takeUp(name)
    this.#settleSoon()
  }

  disconnectedCallback(): void {
    this.#settleSoon()
  }

  attributeChangedCallback(name: string): void {
    if (name === 'max') this.#view.max = this.max
    else this.#settleSoon()
  }

  /** A property that was set before the element was defined hides its accessor: it is set anew. */
  #takeUp(name: (typeof properties)[number]): void {
    if (!Object.hasOwn(this, name)) return
    const value: unknown = this[name]
    Reflect.deleteProperty(this, name)
    Reflect.set(this, name, value)
  }

  /** Once all that changes now has changed: an element that is moved is out and in at once. */
  #settleSoon(): void {
    if (this.#isSettling) return
    this.#isSettling = true
    queueMicrotask(() => {
      this.#isSettling = false
      const { src, topics, last, withCredentials, share, auth } = this
      if (!this.isConnected) this.#follower.leave()
      else this.#follower.follow({ src, topics, last, withCredentials, share, auth })
    })
  }

  #told(news: News): void {
    if (news.type === 'ringcast-event') this.#view.add({ kind: 'event', detail: news.detail })
    else if (news.type === 'ringcast-gap') this.#view.add({ kind: 'gap', detail: news.detail })
    else if (news.type === 'ringcast-state') this.#view.state = news.detail
    const { type, detail } = news
    this.dispatchEvent(new CustomEvent(type, { detail, bubbles: true, composed: true }))
  }

  #number(name: keyof typeof byDefault, least: number): number {
    const number = Number.parseInt(this.getAttribute(name) ?? '', 10)
    return Number.isNaN(number) ? byDefault[name] : Math.min(Math.max(number, least), most)
  }
}
