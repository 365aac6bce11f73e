import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { readmePage } from '../helpers/readme-page.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import { until } from '../helpers/until.js'
import { overCuts } from './cuts.js'
import { follow, openTab, startSite, waitFor, whenLive } from './tab.js'

const skip = whyNoChromium()

function numbers(from: number, to: number): { topic: string; data: number }[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ topic: 'n', data: from + i }))
}

t.test('the README’s page works as it is written', { skip }, async (t) => {
  const app = await startApp(t)
  await push(app.url, { topic: 'orders/41', data: 'before' })
  const url = await startSite(
    t,
    () => app.url,
    () => readmePage('Orders', app.port),
  )
  const page = await (await startChromium(t)).newPage()
  await page.goto(url)
  const orders = page.locator('#orders')
  await orders.filter({ hasText: 'before' }).waitFor()
  await push(app.url, { topic: 'orders/42', data: { status: 'paid' } })
  await orders.filter({ hasText: 'paid' }).waitFor()
  t.equal(await orders.textContent(), 'orders/41: "before"\norders/42: {"status":"paid"}\n')
  t.equal((await page.locator('#state').textContent())?.split('\n').at(-2), 'live')
})

t.test('what is pushed comes whole, the newest first, and in every way', { skip }, async (t) => {
  const app = await startApp(t)
  const page = await openTab(t, await startChromium(t), app)
  await push(app.url, numbers(1, 3))
  await follow(page, `${app.url}/events`, `{ topics: ['n', 'other/*'], last: 2 }`)
  t.equal(await page.evaluate('stream instanceof EventTarget'), true)
  await whenLive(page)
  await page.evaluate(`
    globalThis.looped = []
    void (async () => {
      for await (const { data } of stream) looped.push(data)
      looped.push('over')
    })()
  `)
  const data = { text: 'a\nb', nested: [null] }
  const [id] = await push(app.url, [{ topic: 'other/x', event: 'named', key: 'k', data }])
  await waitFor(page, 'got.length === 3')
  t.same(await page.evaluate('got'), [2, 3, data])
  t.match(await page.evaluate('whole[2]'), {
    id,
    topics: ['other/x'],
    event: 'named',
    key: 'k',
    data,
  })
  t.same(await page.evaluate('states'), ['live'])
  await page.evaluate('stream.close()')
  await waitFor(page, 'looped.length === 2')
  t.same(await page.evaluate('looped'), [data, 'over'])
  t.same(await page.evaluate('states'), ['live', 'closed'])
  await until(() => app.hub.streams.size === 0, 'the stream is gone')
})

t.test('a loop is left without closing the stream, a signal closes it', { skip }, async (t) => {
  const app = await startApp(t)
  const page = await openTab(t, await startChromium(t), app)
  await page.evaluate('globalThis.stop = new AbortController()')
  await follow(page, `${app.url}/events`, `{ topics: ['n'], signal: stop.signal }`)
  await whenLive(page)
  await page.evaluate(`
    void (globalThis.looped = (async () => {
      for await (const { data } of stream) return data
    })())
  `)
  await push(app.url, numbers(1, 2))
  t.equal(await page.evaluate('looped'), 1)
  await waitFor(page, 'got.length === 2')
  t.equal(await page.evaluate('stream.state'), 'live')
  await page.evaluate('stop.abort()')
  t.equal(await page.evaluate('stream.state'), 'closed')
  await until(() => app.hub.streams.size === 0, 'the stream is gone')
  await follow(page, `${app.url}/events`, `{ signal: stop.signal }`)
  t.equal(await page.evaluate('stream.state'), 'closed', 'one that is aborted already')
})

t.test('a loop that is far too slow is ended with an error', { skip }, async (t) => {
  const app = await startApp(t)
  const page = await openTab(t, await startChromium(t), app)
  await follow(page, `${app.url}/events`, `{ topics: ['n'] }`)
  await whenLive(page)
  await page.evaluate('void (globalThis.loop = stream[Symbol.asyncIterator]())')
  for (let i = 0; i < 11; i++) await push(app.url, numbers(i * 1000, i * 1000 + 999))
  await waitFor(page, 'got.length === 11000')
  const outcome = `(async () => {
    let count = 0
    try { for await (const _ of loop) count++ } catch ({ message }) { return [count, message] }
  })()`
  t.match(await page.evaluate(outcome), [10_001, /too slow/])
  t.equal(await page.evaluate('stream.state'), 'live')
})

t.test('over cuts of the network nothing is lost and nothing comes twice', { skip }, async (t) => {
  await overCuts(t, await startChromium(t))
})

t.test('a hole is told in its place', { skip }, async (t) => {
  const app = await startApp(t)
  const page = await openTab(t, await startChromium(t), app)
  await push(app.url, numbers(1, 1))
  await follow(page, `${app.url}/events?lastEventId=0-zz`, `{ topics: ['n'] }`)
  await waitFor(page, 'gaps.length === 1')
  t.same(await page.evaluate('gaps'), [{ reason: 'epoch', after: '0-zz' }])
})

t.test('one that the service does not want back is closed', { skip }, async (t) => {
  const app = await startApp(t)
  const page = await openTab(t, await startChromium(t), app)
  await follow(page, `${app.url}/events`)
  await whenLive(page)
  for (const stream of app.hub.streams.values()) app.hub.end(stream, 'revoked', false)
  await waitFor(page, 'stream.state === "closed"')
  t.equal(app.hub.stats.transports.sse.opened, 1)
})

t.test('a quiet stream asks whether it is still there, unseen', { skip }, async (t) => {
  const app = await startApp(t, { heartbeatMs: 100 })
  const page = await openTab(t, await startChromium(t), app)
  await follow(page, `${app.url}/events`, `{ topics: ['n'] }`)
  await until(() => app.hub.stats.transports.sse.opened > 3, 'it has come back a few times')
  await push(app.url, numbers(1, 2))
  await waitFor(page, 'got.length === 2')
  t.same(await page.evaluate('got'), [1, 2])
  t.same(await page.evaluate('states'), ['live'])
  await until(() => app.hub.streams.size <= 1, 'no connection was left behind')
})

t.test('a stream that is not answered is stale until it is', { skip }, async (t) => {
  const app = await startApp(t, { heartbeatMs: 200 })
  const proxy = await startProxy(t, app.port)
  const page = await openTab(t, await startChromium(t), app)
  await follow(page, `http://127.0.0.1:${proxy.port}/events`, `{ topics: ['n'] }`)
  await whenLive(page)
  await push(app.url, numbers(1, 1))
  await waitFor(page, 'got.length === 1')
  proxy.backward = false
  await push(app.url, numbers(2, 3))
  await waitFor(page, 'stream.state === "stale"')
  proxy.backward = true
  proxy.cut()
  await waitFor(page, 'got.length === 3')
  t.same(await page.evaluate('got'), [1, 2, 3])
  t.equal(await page.evaluate('states[1]'), 'stale')
  t.equal(await page.evaluate('stream.state'), 'live')
})

t.test('over a reload a tab goes on from its place, if asked to', { skip }, async (t) => {
  const app = await startApp(t)
  const page = await openTab(t, await startChromium(t), app)
  const options = `{ topics: ['n'], last: 10, remember: true }`
  await push(app.url, numbers(1, 2))
  await follow(page, `${app.url}/events`, options)
  await waitFor(page, 'got.length === 2')
  const url = page.url()
  await page.goto('about:blank')
  await push(app.url, numbers(3, 4))
  await page.goto(url)
  await follow(page, `${app.url}/events`, options)
  await waitFor(page, 'got.length === 2')
  t.same(await page.evaluate('got'), [3, 4])
  await page.reload()
  await follow(page, `${app.url}/events`, `{ topics: ['n'], last: 10 }`)
  await waitFor(page, 'got.length === 4')
  t.same(await page.evaluate('got'), [1, 2, 3, 4], 'else it begins anew')
})
