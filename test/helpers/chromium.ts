import { existsSync } from 'node:fs'
import { chromium, type BrowserContext } from 'playwright-core'
import type { Test } from 'tap'
import { contextOf, slowMs } from './browser.js'

const executablePath = '/usr/bin/chromium'

/** Why there is no browser to test with, or false if there is one. */
export function whyNoChromium(): string | false {
  return existsSync(executablePath)
    ? false
    : 'Chromium is not installed: test/install-tools does it'
}

/**
 * Starts Debian's Chromium with an empty profile, until the test ends.
 *
 * @param hosts names that the browser finds on this machine.
 */
export async function startChromium(t: Test, ...hosts: string[]): Promise<BrowserContext> {
  const browser = await chromium.launch({
    executablePath,
    timeout: slowMs,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--host-resolver-rules=${hosts.map((host) => `MAP ${host} 127.0.0.1`).join(', ')}`,
    ],
  })
  return contextOf(t, browser)
}
