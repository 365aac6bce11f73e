import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { startFirefox, whyNoFirefox } from '../helpers/firefox.js'
import { readmePage } from '../helpers/readme-page.js'
import { until } from '../helpers/until.js'
import { overCuts } from './cuts.js'
import { follow, startSite, waitFor, whenLive } from './tab.js'

function numbers(from: number, to: number): { topic: string; data: number }[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ topic: 'n', data: from + i }))
}

t.test('the client in Firefox', { skip: whyNoFirefox() }, async (t) => {
  const browser = await startFirefox(t)

  t.test('the README’s page works as it is written', async (t) => {
    const app = await startApp(t)
    await push(app.url, { topic: 'orders/41', data: 'before' })
    const url = await startSite(
      t,
      () => app.url,
      () => readmePage('Orders', app.port),
    )
    const page = await browser.newPage()
    await page.goto(url)
    await page.locator('#orders', { hasText: 'before' }).waitFor()
    await push(app.url, { topic: 'orders/42', data: { status: 'paid' } })
    await page.locator('#orders', { hasText: 'paid' }).waitFor()
    t.equal(
      await page.locator('#orders').textContent(),
      'orders/41: "before"\norders/42: {"status":"paid"}\n',
    )
    await page.close()
  })

  t.test('over cuts of the network nothing is lost and nothing comes twice', async (t) => {
    await overCuts(t, browser)
  })

  t.test('tabs share one connection, and one that closes hands it on', async (t) => {
    const app = await startApp(t)
    const url = await startSite(t, () => app.url)
    const tabs = [await browser.newPage(), await browser.newPage(), await browser.newPage()]
    for (const tab of tabs) {
      await tab.goto(url)
      await follow(tab, `${app.url}/events`, `{ topics: ['n'], share: true }`)
      await whenLive(tab)
    }
    await push(app.url, numbers(1, 3))
    for (const tab of tabs) await waitFor(tab, 'got.length === 3')
    t.equal(app.hub.stats.transports.sse.opened, 1)
    const [leader, ...others] = tabs
    await leader!.close()
    await push(app.url, numbers(4, 5))
    for (const tab of others) {
      await waitFor(tab, 'got.length === 5')
      t.same(await tab.evaluate('got'), [1, 2, 3, 4, 5])
      t.same(await tab.evaluate('gaps'), [])
    }
    await until(() => app.hub.streams.size === 1, 'one connection is left')
    t.equal(app.hub.stats.transports.sse.opened, 2)
    for (const tab of others) await tab.close()
  })
})
