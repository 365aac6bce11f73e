import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import { until } from '../helpers/until.js'
import { follow, holdClock, openTab, waitFor, wakeUp, whenLive } from './tab.js'
import { openTabs, pushNumbers } from './tabs.js'

const skip = whyNoChromium()

/** Makes the client come back by itself, after times of the page's clock. */
const own = `topics: ['n'], auth: () => null`

for (const why of ['online', 'seen'] as const) {
  t.test(`a back-off is cut short: ${why}`, { skip }, async (t) => {
    const app = await startApp(t)
    const proxy = await startProxy(t, app.port)
    const page = await openTab(t, await startChromium(t), app)
    const clock = await holdClock(page)
    await follow(page, `http://127.0.0.1:${proxy.port}/events`, `{ ${own} }`)
    await whenLive(page)
    proxy.open = false
    proxy.cut()
    await waitFor(page, 'stream.state === "connecting"')
    await wakeUp(page, why)
    await clock.whenDueIn(6_000)
    await push(app.url, { topic: 'n', data: 'while away' })
    proxy.open = true
    // Its clock stands still: it comes back for this alone.
    await wakeUp(page, why)
    await waitFor(page, 'got.length === 1')
    t.same(await page.evaluate('states'), ['live', 'connecting', 'live'])
  })
}

t.test(
  'when the network changes, a live stream asks whether it is there still',
  { skip },
  async (t) => {
    const app = await startApp(t)
    const page = await openTab(t, await startChromium(t), app)
    await holdClock(page)
    await follow(page, `${app.url}/events`, `{ topics: ['n'] }`)
    await whenLive(page)
    await wakeUp(page, 'online')
    await until(() => app.hub.stats.transports.sse.opened === 2, 'it has a new connection')
    await until(() => app.hub.streams.size === 1, 'and no other')
    await pushNumbers(app, 1, 1)
    await waitFor(page, 'got.length === 1')
    t.same(await page.evaluate('states'), ['live'], 'and the page has not noticed')
  },
)

t.test(
  'after the sleep of a machine it asks, not after a glance elsewhere',
  { skip },
  async (t) => {
    const app = await startApp(t)
    const page = await openTab(t, await startChromium(t), app)
    const clock = await holdClock(page)
    await follow(page, `${app.url}/events`, `{ topics: ['n'] }`)
    await whenLive(page)
    await pushNumbers(app, 1, 1)
    await waitFor(page, 'got.length === 1')
    await clock.sleep(29_000)
    await wakeUp(page, 'seen')
    await pushNumbers(app, 2, 2)
    await waitFor(page, 'got.length === 2')
    t.equal(app.hub.stats.transports.sse.opened, 1)
    await clock.sleep(45_000)
    await wakeUp(page, 'seen')
    await until(() => app.hub.stats.transports.sse.opened === 2, 'it has a new connection')
    await pushNumbers(app, 3, 3)
    await waitFor(page, 'got.length === 3')
    t.same(await page.evaluate('got'), [1, 2, 3])
  },
)

t.test('a stream that is closed does not listen any more', { skip }, async (t) => {
  const app = await startApp(t)
  const page = await openTab(t, await startChromium(t), app)
  await follow(page, `${app.url}/events`)
  await whenLive(page)
  await page.evaluate('stream.close()')
  await wakeUp(page, 'online')
  await follow(page, `${app.url}/events`)
  await whenLive(page)
  t.equal(app.hub.stats.transports.sse.opened, 2, 'only the next has connected')
})

t.test('a tab that is seen wakes the one with the connection', { skip }, async (t) => {
  const app = await startApp(t)
  const proxy = await startProxy(t, app.port)
  const { url, browser } = await openTabs(t, app, 0)
  const [leader, seen] = [await browser.newPage(), await browser.newPage()]
  for (const tab of [leader, seen]) {
    await tab.goto(url)
    await holdClock(tab)
    await follow(tab, `http://127.0.0.1:${proxy.port}/events`, `{ ${own}, share: true }`)
    await whenLive(tab)
  }
  proxy.open = false
  proxy.cut()
  for (const tab of [leader, seen]) await waitFor(tab, 'stream.state === "connecting"')
  proxy.open = true
  await wakeUp(seen, 'seen')
  for (const tab of [leader, seen]) await whenLive(tab)
  t.equal(app.hub.streams.size, 1)
})
