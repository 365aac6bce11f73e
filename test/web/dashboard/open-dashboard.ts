import type { BrowserContext, Locator, Page } from 'playwright-core'
import type { Test } from 'tap'
import { startChromium } from '../../helpers/chromium.js'

/** A dashboard in a page, and what went wrong in it. */
export interface Dashboard {
  readonly page: Page
  /** What the browser complained of: errors, and what the content security policy forbade. */
  readonly complaints: readonly string[]
  /** A panel, by its title. */
  readonly panel: (title: string) => Locator
  /** The rows of the tail. */
  readonly records: Locator
  readonly sentence: Locator
}

/** Opens a dashboard, until the test ends. */
export async function openDashboard(
  t: Test,
  url: string,
  browser?: BrowserContext,
): Promise<Dashboard> {
  const page = await (browser ?? (await startChromium(t))).newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // A refusal that is asked for is no complaint.
    if (!message.text().startsWith('Failed to load resource')) complaints.push(message.text())
  })
  await page.goto(url)
  const panel = (title: string): Locator => page.getByRole('region', { name: title, exact: true })
  const records = page.locator('.record')
  return { page, complaints, panel, records, sentence: page.locator('.sentence') }
}
