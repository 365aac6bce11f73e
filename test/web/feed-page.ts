import type { BrowserContext, Locator, Page } from 'playwright-core'
import type { Test } from 'tap'
import type { RunningApp } from '../helpers/app.js'
import { startSite } from './tab.js'

/** A page with feeds in it, and what tests look at. */
export interface FeedPage {
  readonly page: Page
  readonly url: string
  /** The first feed's parts, by their name. */
  readonly part: (name: string) => Locator
  /** Waits until the first feed is live. */
  readonly live: () => Promise<void>
  /** The texts of a part, from the top of the list. */
  readonly texts: (name: string) => Promise<string[]>
}

/** How a page has its feed. */
export interface Markup {
  /** What stands in the page; by default one feed of the topic `n`. */
  readonly body?: string
  /** Attributes of the script tag beside `src`. */
  readonly script?: string
  /** A host name of the page; by default `localhost`. */
  readonly host?: string
  /** What else stands in the head, before the script. */
  readonly head?: string
}

/**
 * Opens a page of a site of its own, with the element of a service. `gathered` in it are the types of
 * all the element's events and their details, as the document hears them.
 */
export async function openFeed(
  t: Test,
  browser: BrowserContext,
  service: Pick<RunningApp, 'url'>,
  { body = '<ringcast-feed topic="n"></ringcast-feed>', script = '', host, head = '' }: Markup = {},
): Promise<FeedPage> {
  const listen = ['event', 'gap', 'state', 'expiring'].map(
    (name) => `addEventListener('ringcast-${name}', note)`,
  )
  const html = `<!doctype html><title>A page</title>${head}
    <script>
      globalThis.gathered = []
      globalThis.note = ({ type, detail }) => gathered.push([type, detail])
      ${listen.join('\n')}
    </script>
    <script src="${service.url}/feed.js" ${script}></script>
    ${body}`
  const site = await startSite(
    t,
    () => service.url,
    () => html,
  )
  const url = host === undefined ? site : site.replace('localhost', host)
  const page = await browser.newPage()
  t.teardown(() => page.close())
  await page.goto(url)
  return { ...feedOf(page), url }
}

/** The first feed of a page. */
export function feedOf(page: Page): Omit<FeedPage, 'url'> {
  const part = (name: string): Locator =>
    page.locator('ringcast-feed').first().locator(`[part~="${name}"]`)
  return {
    page,
    part,
    live: () => part('live').waitFor(),
    texts: (name) => part(name).allTextContents(),
  }
}

/** The text of an expression for the first feed in the page. */
export const feed = 'document.querySelector("ringcast-feed")'
