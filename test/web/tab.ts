import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from 'playwright-core'
import type { Test } from 'tap'
import type { RunningApp } from '../helpers/app.js'
import { until } from '../helpers/until.js'

/** A page with the client of a service, and a `follow` that notes all that a stream tells. */
function clientPage(service: string): string {
  return `<!doctype html>
    <title>A page</title>
    <script type="module">
      import { connect } from '${service}/client.js'
      globalThis.follow = (url, options) => {
        const stream = connect(url, options)
        Object.assign(globalThis, { stream, got: [], whole: [], gaps: [], states: [], told: [] })
        stream.addEventListener('event', ({ detail }) => {
          got.push(detail.data)
          whole.push(detail)
        })
        stream.addEventListener('gap', ({ detail }) => gaps.push(detail))
        stream.addEventListener('expiring', ({ detail }) => told.push(detail))
        stream.addEventListener('state', ({ detail }) => states.push(detail))
      }
    </script>`
}

/**
 * Starts a site of its own, whose only page has the client of a service, until the test ends.
 *
 * @param html another page.
 */
export async function startSite(
  t: Test,
  service: () => string,
  html: () => string = () => clientPage(service()),
): Promise<string> {
  const server = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(html())
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close().closeAllConnections())
  await once(server, 'listening')
  // By this name the page is another origin than the service, and one that may use locks.
  return `http://localhost:${(server.address() as AddressInfo).port}/`
}

/** Opens a page of a site whose client is that of the service. */
export async function openTab(t: Test, browser: BrowserContext, app: RunningApp): Promise<Page> {
  const url = await startSite(t, () => app.url)
  const page = await browser.newPage()
  await page.goto(url)
  return page
}

/** Begins to follow a stream in a page; `options` is the text of an object. */
export async function follow(page: Page, url: string, options = '{}'): Promise<void> {
  await page.evaluate(`follow('${url}', ${options})`)
}

/** Waits until something is so in a page, whose own clock may be held. */
export function waitFor(page: Page, condition: string): Promise<void> {
  return until(() => page.evaluate<boolean>(condition), condition, 60_000)
}

/** Waits until a page has a stream that is live. */
export function whenLive(page: Page): Promise<void> {
  return waitFor(page, 'stream.state === "live"')
}

/** The clock of a page, which stands still but for this. */
export interface HeldClock {
  /** Lets so many milliseconds pass; timers fire in their order, each at its time. */
  runFor(ms: number): Promise<void>
  /** Lets them pass unseen: no timer fires, though its time may be over. */
  sleep(ms: number): Promise<void>
  /** Waits until the next timer is due in no more than so many milliseconds; in how many it is. */
  whenDueIn(mostMs: number): Promise<number>
  /** Lets them pass at once, as a machine does that sleeps: what became due fires late. */
  jump(ms: number): Promise<void>
}

/**
 * Takes the clock of one page: its timers fire only as it is moved on. What goes over the network takes
 * its time all the same. Playwright's own clock is that of all pages at once, and waits for those that
 * hang. What is to be held has to begin after this.
 */
export async function holdClock(page: Page): Promise<HeldClock> {
  await page.evaluate(`
    let now = 1_000_000
    let last = 0
    const timers = new Map()
    globalThis.setTimeout = (work, ms = 0) => {
      timers.set(++last, { work, at: now + ms })
      return last
    }
    globalThis.clearTimeout = (id) => timers.delete(id)
    performance.now = Date.now = () => now
    const first = () => [...timers].sort(([, a], [, b]) => a.at - b.at)[0]
    globalThis.dueIn = () => (first()?.[1].at ?? Infinity) - now
    globalThis.sleep = (ms) => { now += ms }
    globalThis.runFor = (ms) => {
      const end = now + ms
      for (;;) {
        const due = first()
        if (due === undefined || due[1].at > end) break
        timers.delete(due[0])
        now = Math.max(now, due[1].at)
        due[1].work()
      }
      now = end
    }
    globalThis.jump = (ms) => {
      now += ms
      runFor(0)
    }
  `)
  return {
    runFor: (ms) => page.evaluate(`runFor(${ms})`),
    sleep: (ms) => page.evaluate(`sleep(${ms})`),
    jump: (ms) => page.evaluate(`jump(${ms})`),
    async whenDueIn(mostMs) {
      await waitFor(page, `dueIn() <= ${mostMs}`)
      return page.evaluate('dueIn()')
    },
  }
}

/** Tells a page that the network is there again, or that it is seen again. */
export function wakeUp(page: Page, why: 'online' | 'seen'): Promise<void> {
  return page.evaluate(
    why === 'online'
      ? `void dispatchEvent(new Event('online'))`
      : `void document.dispatchEvent(new Event('visibilitychange'))`,
  )
}
