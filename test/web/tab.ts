import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page } from 'playwright-core'
import type { Test } from 'tap'
import type { RunningApp } from '../helpers/app.js'

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

/** Waits until something is so in a page. */
export async function waitFor(page: Page, condition: string): Promise<void> {
  await page.waitForFunction(condition, undefined, { timeout: 60_000, polling: 20 })
}

/** Waits until a page has a stream that is live. */
export function whenLive(page: Page): Promise<void> {
  return waitFor(page, 'stream.state === "live"')
}

/**
 * Takes the clock of a page: its timers fire only as it is moved on, by `page.clock.runFor`. What goes over
 * the network takes its time all the same.
 */
export async function holdClock(page: Page): Promise<void> {
  await page.clock.install({ time: 0 })
  await page.clock.pauseAt(1)
}
