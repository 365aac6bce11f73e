import { createServer } from 'node:http'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'
import { until } from '../helpers/until.js'
import { feed, feedOf, openFeed } from './feed-page.js'
import { waitFor } from './tab.js'

const skip = whyNoChromium()
const hosts = ['app.site.test', 'push.site.test', 'elsewhere.test']
const browser = skip === false ? await startChromium(t, ...hosts) : undefined

const image = '<img src=x onerror="globalThis.harm = 1">'
const script = '<script>globalThis.harm = 2</script>'

/** What a publisher who means ill would push; its strings are to be seen as they are. */
const hostile = [
  { topic: `n/${image}`, event: '<svg onload=harm=3>', data: image + script },
  {
    topic: 'n/json',
    event: '"><b>',
    data: { [image]: [script], __proto__: null, constructor: image },
  },
  { topic: `n/${'x'.repeat(1_000)}`, event: '\u202Eevil', data: 'y'.repeat(60_000) },
  { topic: 'n/deep', data: JSON.parse('['.repeat(100) + ']'.repeat(100)) as unknown },
  {
    topic: 'n/wide',
    data: Object.fromEntries(Array.from({ length: 5_000 }, (_, i) => [`k${i}`, i])),
  },
]

/** Which elements are in the first feed's list, besides those that the element makes itself. */
const strangers = `[...${feed}.shadowRoot.querySelectorAll('ol *')]
  .map(({ localName }) => localName)
  .filter((name) => !['li', 'div', 'span', 'time', 'button', 'p', 'b'].includes(name))`

t.test('whatever is pushed is text and nothing else', { skip }, async (t) => {
  const app = await startApp(t)
  for (const template of [
    '',
    `<template slot="event">
      <p><b data-field="event"></b><span data-field="topics"></span><span data-field="data"></span>
      <span data-field="data.constructor"></span><span data-field="data.__proto__.x"></span>
    </template>`,
  ]) {
    const { page, part } = await openFeed(t, browser!, app, {
      body: `<ringcast-feed topic="n/**" last="0">${template}</ringcast-feed>`,
    })
    await part('live').waitFor()
    for (const event of hostile) await push(app.url, event)
    await part('event')
      .nth(hostile.length - 1)
      .waitFor()
    const text = (await part('list').textContent())!
    for (const part of [image, script, '<svg onload=harm=3>', '"><b>'])
      t.ok(text.includes(part) || text.includes(JSON.stringify(part)), part)
    t.same(await page.evaluate(strangers), [])
    t.equal(await page.evaluate('globalThis.harm'), undefined)
    t.equal(
      await page.evaluate(`${feed}.getBoundingClientRect().width <= innerWidth`),
      true,
      'it is no wider than the page',
    )
    await page.close()
  }
})

t.test('long data is cut, and shown whole when that is asked for', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, part, live } = await openFeed(t, browser!, app)
  await live()
  const text = 'line\n'.repeat(5_000)
  await push(app.url, { topic: 'n', data: text })
  await part('more').waitFor()
  t.ok((await part('data').textContent())!.length < 500)
  const more = page.getByRole('button', { name: 'Show all', expanded: false })
  await more.press('Enter')
  t.equal(await part('data').textContent(), text)
  await page.getByRole('button', { name: 'Show less', expanded: true }).click()
  t.ok((await part('data').textContent())!.length < 500)
})

t.test('a burst of 10,000 events is drawn by frames, each of them short', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, part, live } = await openFeed(t, browser!, app, {
    head: `<script>
      globalThis.draws = []
      const frame = requestAnimationFrame
      globalThis.requestAnimationFrame = (draw) => frame((now) => {
        const begin = performance.now()
        draw(now)
        const ms = performance.now() - begin
        const changes = globalThis.watch?.takeRecords() ?? []
        draws.push({ ms, rows: changes.reduce((sum, { addedNodes }) => sum + addedNodes.length, 0) })
      })
    </script>`,
  })
  await live()
  await page.evaluate(`
    globalThis.watch = new MutationObserver(() => {})
    watch.observe(${feed}.shadowRoot.querySelector('ol'), { childList: true })
    draws.length = 0
  `)
  const data = { status: 'paid', items: [{ sku: 'TEA-04', count: 2 }], note: 'x'.repeat(100) }
  for (let batch = 0; batch < 10; batch++) {
    const events = Array.from({ length: 1_000 }, (_, i) => ({
      topic: 'n',
      event: `e${batch * 1_000 + i}`,
      data,
    }))
    await push(app.url, events)
  }
  await part('name').filter({ hasText: 'e9999' }).waitFor()
  const heard = 'gathered.filter(([type]) => type === "ringcast-event").length'
  t.equal(await page.evaluate(heard), 10_000)
  t.equal(await part('event').count(), 50)
  const draws = await page.evaluate<{ ms: number; rows: number }[]>('draws')
  t.ok(
    draws.every(({ rows }) => rows <= 50),
    'no frame draws more than is kept',
  )
  // Less than what counts as a long task (W3C Long Tasks), where the machine does nothing else meanwhile.
  const least = Math.min(...draws.filter(({ rows }) => rows >= 25).map(({ ms }) => ms))
  t.ok(least < 50, `drawing took ${least} ms`)
})

t.test(
  'a page whose policy forbids everything but the service has it, with its looks',
  { skip },
  async (t) => {
    const app = await startApp(t)
    await push(app.url, { topic: 'n', data: 'seen' })
    const policy = `default-src 'none'; script-src ${app.url}; connect-src ${app.url}`
    const html = `<!doctype html><title>Strict</title>
      <script src="${app.url}/feed.js"></script><ringcast-feed topic="n"></ringcast-feed>`
    const site = createServer((_request, response) => {
      response.setHeader('content-security-policy', policy)
      response.setHeader('content-type', 'text/html').end(html)
    }).listen(0, '127.0.0.1')
    t.teardown(() => site.close().closeAllConnections())
    await once(site, 'listening')
    const page = await browser!.newPage()
    t.teardown(() => page.close())
    const refused: string[] = []
    page.on('console', (message) => {
      if (message.type() === 'error' && !message.text().includes('favicon'))
        refused.push(message.text())
    })
    await page.goto(`http://localhost:${(site.address() as AddressInfo).port}/`)
    const { part } = feedOf(page)
    await part('data').filter({ hasText: 'seen' }).waitFor()
    t.same(refused, [])
    t.equal(
      await page.evaluate(`getComputedStyle(${feed}.shadowRoot.querySelector('ol')).listStyleType`),
      'none',
    )
  },
)

t.test(
  'pages of an allowed origin receive, with the session’s cookie where asked; others do not',
  { skip },
  async (t) => {
    const settings = { apiKeys: [apiKey], jwtSecret, origins: [] as string[] }
    const app = await startApp(t, settings)
    const service = { url: `http://push.site.test:${app.port}` }
    const body = '<ringcast-feed with-credentials></ringcast-feed>'
    const { page, url, part } = await openFeed(t, browser!, service, {
      body,
      host: 'app.site.test',
    })
    settings.origins.push(new URL(url).origin)
    t.equal(await part('connecting').textContent(), 'Connecting…', 'no session yet')
    const token = await tokenOf({ sub: 'ada', exp: inSeconds(600) })
    const begin = `fetch('${service.url}/api/session', {
      method: 'POST', credentials: 'include', headers: { authorization: 'Bearer ${token}' },
    }).then(({ status }) => status)`
    t.equal(await page.evaluate(begin), 204)
    await page.reload()
    await part('live').waitFor()
    const { status } = await ask(`${app.url}/api/push`, {
      method: 'POST',
      headers: { ...bearer(apiKey), 'content-type': 'application/json' },
      body: '{"user":"ada","data":"for ada"}',
    })
    t.equal(status, 202)
    await part('data').filter({ hasText: 'for ada' }).waitFor()
    const opened = app.hub.stats.transports.sse.opened

    const foreign = await openFeed(t, browser!, service, { body, host: 'elsewhere.test' })
    // It has been refused, and asks what that meant.
    await foreign.page.waitForRequest((request) => request.method() === 'HEAD')
    t.equal(await foreign.part('event').count(), 0)
    t.equal(await foreign.part('connecting').textContent(), 'Connecting…')
    t.equal(app.hub.stats.transports.sse.opened, opened)
  },
)

t.test(
  'a ticket opens it where no cookie goes, and another user’s begins anew',
  { skip },
  async (t) => {
    const settings = { apiKeys: [apiKey], jwtSecret, origins: [] as string[] }
    const app = await startApp(t, settings)
    const { page, url, part, texts } = await openFeed(t, browser!, app, {
      body: `<ringcast-feed></ringcast-feed><script>
        const authOf = (token) => async () => {
          const headers = { authorization: 'Bearer ' + token }
          return (await fetch('${app.url}/api/tickets', { method: 'POST', headers })).json()
        }
      </script>`,
    })
    settings.origins.push(new URL(url).origin)
    for (const user of ['ada', 'bob']) {
      const token = await tokenOf({ sub: user, exp: inSeconds(25) })
      await page.evaluate(`${feed}.auth = authOf('${token}')`)
      await part('live').waitFor()
      await until(
        () => [...app.hub.streams.values()].some((stream) => stream.user === user),
        `${user} has a stream`,
      )
      await ask(`${app.url}/api/push`, {
        method: 'POST',
        headers: { ...bearer(apiKey), 'content-type': 'application/json' },
        body: JSON.stringify({ user, data: `for ${user}` }),
      })
      await part('data')
        .filter({ hasText: `for ${user}` })
        .waitFor()
      t.same(await texts('data'), [`for ${user}`])
    }
    const expiring = 'gathered.find(([type]) => type === "ringcast-expiring")'
    await waitFor(page, expiring)
    t.match(
      await page.evaluate(`${expiring}[1]`),
      { inSeconds: Number },
      'that it expires soon is told',
    )
  },
)
