import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { until } from '../helpers/until.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'
import { readmeScript } from '../helpers/readme-page.js'
import { startGate } from './gate.js'
import { follow, holdClock, openTab, startSite, waitFor, wakeUp, whenLive } from './tab.js'

const skip = whyNoChromium()

/** The longest first wait of the client's own; the second has twice the spread. */
const [firstMs, secondMs] = [4_000, 6_000]

t.test('it comes back where a browser gives up: 503, 401, then 200', { skip }, async (t) => {
  const app = await startApp(t)
  const gate = await startGate(t, app, [503, 401])
  const page = await openTab(t, await startChromium(t), app)
  const clock = await holdClock(page)
  await push(app.url, { data: 'before' })
  await follow(page, `${gate.url}/events`, '{ last: 1 }')
  t.ok((await clock.whenDueIn(firstMs)) >= 2_000)
  await clock.runFor(firstMs)
  t.ok((await clock.whenDueIn(secondMs)) >= 2_000)
  await clock.runFor(secondMs)
  await whenLive(page)
  await waitFor(page, 'got.length === 1')
  t.same(gate.asked, ['GET', 'HEAD', 'HEAD', 'GET'])
  t.same(await page.evaluate('states'), ['live'])
})

t.test('it stays away where the service says so: 204', { skip }, async (t) => {
  const app = await startApp(t)
  const gate = await startGate(t, app, [204, 204])
  const page = await openTab(t, await startChromium(t), app)
  const clock = await holdClock(page)
  await follow(page, `${gate.url}/events`)
  await clock.whenDueIn(firstMs)
  await clock.runFor(firstMs)
  await waitFor(page, 'stream.state === "closed"')
  t.same(gate.asked, ['GET', 'HEAD'])
  t.equal(await page.evaluate('dueIn()'), Infinity, 'it waits for nothing')
})

t.test('an answer to HEAD that means nothing is no reason to stay away', { skip }, async (t) => {
  const app = await startApp(t)
  const gate = await startGate(t, app, [500, 405])
  const page = await openTab(t, await startChromium(t), app)
  const clock = await holdClock(page)
  await follow(page, `${gate.url}/events`)
  await clock.whenDueIn(firstMs)
  await clock.runFor(firstMs)
  await whenLive(page)
  t.same(gate.asked, ['GET', 'HEAD', 'GET'])
})

t.test('it does not ask again before `Retry-After`', { skip }, async (t) => {
  const app = await startApp(t)
  const gate = await startGate(t, app, [503, 503], 20)
  const page = await openTab(t, await startChromium(t), app)
  const clock = await holdClock(page)
  await follow(page, `${gate.url}/events`)
  await clock.whenDueIn(firstMs)
  await clock.runFor(firstMs)
  const waitMs = await clock.whenDueIn(20_000 + firstMs)
  t.ok(waitMs >= 20_000, `${waitMs} ms`)
  await wakeUp(page, 'online')
  t.equal(await page.evaluate('dueIn()'), waitMs, 'nor when the network comes back')
  await clock.runFor(waitMs)
  await whenLive(page)
  t.same(gate.asked, ['GET', 'HEAD', 'HEAD', 'GET'])
})

t.test(
  'each connection has a ticket of its own, over the ends of tokens too',
  { skip },
  async (t) => {
    const url = await startSite(t, () => app.url)
    const app = await startApp(t, { apiKeys: [apiKey], jwtSecret, origins: [new URL(url).origin] })
    const page = await (await startChromium(t)).newPage()
    let [tokens, failures] = [0, 1]
    await page.exposeFunction('newToken', () => {
      // The first that is asked for is not to be had.
      if (failures-- > 0) throw new Error('not now')
      tokens++
      return tokenOf({ sub: 'ada', exp: inSeconds(20), ringcast: { subscribe: ['n'] } })
    })
    await page.goto(url)
    const clock = await holdClock(page)
    await follow(
      page,
      `${app.url}/events`,
      `{
      topics: ['n'],
      auth: async () => {
        const headers = { authorization: 'Bearer ' + await newToken() }
        return (await fetch('${app.url}/api/tickets', { method: 'POST', headers })).json()
      },
    }`,
    )
    let pushed = 0
    const pushOne = (): Promise<unknown> =>
      fetch(`${app.url}/api/push`, {
        method: 'POST',
        headers: { ...bearer(apiKey), 'content-type': 'application/json' },
        body: JSON.stringify({ topic: 'n', data: ++pushed }),
      })
    for (const streams of [1, 2]) {
      // First the refusal of a token is waited out, then what the `bye` said.
      await clock.whenDueIn(firstMs)
      await clock.runFor(firstMs)
      await whenLive(page)
      t.equal(app.hub.stats.transports.sse.opened, streams)
      await pushOne()
      await waitFor(page, `got.length === ${pushed}`)
      // As when its token has expired.
      for (const stream of app.hub.streams.values()) app.hub.end(stream, 'expired', true)
      await until(() => app.hub.streams.size === 0, 'its end')
      await pushOne()
    }
    await clock.whenDueIn(firstMs)
    await clock.runFor(firstMs)
    await waitFor(page, `got.length === ${pushed}`)
    t.same(await page.evaluate('got'), [1, 2, 3, 4])
    t.equal(tokens, app.hub.stats.transports.sse.opened)
    t.same(await page.evaluate('gaps'), [])
    await waitFor(page, 'told.length > 0')
    t.match(await page.evaluate('told'), [{ inSeconds: Number }], 'that it expires is told')
  },
)

const countingAuth = `auth: () => { globalThis.asked = (globalThis.asked ?? 0) + 1 }`

t.test('with a credential it comes back when the `bye` says', { skip }, async (t) => {
  const app = await startApp(t)
  const page = await openTab(t, await startChromium(t), app)
  const clock = await holdClock(page)
  await follow(page, `${app.url}/events`, `{ ${countingAuth} }`)
  for (const [opened, reason] of [
    [2, 'rebalance'],
    [3, 'shutdown'],
  ] as const) {
    await whenLive(page)
    for (const stream of app.hub.streams.values()) app.hub.end(stream, reason, true, 90_000)
    await waitFor(page, 'stream.state === "connecting"')
    await wakeUp(page, 'online')
    await wakeUp(page, 'seen')
    await clock.runFor(89_999)
    t.equal(await page.evaluate('asked'), opened - 1, 'not earlier')
    await clock.runFor(1)
    t.equal(await page.evaluate('asked'), opened, 'at its time')
  }
  await whenLive(page)
  t.equal(app.hub.stats.transports.sse.opened, 3)
})

t.test('one that is turned away by a limit stays away for its time', { skip }, async (t) => {
  const app = await startApp(t, { maxStreams: 1 })
  const browser = await startChromium(t)
  const [first, page] = [await openTab(t, browser, app), await openTab(t, browser, app)]
  await follow(first, `${app.url}/events`)
  await whenLive(first)
  const clock = await holdClock(page)
  await follow(page, `${app.url}/events`, `{ ${countingAuth} }`)
  await waitFor(page, 'states.at(-1) === "connecting"')
  await first.evaluate('stream.close()')
  await until(() => app.hub.streams.size === 0, 'there is room')
  await clock.runFor(14_999)
  t.equal(await page.evaluate('asked'), 1)
  await clock.runFor(30_001)
  await whenLive(page)
})

t.test('the README’s script for tickets works as it is written', { skip }, async (t) => {
  let service = ''
  const script = (): string => readmeScript('A ticket for a client library', service)
  const html = (): string => `<!doctype html><title>Tickets</title><script type="module">
    const got = (globalThis.got = [])
    const show = (data) => got.push(data)
    ${script()}
  </script>`
  const url = await startSite(t, () => service, html)
  const app = await startApp(t, { apiKeys: [apiKey], jwtSecret, origins: [new URL(url).origin] })
  service = app.url
  const page = await (await startChromium(t)).newPage()
  await page.exposeFunction('currentToken', () =>
    tokenOf({ sub: 'ada', exp: inSeconds(600), ringcast: { subscribe: ['orders/*'] } }),
  )
  await page.goto(url)
  const pushAs = (data: string): Promise<unknown> =>
    fetch(`${app.url}/api/push`, {
      method: 'POST',
      headers: { ...bearer(apiKey), 'content-type': 'application/json' },
      body: JSON.stringify({ topic: 'orders/41', data }),
    })
  await until(() => app.hub.streams.size === 1, 'it is connected')
  await pushAs('paid')
  await waitFor(page, 'got.length === 1')
  for (const stream of app.hub.streams.values()) app.hub.end(stream, 'rebalance', true, 0)
  await pushAs('sent')
  await waitFor(page, 'got.length === 2')
  t.same(await page.evaluate('got'), ['paid', 'sent'])
})
