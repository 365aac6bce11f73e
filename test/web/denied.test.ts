import t from 'tap'
import { startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'
import { startGate } from './gate.js'
import { follow, holdClock, openTab, startSite, waitFor, whenLive } from './tab.js'
import { pushNumbers } from './tabs.js'

const skip = whyNoChromium()

t.test('a page that may not store gets its events all the same', { skip }, async (t) => {
  const app = await startApp(t)
  const page = await openTab(t, await startChromium(t), app)
  await page.evaluate(`Object.defineProperty(globalThis, 'sessionStorage', {
    get() { throw new DOMException('denied', 'SecurityError') },
  })`)
  await follow(page, `${app.url}/events`, `{ topics: ['n'], remember: true }`)
  await whenLive(page)
  await pushNumbers(app, 1, 2)
  await waitFor(page, 'got.length === 2')
  t.same(await page.evaluate('got'), [1, 2])
})

t.test('a page that may not use locks has a connection of its own', { skip }, async (t) => {
  const app = await startApp(t)
  const page = await openTab(t, await startChromium(t), app)
  await page.evaluate(`navigator.locks.request = () =>
    Promise.reject(new DOMException('denied', 'SecurityError'))`)
  await follow(page, `${app.url}/events`, `{ topics: ['n'], share: true }`)
  await whenLive(page)
  await pushNumbers(app, 1, 1)
  await waitFor(page, 'got.length === 1')
})

t.test('where there are no Web Locks each tab has its own connection', { skip }, async (t) => {
  let service = ''
  const url = (await startSite(t, () => service)).replace('localhost', 'app.site.test')
  const app = await startApp(t, { origins: [new URL(url).origin] })
  service = app.url
  const browser = await startChromium(t, 'app.site.test')
  const tabs = [await browser.newPage(), await browser.newPage()]
  for (const tab of tabs) {
    await tab.goto(url)
    t.equal(await tab.evaluate('navigator.locks'), undefined)
    await follow(tab, `${app.url}/events`, `{ topics: ['n'], share: true }`)
    await whenLive(tab)
  }
  t.equal(app.hub.streams.size, 2)
  await pushNumbers(app, 1, 1)
  for (const tab of tabs) await waitFor(tab, 'got.length === 1')
})

t.test('cookies go to another origin if asked to, after a refusal too', { skip }, async (t) => {
  let service = ''
  const url = (await startSite(t, () => service)).replace('localhost', 'app.site.test')
  const app = await startApp(t, { apiKeys: [apiKey], jwtSecret, origins: [new URL(url).origin] })
  service = app.url
  const gate = await startGate(t, app, [503])
  const there = gate.url.replace('127.0.0.1', 'push.site.test')
  const page = await (await startChromium(t, 'app.site.test', 'push.site.test')).newPage()
  await page.goto(url)
  const token = await tokenOf({ sub: 'ada', exp: inSeconds(600) })
  const status = await page.evaluate(`fetch('http://push.site.test:${app.port}/api/session', {
    method: 'POST', credentials: 'include', headers: { authorization: 'Bearer ${token}' },
  }).then(({ status }) => status)`)
  t.equal(status, 204)
  const clock = await holdClock(page)
  await follow(page, `${there}/events`, '{ withCredentials: true }')
  await clock.whenDueIn(4_000)
  await clock.runFor(4_000)
  await whenLive(page)
  t.same(gate.asked, ['GET', 'HEAD', 'GET'])
  t.match(gate.headers.cookie, /^ringcast_token=/)
  await ask(`${app.url}/api/push`, {
    method: 'POST',
    headers: { ...bearer(apiKey), 'content-type': 'application/json' },
    body: '{"user":"ada","data":"for ada"}',
  })
  await waitFor(page, 'got.length === 1')
  t.same(await page.evaluate('got'), ['for ada'])
})
