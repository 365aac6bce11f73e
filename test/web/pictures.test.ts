import { mkdirSync, readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import t from 'tap'
import { push, startApp, type RunningApp } from '../helpers/app.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { openStream } from '../helpers/sse-client.js'
import { openDashboard } from './dashboard/open-dashboard.js'
import { startSite } from './tab.js'

/** Where the README's pictures are; they are made anew with `PICTURES=write`, else beside the results. */
const write = process.env['PICTURES'] === 'write'
const folder = new URL(write ? '../../test/web/pictures/' : '../../.tap/pictures/', import.meta.url)
const seconds = write ? 40 : 2
const skip = whyNoChromium()
const browser = skip === false ? await startChromium(t) : undefined
mkdirSync(folder, { recursive: true })

const statuses = ['paid', 'packed', 'shipped', 'delivered']

/** A little shop, an hour of it in a moment. */
async function fillShop(app: RunningApp): Promise<void> {
  await push(app.url, [
    { event: 'maintenance', data: 'Tonight from 22:00 to 22:15 we are away.' },
    ...Array.from({ length: 60 }, (_, i) => ({
      topic: `orders/${4200 + (i % 9)}/status`,
      event: 'status',
      data: { order: 4200 + (i % 9), status: statuses[i % 4], total: 12.5 + i },
    })),
    { topic: 'public/news', data: 'Free shipping till Friday' },
  ])
}

async function shoot(page: Page, name: string): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    const path = fileURLToPath(new URL(`${name}-${colorScheme}.png`, folder))
    await page.screenshot({ path, fullPage: true })
    t.ok(readFileSync(path).length > 10_000, `${name} in ${colorScheme}`)
  }
}

t.test('the dashboard can be seen in both themes', { skip }, async (t) => {
  const app = await startApp(t)
  await fillShop(app)
  for (const user of ['ada', 'bob', 'eve']) {
    await openStream(t, app.port, `/events?topic=orders/**&topic=public/news&user=${user}`)
  }
  const { page, panel, records, sentence, complaints } = await openDashboard(
    t,
    `${app.url}/#minutes=2`,
    browser,
  )
  await page.setViewportSize({ width: 1440, height: 1000 })
  await records.nth(60).waitFor()
  // So that the charts have something to show: each round is another second.
  const stats = await openStream(t, app.port, '/events?topic=$sys/stats')
  for (let second = 1; second <= seconds; second++) {
    const order = 4200 + (second % 9)
    await push(app.url, {
      topic: `orders/${order}/status`,
      event: 'status',
      data: { order, status: 'paid' },
    })
    await stats.received(second)
  }
  await panel('Topics').getByRole('button', { name: 'What is below orders' }).click()
  await sentence.filter({ hasText: '4 streams are open' }).waitFor()
  await shoot(page, 'dashboard')
  t.same(complaints, [])
})

t.test('the feed can be seen in both themes', { skip }, async (t) => {
  const app = await startApp(t)
  await fillShop(app)
  const url = await startSite(
    t,
    () => app.url,
    () => `<!doctype html>
      <html lang="en"><meta charset="utf-8"><meta name="color-scheme" content="light dark">
      <style>body { font: 15px/1.5 system-ui, sans-serif; margin: 24px; max-width: 560px }</style>
      <title>Orders</title>
      <ringcast-feed topic="orders/** public/news" last="6"></ringcast-feed>
      <script src="${app.url}/feed.js"></script></html>`,
  )
  const page = await browser!.newPage()
  await page.setViewportSize({ width: 608, height: 560 })
  await page.goto(url)
  await page.locator('[part=event]').nth(5).waitFor()
  await shoot(page, 'feed')
})
