import { Charts } from './charts.js'
import { Curls } from './curl.js'
import { h, panel, setText } from './dom.js'
import type { Figures } from './figures.js'
import { listenToKeys } from './keys.js'
import { follow } from './live.js'
import { login, signOut } from './login.js'
import { PushForm } from './push-form.js'
import { Samples } from './samples.js'
import { Sentence } from './sentence.js'
import { ask, ServiceError } from './service.js'
import { Streams } from './streams.js'
import { Tail } from './tail.js'
import { Topics } from './topics.js'
import { Trace } from './trace.js'
import { ViewState } from './view-state.js'
import { welcome } from './welcome.js'

const spans = ['2', '10', '60']
const defaultSpan = '10'
/** How long until the service is asked again that did not answer, in milliseconds. */
const askAgainMs = 2_000
/** How often is asked for what is not told: what was sent, and what other nodes hold; in milliseconds. */
const lookMs = 15_000

const samples = new Samples()

void begin('The service wants to know who asks.')

/** Shows the dashboard, after its login where there is one. */
async function begin(why: string): Promise<void> {
  for (;;) {
    try {
      show(await ask<Figures>('api/stats'))
      return
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      if (error.isAboutCredentials) await login(why)
      else await notAnswering(error)
    }
  }
}

async function notAnswering({ message }: ServiceError): Promise<void> {
  const text = `Not loaded: ${message}.`
  // An alert that is there again is read out again.
  if (document.querySelector('.alone [role=alert]')?.textContent !== text) {
    document.body.replaceChildren(
      h('main', { class: 'alone' }, h('h1', {}, 'Ringcast'), h('p', { role: 'alert' }, text)),
    )
  }
  await new Promise((resolve) => setTimeout(resolve, askAgainMs))
}

function show(first: Figures): void {
  const shown = new AbortController()
  const { signal } = shown
  const view = new ViewState(signal)
  const curls = new Curls(new URL('.', location.href).href, first.configured)
  const traceEvent = (event: string): void => {
    trace.show({ event })
  }
  const sentence = new Sentence()
  const charts = new Charts(samples, Number(spanOf(view)), signal)
  const trace = new Trace(view)
  const streams = new Streams(
    view,
    (stream) => {
      trace.show({ stream })
    },
    signal,
  )
  const tail = new Tail(view, curls, traceEvent)
  const topics = new Topics((wanted) => {
    tail.listen(wanted)
  }, signal)
  const push = new PushForm(curls, traceEvent)
  const hello = welcome(curls)
  const node = h('span', { class: 'muted' })
  const leave = (why: string): void => {
    shown.abort()
    tail.close()
    void begin(why)
  }

  document.body.replaceChildren(
    head(node, first.configured, leave),
    h(
      'main',
      {},
      sentence.element,
      hello,
      panel('figures', 'Figures', [spanSelect(view, charts)], charts.element),
      streams.element,
      topics.element,
      tail.element,
      trace.element,
      push.element,
    ),
  )

  // The other workers of the node tell of their streams elsewhere: only the sum shows that they changed.
  let told = first.streams
  let streamsThen = first.streams
  let isLive = false
  const take = (figures: Figures): void => {
    if (streamsThen !== told) {
      told = streamsThen
      streams.missed()
      topics.changed()
    }
    streamsThen = figures.streams
    samples.add(figures, Date.now() / 1000)
    setText(node, `${figures.node} · ${figures.version}`)
    sentence.figures(figures)
    charts.update(figures.marks)
    streams.slowest(figures.node, figures.slowest)
    topics.busiest(figures.busiest)
    // What is in the ring may have been pushed to another node, or before a restart.
    hello.hidden = figures.accepted > 0 || figures.ring.events > 0 || figures.streams > 1
  }
  take(first)
  follow(
    {
      figures: take,
      streams: (changes) => {
        streams.changed(changes)
        topics.changed()
        told += changes.openedCount - changes.closedCount
      },
      state: (state) => {
        sentence.state(state)
        isLive = state === 'live'
        // What changed while nothing was told.
        if (isLive) void Promise.all([streams.load(), topics.load()])
      },
      signedOut: () => {
        leave('The session is over.')
      },
    },
    signal,
  )
  const look = setInterval(() => {
    if (document.hidden || !isLive) return
    void streams.load()
    topics.changed()
  }, lookMs)
  signal.addEventListener('abort', () => {
    clearInterval(look)
  })
  tail.start()
  trace.start()
  listenToKeys({ '/': () => tail.search(), p: () => tail.pause() }, signal)
}

function head(node: HTMLElement, configured: boolean, leave: (why: string) => void): HTMLElement {
  const out = h('button', { type: 'button', class: 'quiet' }, 'Sign out')
  out.addEventListener('click', () => {
    signOut().then(
      () => {
        leave('Signed out.')
      },
      (error: unknown) => {
        out.textContent = `Not signed out: ${(error as Error).message}`
      },
    )
  })
  return h('header', { class: 'top' }, h('h1', {}, 'Ringcast'), node, configured ? out : undefined)
}

function spanSelect(view: ViewState, charts: Charts): HTMLElement {
  const select = h(
    'select',
    { 'aria-label': 'How much of the past' },
    ...spans.map((minutes) => h('option', { value: minutes }, `last ${minutes} min`)),
  )
  const set = (): void => {
    select.value = spanOf(view)
    charts.minutes = Number(select.value)
  }
  select.addEventListener('change', () => {
    view.set({ minutes: select.value === defaultSpan ? '' : select.value })
    set()
  })
  view.onChange(set)
  select.value = spanOf(view)
  return select
}

function spanOf(state: ViewState): string {
  const minutes = state.get('minutes')
  return spans.includes(minutes) ? minutes : defaultSpan
}
