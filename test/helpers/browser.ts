import type { Browser, BrowserContext } from 'playwright-core'
import type { Test } from 'tap'

/** How long a browser may take to start, or for a step, on a machine that is busy, in milliseconds. */
export const slowMs = 120_000

/** A context of a browser, which ends with the test. */
export async function contextOf(t: Test, browser: Browser): Promise<BrowserContext> {
  t.teardown(() => browser.close())
  const context = await browser.newContext()
  context.setDefaultTimeout(slowMs)
  return context
}
