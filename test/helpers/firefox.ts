import { existsSync } from 'node:fs'
import { firefox, type BrowserContext } from 'playwright-core'
import type { Test } from 'tap'
import { contextOf, slowMs } from './browser.js'

const installed = '/usr/bin/firefox-esr'
const executablePath = new URL('../../test/helpers/firefox-esr.mjs', import.meta.url).pathname

/** Why there is no Firefox to test with, or false if there is one. */
export function whyNoFirefox(): string | false {
  return existsSync(installed) ? false : 'Firefox is not installed: test/install-tools does it'
}

/**
 * Starts Debian's Firefox with an empty profile, until the test ends. It takes seconds to start: tests
 * of one file share it. It is driven over WebDriver BiDi, as it comes: Playwright has no channel for an
 * ESR, so one of the other channels is told where it is.
 */
export async function startFirefox(t: Test): Promise<BrowserContext> {
  const browser = await firefox.launch({
    channel: 'moz-firefox',
    executablePath,
    timeout: slowMs,
    env: { ...process.env, BROWSER: installed },
  })
  return contextOf(t, browser)
}
