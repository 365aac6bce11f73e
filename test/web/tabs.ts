import type { BrowserContext, Page } from 'playwright-core'
import type { Test } from 'tap'
import { push, type RunningApp } from '../helpers/app.js'
import { startChromium } from '../helpers/chromium.js'
import { follow, startSite, whenLive } from './tab.js'

/** Opens tabs of one site, each of which shares. */
export async function openTabs(
  t: Test,
  app: RunningApp,
  count: number,
  more = '',
): Promise<{
  tabs: Page[]
  open: (before?: (page: Page) => Promise<unknown>) => Promise<Page>
  url: string
  browser: BrowserContext
}> {
  const browser = await startChromium(t)
  const url = await startSite(t, () => app.url)
  const open = async (before?: (page: Page) => Promise<unknown>): Promise<Page> => {
    const page = await browser.newPage()
    await page.goto(url)
    await before?.(page)
    await share(page, app, more)
    return page
  }
  const tabs: Page[] = []
  for (let i = 0; i < count; i++) tabs.push(await open())
  return { tabs, open, url, browser }
}

/** Follows a shared stream of the topic `n` in a page, and waits until it is live. */
export async function share(page: Page, { url }: { url: string }, more = ''): Promise<void> {
  await follow(page, `${url}/events`, `{ topics: ['n'], share: true, ${more} }`)
  await whenLive(page)
}

/** The whole numbers from one to another, both of them too. */
export function numbers(from: number, to: number): number[] {
  return Array.from({ length: to - from + 1 }, (_, i) => from + i)
}

/** Pushes them to the topic `n`. */
export async function pushNumbers(app: RunningApp, from: number, to: number): Promise<void> {
  await push(
    app.url,
    numbers(from, to).map((data) => ({ topic: 'n', data })),
  )
}
