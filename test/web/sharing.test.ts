import type { Page } from 'playwright-core'
import t from 'tap'
import { MemoryLog } from '../../dist/logs/memory-log.js'
import { push, startApp } from '../helpers/app.js'
import { whyNoChromium } from '../helpers/chromium.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import { until } from '../helpers/until.js'
import { follow, waitFor, whenLive } from './tab.js'
import { numbers, openTabs, pushNumbers, share } from './tabs.js'

const skip = whyNoChromium()

t.test('three tabs share one connection', { skip }, async (t) => {
  const app = await startApp(t)
  const { tabs, open } = await openTabs(t, app, 3, 'last: 2')
  await pushNumbers(app, 1, 3)
  for (const tab of tabs) {
    await waitFor(tab, 'got.length === 3')
    t.same(await tab.evaluate('got'), [1, 2, 3])
  }
  const late = await open()
  t.same(await late.evaluate('got'), [2, 3], 'a new tab begins with the newest')
  await pushNumbers(app, 4, 4)
  await waitFor(late, 'got.length === 3')
  t.equal(app.hub.streams.size, 1)
  t.equal(app.hub.stats.transports.sse.opened, 1)
})

t.test(
  'when the tab with the connection closes under load, another goes on: nothing lost, nothing twice',
  { skip },
  async (t) => {
    const app = await startApp(t)
    const { tabs } = await openTabs(t, app, 4)
    let pushed = 0
    const load = { on: true }
    const pushing = (async () => {
      while (load.on) await push(app.url, { topic: 'n', data: ++pushed })
    })()
    // The tab that came first leads, then the next.
    for (const leader of tabs.slice(0, 2)) {
      const others = tabs.slice(tabs.indexOf(leader) + 1)
      await waitFor(leader, `got.length > ${pushed}`)
      await leader.close()
      const closedAt = pushed
      for (const tab of others) await waitFor(tab, `got.at(-1) > ${closedAt}`)
      await until(() => app.hub.streams.size === 1, 'one connection is left')
    }
    load.on = false
    await pushing
    for (const tab of tabs.slice(2)) {
      await waitFor(tab, `got.at(-1) === ${pushed}`)
      t.same(await tab.evaluate('got'), numbers(1, pushed))
      t.same(await tab.evaluate('gaps'), [])
    }
  },
)

t.test(
  'a tab that comes back far behind misses nothing, and others get nothing twice',
  {
    skip,
  },
  async (t) => {
    const app = await startApp(t)
    const { tabs, url } = await openTabs(t, app, 2, 'remember: true')
    const [leader, away] = tabs as [Page, Page]
    await pushNumbers(app, 1, 3)
    for (const tab of tabs) await waitFor(tab, 'got.length === 3')
    await away.goto('about:blank')
    await pushNumbers(app, 4, 300)
    await waitFor(leader, 'got.length === 300')
    await away.goto(url)
    await share(away, app, 'remember: true')
    await waitFor(away, 'got.length === 297')
    await pushNumbers(app, 301, 301)
    await waitFor(leader, 'got.at(-1) === 301')
    await waitFor(away, 'got.at(-1) === 301')
    t.same(await leader.evaluate('got'), numbers(1, 301))
    t.same(await away.evaluate('got'), numbers(4, 301))
    await until(() => app.hub.streams.size === 1, 'it is one connection still')
  },
)

t.test(
  'a new tab begins with what the others had, whoever has the connection',
  {
    skip,
  },
  async (t) => {
    const app = await startApp(t)
    const { tabs, open } = await openTabs(t, app, 3, 'last: 2')
    await pushNumbers(app, 1, 3)
    for (const tab of tabs) await waitFor(tab, 'got.length === 3')
    await tabs[0]!.close()
    await until(() => app.hub.stats.transports.sse.opened === 2, 'the next has connected')
    const late = await open()
    await pushNumbers(app, 4, 4)
    for (const tab of [tabs[1]!, tabs[2]!, late]) await waitFor(tab, 'got.at(-1) === 4')
    t.same(await late.evaluate('got'), [2, 3, 4])
    t.same(await tabs[2]!.evaluate('got'), [1, 2, 3, 4])
    t.equal(app.hub.stats.transports.sse.opened, 2, 'nobody had to go back')
  },
)

t.test('a tab that closes its stream hands the connection on', { skip }, async (t) => {
  const app = await startApp(t)
  const { tabs } = await openTabs(t, app, 2)
  const [leader, other] = tabs as [Page, Page]
  await leader.evaluate('stream.close()')
  await until(() => app.hub.stats.transports.sse.opened === 2, 'the other connects')
  await whenLive(other)
  await pushNumbers(app, 1, 1)
  await waitFor(other, 'got.length === 1')
  t.same(await leader.evaluate('got'), [])
})

t.test('when the service ends the stream for good, no tab comes back', { skip }, async (t) => {
  const app = await startApp(t)
  const { tabs, open } = await openTabs(t, app, 3)
  for (const stream of app.hub.streams.values()) app.hub.end(stream, 'revoked', false)
  for (const tab of tabs) await waitFor(tab, 'stream.state === "closed"')
  t.equal(app.hub.stats.transports.sse.opened, 1)
  await open()
  t.equal(app.hub.stats.transports.sse.opened, 2, 'who asks anew gets a connection')
})

t.test('tabs that ask for different topics have connections of their own', { skip }, async (t) => {
  const app = await startApp(t)
  const { tabs, url, browser } = await openTabs(t, app, 1)
  const page = await browser.newPage()
  await page.goto(url)
  await follow(page, `${app.url}/events`, `{ topics: ['other'], share: true }`)
  await whenLive(page)
  t.equal(app.hub.streams.size, 2)
  await pushNumbers(app, 1, 1)
  await waitFor(tabs[0]!, 'got.length === 1')
  t.same(await page.evaluate('got'), [])
})

t.test(
  'a tab that a new life of the log has passed by is told of the hole, and gets what follows',
  { skip },
  async (t) => {
    const app = await startApp(t, {}, { log: new MemoryLog({ epoch: '1' }) })
    const restarted = await startApp(t, {}, { log: new MemoryLog({ epoch: '2' }) })
    const proxy = await startProxy(t, app.port)
    const service = { url: `http://127.0.0.1:${proxy.port}` }
    const { browser, url } = await openTabs(t, app, 0)
    const [behind, further] = [await browser.newPage(), await browser.newPage()]
    for (const [tab, served, count] of [
      [behind, app, 3],
      [further, restarted, 2],
    ] as const) {
      proxy.target = served.port
      await tab.goto(url)
      await share(tab, service, 'remember: true')
      await pushNumbers(served, 1, count)
      await waitFor(tab, `got.length === ${count}`)
      await tab.goto('about:blank')
    }
    // The one that is behind leads, and hears of the other before it has a connection.
    proxy.open = false
    for (const tab of [behind, further]) {
      await tab.goto(url)
      await follow(tab, `${service.url}/events`, "{ topics: ['n'], share: true, remember: true }")
    }
    proxy.open = true
    await Promise.all([whenLive(behind), whenLive(further)])
    await pushNumbers(restarted, 3, 4)
    await waitFor(further, 'got.at(-1) === 4')
    await waitFor(behind, 'got.at(-1) === 4')
    t.same(await behind.evaluate('gaps'), [{ reason: 'epoch', after: '1-3' }])
    t.same(await behind.evaluate('got'), [1, 2, 3, 4])
    t.same(await further.evaluate('got'), [3, 4])
    t.same(await further.evaluate('gaps'), [])
  },
)
