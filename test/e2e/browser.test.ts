import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { readmePage } from '../helpers/readme-page.js'
import { openStream } from '../helpers/sse-client.js'
import { apiKey, bearer, inSeconds, jwtSecret, tokenOf } from '../helpers/tokens.js'

const skip = whyNoChromium()

/** A site of its own, on a port of its own, with one page. */
async function servePage(t: Parameters<typeof startApp>[0], html: string): Promise<number> {
  const site = createServer((_request, response) => {
    response.setHeader('content-type', 'text/html').end(html)
  }).listen(0, '127.0.0.1')
  t.teardown(() => site.close().closeAllConnections())
  await once(site, 'listening')
  return (site.address() as AddressInfo).port
}

t.test(
  'the README’s page shows a log in Chromium, and goes on after a cut',
  { skip },
  async (t) => {
    const app = await startApp(t)
    const port = await servePage(t, readmePage('Log', app.port))
    const page = await (await startChromium(t)).newPage()
    await push(app.url, { topic: 'log/app', data: 'before' })
    await page.goto(`http://localhost:${port}/`)
    const log = page.locator('#log')
    await log.filter({ hasText: 'before' }).waitFor()
    await push(app.url, { topic: 'log/app', data: 'live' })
    await log.filter({ hasText: 'live' }).waitFor()
    for (const stream of app.hub.streams.values()) stream.transport.destroy()
    await push(app.url, { topic: 'log/app', data: 'while away' })
    await log.filter({ hasText: 'while away' }).waitFor()
    t.equal(await log.textContent(), 'before\nlive\nwhile away\n')
  },
)

t.test('the README’s chat talks both ways in Chromium, over a cut too', { skip }, async (t) => {
  const app = await startApp(t)
  await push(app.url, { topic: 'chat/2', data: 'before' })
  const port = await servePage(t, readmePage('Chat', app.port))
  const page = await (await startChromium(t)).newPage()
  await page.goto(`http://localhost:${port}/`)
  const chat = page.locator('#chat')
  await chat.filter({ hasText: 'before' }).waitFor()
  const write = async (text: string): Promise<void> => {
    await page.locator('input').fill(text)
    await page.locator('input').press('Enter')
    await chat.filter({ hasText: text }).waitFor()
  }
  await write('written here')
  for (const stream of app.hub.streams.values()) stream.transport.destroy()
  await push(app.url, { topic: 'chat/1', data: 'while away' })
  await chat.filter({ hasText: 'while away' }).waitFor()
  await write('and again')
  t.equal(await chat.textContent(), 'before\nwritten here\nwhile away\nand again\n')
  t.equal(app.hub.stats.transports.websocket.opened, 2)
})

t.test('a page of another site can neither read nor push', { skip }, async (t) => {
  const app = await startApp(t)
  const port = await servePage(t, '<!doctype html><title>Elsewhere</title>')
  const page = await (await startChromium(t, 'elsewhere.test')).newPage()
  await page.goto(`http://elsewhere.test:${port}/`)
  // In the page, as text: these run in the browser, whose types the tests do not have.
  const tryAll = `(async () => {
    const outcome = (promise) => promise.then(() => 'done', () => 'failed')
    const source = new EventSource('${app.url}/events')
    const streamed = await new Promise((resolve) => {
      source.onopen = () => resolve('open')
      source.onerror = () => resolve(source.readyState === 2 ? 'closed' : 'trying')
    })
    const socket = new WebSocket('${app.url.replace('http', 'ws')}/ws')
    const body = '{"data":"forged"}'
    const headers = { 'content-type': 'application/json' }
    return {
      streamed,
      talked: await new Promise((resolve) => {
        if (socket.readyState === 3) resolve('closed')
        socket.onopen = () => resolve('open')
        socket.onclose = () => resolve('closed')
      }),
      read: await outcome(fetch('${app.url}/api/history')),
      pushed: await outcome(fetch('${app.url}/api/push', { method: 'POST', headers, body })),
      // These two need no leave to be sent, only to be read.
      plain: await outcome(fetch('${app.url}/api/push', { method: 'POST', body, mode: 'no-cors' })),
      rebound: await outcome(fetch('http://elsewhere.test:${app.port}/api/push', { method: 'POST', body })),
    }
  })()`
  t.same(await page.evaluate(tryAll), {
    streamed: 'closed',
    talked: 'closed',
    read: 'failed',
    pushed: 'failed',
    plain: 'done',
    rebound: 'failed',
  })
  t.equal(app.hub.stats.accepted, 0, 'nothing was accepted')
  t.equal(app.hub.stats.transports.sse.opened, 0, 'no stream was opened')
})

t.test('an EventSource that is over a limit is told, and goes on trying', { skip }, async (t) => {
  const app = await startApp(t, { maxStreams: 1 })
  await openStream(t, app.port, '/events')
  const port = await servePage(t, '<!doctype html><title>Late</title>')
  const page = await (await startChromium(t)).newPage()
  await page.goto(`http://localhost:${port}/`)
  const open = `(async () => {
    const source = new EventSource('${app.url}/events')
    const told = []
    source.addEventListener('ringcast', ({ data }) => told.push(JSON.parse(data).reason))
    await new Promise((resolve) => (source.onerror = resolve))
    return { told, readyState: source.readyState }
  })()`
  t.same(await page.evaluate(open), { told: ['limit'], readyState: 0 })
})

t.test(
  'a page of an allowed origin receives with a cookie, foreign ones are refused',
  { skip },
  async (t) => {
    const html = '<!doctype html><title>A page</title>'
    const port = await servePage(t, html)
    const origins = [`http://app.site.test:${port}`]
    const app = await startApp(t, { apiKeys: [apiKey], jwtSecret, origins })
    const service = `http://push.site.test:${app.port}`
    const token = await tokenOf({ sub: 'ada', exp: inSeconds(600) })
    const hosts = ['app.site.test', 'other.site.test', 'push.site.test', 'elsewhere.test']
    const browser = await startChromium(t, ...hosts)

    const own = await browser.newPage()
    await own.goto(`http://app.site.test:${port}/`)
    const begin = `fetch('${service}/api/session', {
      method: 'POST', credentials: 'include', headers: { authorization: 'Bearer ${token}' },
    }).then(({ status }) => status)`
    t.equal(await own.evaluate(begin), 204)
    t.equal(await own.evaluate('document.cookie'), '', 'no script sees it')
    await own.evaluate(`new Promise((resolve, reject) => {
      const source = new EventSource('${service}/events', { withCredentials: true })
      globalThis.received = []
      source.onmessage = ({ data }) => received.push(data)
      source.onopen = resolve
      source.onerror = reject
    })`)
    const pushed = await ask(`${app.url}/api/push`, {
      method: 'POST',
      headers: { ...bearer(apiKey), 'content-type': 'application/json' },
      body: '{"user":"ada","data":"for ada"}',
    })
    t.equal(pushed.status, 202)
    await own.waitForFunction('received.length > 0')
    t.same(await own.evaluate('received'), ['for ada'])

    // One of the same site, whose requests carry the cookie, and one of another.
    for (const host of ['other.site.test', 'elsewhere.test']) {
      const page = await browser.newPage()
      await page.goto(`http://${host}:${port}/`)
      const tryAll = `(async () => {
        const outcome = (promise) => promise.then(() => 'done', () => 'failed')
        const source = new EventSource('${service}/events', { withCredentials: true })
        const streamed = await new Promise((resolve) => {
          source.onopen = () => resolve('open')
          source.onerror = () => resolve(source.readyState === 2 ? 'closed' : 'trying')
        })
        const form = { method: 'POST', credentials: 'include', body: 'forged', mode: 'no-cors' }
        return {
          streamed,
          read: await outcome(fetch('${service}/api/history', { credentials: 'include' })),
          ended: await outcome(fetch('${service}/api/session', { method: 'DELETE', credentials: 'include' })),
          sent: await outcome(fetch('${service}/api/push', form)),
        }
      })()`
      t.same(
        await page.evaluate(tryAll),
        { streamed: 'closed', read: 'failed', ended: 'failed', sent: 'done' },
        host,
      )
    }
    t.equal(app.hub.stats.accepted, 1, 'nothing but the one event was accepted')
    t.equal(app.hub.stats.transports.sse.opened, 1, 'no other stream was opened')
  },
)
