import type { State } from '../client.js'
import { Charts } from './charts.js'
import { Curls } from './curl.js'
import { h, panel } from './dom.js'
import type { Figures, StreamChanges } from './figures.js'
import { listenToKeys } from './keys.js'
import { follow, type LiveListener } from './live.js'
import { PushForm } from './push-form.js'
import type { Samples } from './samples.js'
import { Sentence } from './sentence.js'
import { spanOf, spanSelect } from './span-select.js'
import { Streams } from './streams.js'
import { Tail } from './tail.js'
import { TopBar } from './top-bar.js'
import { Topics } from './topics.js'
import { Trace } from './trace.js'
import { ViewState } from './view-state.js'
import { welcome } from './welcome.js'

/** How often is asked for what is not told: what was sent, and what other nodes hold; in milliseconds. */
const lookMs = 15_000

/** The dashboard of one session: its parts, and what they are told. */
export class Page implements LiveListener {
  readonly #shown = new AbortController()
  readonly #first: Figures
  readonly #samples: Samples
  readonly #leave: (why: string) => void
  readonly #top: TopBar
  readonly #sentence = new Sentence()
  readonly #welcome: HTMLElement
  readonly #charts: Charts
  readonly #streams: Streams
  readonly #topics: Topics
  readonly #tail: Tail
  readonly #trace: Trace
  /** What stands in the page. */
  readonly elements: readonly HTMLElement[]
  /** How many streams there are by what was told of them, and how many there were by the last figures. */
  #toldStreams: number
  #streamsThen: number
  #isLive = false

  /**
   * @param first the figures as they are.
   * @param left called when the session is over, with a sentence that says why.
   */
  constructor(first: Figures, samples: Samples, left: (why: string) => void) {
    const { signal } = this.#shown
    const view = new ViewState(signal)
    const curls = new Curls(new URL('.', location.href).href, first.configured)
    const traceEvent = (event: string): void => {
      this.#trace.show({ event })
    }
    this.#first = first
    this.#samples = samples
    this.#leave = (why) => {
      this.#shown.abort()
      left(why)
    }
    this.#top = new TopBar(first.configured, this.#leave)
    this.#welcome = welcome(curls)
    this.#charts = new Charts(samples, Number(spanOf(view)), signal)
    this.#trace = new Trace(view)
    this.#streams = new Streams(view, (stream) => this.#trace.show({ stream }), signal)
    this.#tail = new Tail(view, curls, traceEvent)
    this.#topics = new Topics((wanted) => this.#tail.listen(wanted), signal)
    this.elements = [
      this.#top.element,
      h(
        'main',
        {},
        this.#sentence.element,
        this.#welcome,
        panel('figures', 'Figures', [spanSelect(view, this.#charts)], this.#charts.element),
        this.#streams.element,
        this.#topics.element,
        this.#tail.element,
        this.#trace.element,
        new PushForm(curls, traceEvent).element,
      ),
    ]
    this.#toldStreams = allStreams(first)
    this.#streamsThen = this.#toldStreams
  }

  /** Shows the first figures, once it stands in the page, and follows what the service tells. */
  start(): void {
    const { signal } = this.#shown
    this.figures(this.#first)
    follow(this, signal)
    this.#tail.start()
    this.#trace.start()
    listenToKeys({ '/': () => this.#tail.search(), p: () => this.#tail.pause() }, signal)
    const look = setInterval(() => {
      this.#look()
    }, lookMs)
    signal.addEventListener('abort', () => {
      clearInterval(look)
      this.#tail.close()
    })
  }

  figures(figures: Figures): void {
    // The other workers of the node tell of their streams elsewhere: only the sum shows that they changed.
    if (this.#streamsThen !== this.#toldStreams) {
      this.#toldStreams = this.#streamsThen
      this.#streams.missed()
      this.#topics.changed()
    }
    const { node, version, streams, accepted, ring } = figures
    this.#streamsThen = allStreams(figures)
    this.#samples.add(figures, Date.now() / 1000)
    this.#top.about(`${node} · ${version}`)
    this.#sentence.figures(figures)
    this.#charts.update(figures.marks)
    this.#streams.slowest(node, figures.slowest)
    this.#topics.busiest(figures.busiest)
    // What is in the ring may have been pushed to another node, or before a restart.
    this.#welcome.hidden = accepted > 0 || ring.events > 0 || streams > 1
  }

  streams(changes: StreamChanges): void {
    this.#streams.changed(changes)
    this.#topics.changed()
    this.#toldStreams += changes.openedCount - changes.closedCount
  }

  state(state: State): void {
    this.#sentence.state(state)
    this.#isLive = state === 'live'
    // What changed while nothing was told.
    if (this.#isLive) void Promise.all([this.#streams.load(), this.#topics.load()])
  }

  signedOut(): void {
    this.#leave('The session is over.')
  }

  #look(): void {
    if (document.hidden || !this.#isLive) return
    void this.#streams.load()
    this.#topics.changed()
  }
}

/** How many streams there are of what is told to open and close. */
function allStreams({ streams, systemStreams }: Figures): number {
  return streams + systemStreams
}
