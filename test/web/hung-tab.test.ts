import { createServer, type ServerResponse } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startApp } from '../helpers/app.js'
import { whyNoChromium } from '../helpers/chromium.js'
import { until } from '../helpers/until.js'
import { follow, holdClock, waitFor, whenLive, type HeldClock } from './tab.js'
import { numbers, openTabs, pushNumbers } from './tabs.js'

const skip = whyNoChromium()

/** Three heartbeats, and the longest time that an answer may take. */
const silentMs = 45_000
const answerMs = 6_000

/** Lets nothing run in a page until it is let go: it waits, as a whole, for an answer. */
async function holdUp(t: Test, page: Page): Promise<() => Promise<void>> {
  const server = createServer().listen(0, '127.0.0.1')
  t.teardown(() => server.close().closeAllConnections())
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  const asked = once(server, 'request')
  // It answers this, too, only when it is let go.
  const released = page.evaluate(`
    const request = new XMLHttpRequest()
    request.open('GET', 'http://127.0.0.1:${port}/', false)
    request.send()
  `)
  const [, response] = (await asked) as [unknown, ServerResponse]
  return async () => {
    response.setHeader('access-control-allow-origin', '*').end()
    await released
  }
}

/** Opens a tab whose clock is held. */
async function openHeld(
  open: (before: (page: Page) => Promise<unknown>) => Promise<Page>,
): Promise<{ page: Page; clock: HeldClock }> {
  let clock: HeldClock | undefined
  const page = await open(async (page) => (clock = await holdClock(page)))
  return { page, clock: clock! }
}

t.test(
  'when the tab with the connection hangs, another goes on; it joins when it wakes: nothing lost, nothing twice',
  { skip },
  async (t) => {
    const app = await startApp(t)
    const { tabs, open } = await openTabs(t, app, 1)
    const leader = tabs[0]!
    const { page: next, clock } = await openHeld(open)
    const third = await open()
    tabs.push(next, third)
    await pushNumbers(app, 1, 3)
    for (const tab of tabs) await waitFor(tab, 'got.length === 3')
    const letGo = await holdUp(t, leader)
    await pushNumbers(app, 4, 6)
    await clock.runFor(silentMs + answerMs)
    for (const tab of [next, third]) await waitFor(tab, 'got.length === 6')
    t.equal(app.hub.stats.transports.sse.opened, 2)
    await pushNumbers(app, 7, 7)
    await letGo()
    for (const tab of tabs) await waitFor(tab, 'got.length === 7')
    await until(() => app.hub.streams.size === 1, 'the one that hung has given its connection up')
    await pushNumbers(app, 8, 8)
    await waitFor(leader, 'got.length === 8')
    await next.close()
    await until(() => app.hub.stats.transports.sse.opened === 3, 'one of the two goes on')
    await pushNumbers(app, 9, 9)
    for (const tab of [leader, third]) {
      await waitFor(tab, 'got.length === 9')
      t.same(await tab.evaluate('got'), numbers(1, 9))
      t.same(await tab.evaluate('gaps'), [])
    }
    t.equal(app.hub.streams.size, 1)
  },
)

t.test('a tab that is opened beside one that hangs is live all the same', { skip }, async (t) => {
  const app = await startApp(t)
  const { tabs, browser, url } = await openTabs(t, app, 1)
  const letGo = await holdUp(t, tabs[0]!)
  const late = await browser.newPage()
  await late.goto(url)
  const clock = await holdClock(late)
  await follow(late, `${app.url}/events`, "{ topics: ['n'], share: true }")
  await clock.runFor(answerMs)
  await whenLive(late)
  await letGo()
  await until(() => app.hub.streams.size === 1, 'it is one connection again')
  await pushNumbers(app, 1, 1)
  for (const tab of [tabs[0]!, late]) {
    await waitFor(tab, 'got.length === 1')
    t.same(await tab.evaluate('states.at(-1)'), 'live')
  }
})

t.test('a tab that is only quiet keeps the connection', { skip }, async (t) => {
  const app = await startApp(t)
  const { tabs, open } = await openTabs(t, app, 1)
  const leader = tabs[0]!
  const { page: other, clock } = await openHeld(open)
  for (let n = 1; n <= 3; n++) {
    await pushNumbers(app, n, n)
    await waitFor(other, `got.at(-1) === ${n}`)
    await clock.runFor(silentMs)
    // It asks now. The answer came once this has: messages keep their order.
    await pushNumbers(app, n + 10, n + 10)
    await waitFor(other, `got.at(-1) === ${n + 10}`)
    await clock.runFor(answerMs)
  }
  t.equal(app.hub.stats.transports.sse.opened, 1)
  await leader.close()
  await until(() => app.hub.stats.transports.sse.opened === 2, 'it goes on when that is closed')
})

t.test('a tab that was held up itself asks again before it takes the lead', { skip }, async (t) => {
  const app = await startApp(t)
  const { tabs, open } = await openTabs(t, app, 1)
  const leader = tabs[0]!
  const { page: other, clock } = await openHeld(open)
  await pushNumbers(app, 1, 1)
  await waitFor(other, 'got.length === 1')
  const letGo = await holdUp(t, leader)
  await clock.runFor(silentMs)
  // As after the sleep of a machine: the time is over long since when the timer fires.
  await clock.jump(60_000)
  await letGo()
  await pushNumbers(app, 2, 2)
  await waitFor(other, 'got.length === 2')
  await clock.runFor(answerMs)
  t.equal(app.hub.stats.transports.sse.opened, 1)
  t.same(await leader.evaluate('got'), [1, 2])
})
