import type { BrowserContext } from 'playwright-core'
import type { Test } from 'tap'
import { push, startApp } from '../helpers/app.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import { follow, openTab, waitFor, whenLive } from './tab.js'

function numbers(from: number, to: number): { topic: string; data: number }[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ topic: 'n', data: from + i }))
}

/** Cuts the network under a stream of the client, in whatever browser, and pushes meanwhile. */
export async function overCuts(t: Test, browser: BrowserContext): Promise<void> {
  const app = await startApp(t)
  const proxy = await startProxy(t, app.port)
  const page = await openTab(t, browser, app)
  await follow(page, `http://127.0.0.1:${proxy.port}/events`, `{ topics: ['n'] }`)
  await whenLive(page)
  await push(app.url, numbers(1, 5))
  await waitFor(page, 'got.length === 5')
  proxy.open = false
  proxy.cut()
  await waitFor(page, 'stream.state === "connecting"')
  await push(app.url, numbers(6, 9))
  proxy.open = true
  await waitFor(page, 'got.length === 9')
  await push(app.url, numbers(10, 10))
  await waitFor(page, 'got.length === 10')
  t.same(
    await page.evaluate('got'),
    numbers(1, 10).map(({ data }) => data),
  )
  t.same(await page.evaluate('states'), ['live', 'connecting', 'live'])
  t.same(await page.evaluate('gaps'), [])
  await page.close()
}
