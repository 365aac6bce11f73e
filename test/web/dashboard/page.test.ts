import { exec } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { promisify } from 'node:util'
import t, { type Test } from 'tap'
import { push, startApp } from '../../helpers/app.js'
import { startChromium, whyNoChromium } from '../../helpers/chromium.js'
import { openStream } from '../../helpers/sse-client.js'
import { until } from '../../helpers/until.js'
import { openDashboard } from './open-dashboard.js'

const skip = whyNoChromium()
const shell = promisify(exec)
const browser = skip === false ? await startChromium(t) : undefined

t.test('an empty service shows the two commands to begin with, which work', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, panel, records, complaints } = await openDashboard(t, app.url, browser)
  const hello = panel('To begin with')
  await hello.waitFor()
  const [listen, publish] = await hello.locator('code').allTextContents()
  t.match(listen, app.url)
  const heard = shell(`${listen!} | grep -m 1 ^data:.*Hello`)
  await until(
    () => [...app.hub.streams.topics()].some(([topic]) => topic === 'hello'),
    'a listener',
  )
  await shell(publish!)
  t.match((await heard).stdout, 'Hello, world')
  await records.filter({ hasText: 'Hello, world' }).waitFor()
  await hello.waitFor({ state: 'hidden' })
  await page.getByText(/^\d+ streams? (is|are) open, and there were no gaps/).waitFor()
  t.same(complaints, [])
})

t.test('the tail begins with the newest, and shows what comes on top', { skip }, async (t) => {
  const app = await startApp(t)
  await push(app.url, {
    topic: 'orders/1',
    event: 'paid',
    data: { hostile: '<img src=x onerror=alert(1)>' },
  })
  const { records, complaints } = await openDashboard(t, app.url, browser)
  await records.first().waitFor()
  const [id] = await push(app.url, { topic: 'news', data: 'second' })
  await records.nth(1).waitFor()
  t.match(await records.nth(0).textContent(), 'newssecond')
  const first = records.nth(1)
  t.match(await first.textContent(), 'orders/1paid{"hostile":"<img')
  await first.locator('summary').click()
  t.equal(
    await first.locator('pre').textContent(),
    '{\n  "hostile": "<img src=x onerror=alert(1)>"\n}',
    'laid out, and nothing but text',
  )
  await records.nth(0).locator('summary').click()
  // It is laid out once the browser tells that it was opened.
  await records.nth(0).getByText(id!).first().waitFor()
  t.same(complaints, [])
})

t.test('the tail is searched, paused, and saved', { skip }, async (t) => {
  const app = await startApp(t)
  await push(
    app.url,
    [1, 2, 3].map((n) => ({ topic: `n/${n}`, data: `Number ${n}` })),
  )
  const { page, records, panel } = await openDashboard(t, app.url, browser)
  await records.nth(2).waitFor()
  await page.keyboard.press('/')
  await page.keyboard.type('number 2')
  await panel('Tail').getByText('1 match among the newest 3').waitFor()
  t.equal(await records.count(), 1)
  t.match(page.url(), 'find=number+2')
  await page.reload()
  await panel('Tail').getByText('1 match among the newest 3').waitFor()
  await page.getByLabel('Search').fill('')
  await page.keyboard.press('Escape')
  await page.keyboard.press('p')
  await push(
    app.url,
    [4, 5].map((n) => ({ topic: `n/${n}`, data: `Number ${n}` })),
  )
  const button = panel('Tail').getByRole('button', { name: 'Resume (2 waiting)' })
  await button.waitFor()
  t.equal(await records.count(), 3)
  t.match(page.url(), 'paused=1')
  await button.click()
  await records.nth(4).waitFor()
  t.match(await records.nth(0).textContent(), 'Number 5')
  const download = page.waitForEvent('download')
  await panel('Tail').getByRole('button', { name: 'Export' }).click()
  const lines = readFileSync(await (await download).path(), 'utf8')
    .trim()
    .split('\n')
  t.same(
    lines.map((line) => (JSON.parse(line) as { data: unknown }).data),
    [1, 2, 3, 4, 5].map((n) => `Number ${n}`),
  )
})

t.test('streams are listed as they come and go, and one is closed', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, panel } = await openDashboard(t, app.url, browser)
  const row = (user: string) => panel('Streams').getByRole('row').filter({ hasText: user })
  await panel('Streams').getByRole('row').nth(1).waitFor()
  const ann = await openStream(t, app.port, '/events?topic=a&user=ann')
  await openStream(t, app.port, '/events?topic=b&user=bob')
  await row('ann').waitFor()
  await row('bob').waitFor()
  await panel('Streams').getByLabel('User').fill('ann')
  await page.keyboard.press('Enter')
  await row('bob').waitFor({ state: 'detached' })
  t.match(page.url(), 'user=ann')
  await row('ann').getByRole('button', { name: 'Close' }).click()
  t.equal(app.hub.streams.size, 3, 'it is asked first')
  await row('ann').getByRole('button', { name: 'Close for good' }).click()
  await row('ann').waitFor({ state: 'detached' })
  await until(() => ann.control.length === 2, 'a goodbye')
  t.match(ann.control[1], { type: 'bye', reason: 'revoked', reconnect: false })
})

t.test('a list that is asked for anew leaves what is being typed', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, panel } = await openDashboard(t, `${app.url}#sort=constructor`, browser)
  await page.clock.install()
  await page.reload()
  await panel('Streams').getByRole('row').nth(1).waitFor()
  const user = panel('Streams').getByLabel('User')
  await user.pressSequentially('ann')
  const asked = page.waitForResponse(/api\/streams/)
  await page.clock.fastForward(15_000)
  t.equal((await asked).status(), 200)
  t.equal(await user.inputValue(), 'ann')
})

t.test('the focus stays with its row, and goes on to the next', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, panel } = await openDashboard(t, `${app.url}#sort=-since`, browser)
  const row = (user: string) => panel('Streams').getByRole('row').filter({ hasText: user })
  const focused = async (): Promise<string> =>
    (await page.evaluate<string | null>("document.activeElement.closest('tr')?.textContent")) ?? ''
  await panel('Streams').getByRole('row').nth(1).waitFor()
  await openStream(t, app.port, '/events?topic=a&user=ann')
  await row('ann').getByRole('button', { name: 'Close' }).press('Enter')
  t.match(await focused(), 'ann')
  await openStream(t, app.port, '/events?topic=a&user=bob')
  await row('bob').waitFor()
  await page.getByLabel('Sorted by').evaluate((select: { value: string }) => {
    select.value = 'since'
  })
  await page.getByLabel('Sorted by').dispatchEvent('change')
  await until(
    async () => /ann.*bob/.test((await panel('Streams').locator('tbody').textContent())!),
    'another order',
  )
  t.match(await focused(), 'ann')
  await row('ann').getByRole('button', { name: 'Close for good' }).press('Enter')
  await row('ann').waitFor({ state: 'detached' })
  t.match(await focused(), 'bob')
})

t.test('a topic that is clicked fills the tail', { skip }, async (t) => {
  const app = await startApp(t)
  await push(app.url, [
    { topic: 'orders/1', data: 'one' },
    { topic: 'orders/2', data: 'two' },
    { topic: 'news', data: 'three' },
  ])
  const { page, panel, records } = await openDashboard(t, app.url, browser)
  const topics = panel('Topics')
  await topics.getByRole('button', { name: 'orders', exact: true }).click()
  await until(async () => (await records.count()) === 2, 'those of orders alone')
  t.match(page.url(), 'tail=orders')
  await topics.getByRole('button', { name: 'What is below orders' }).click()
  await topics.getByRole('button', { name: '2', exact: true }).click()
  await until(async () => (await records.count()) === 1, 'one alone')
  t.match(await records.textContent(), 'two')
})

t.test(
  'a topic stays under the pointer and the focus while others get busier',
  { skip },
  async (t) => {
    const app = await startApp(t)
    await push(
      app.url,
      ['a/1', 'a/1', 'b/1'].map((topic) => ({ topic, data: 1 })),
    )
    const { page, panel } = await openDashboard(t, app.url, browser)
    const topics = panel('Topics')
    const names = async (): Promise<string[]> => {
      const all = await topics.locator('.leaf .link').allTextContents()
      // But for the page's own.
      return all.filter((name) => /^\w$/.test(name))
    }
    const below = topics.getByRole('button', { name: 'What is below a' })
    await below.waitFor()
    t.same(await names(), ['a', 'b'])
    await below.press('Enter')
    t.same(await names(), ['a', '1', 'b'])
    await push(
      app.url,
      Array.from({ length: 9 }, () => ({ topic: 'b/1', data: 1 })),
    )
    await topics.getByText('1/s', { exact: true }).waitFor()
    t.same(await names(), ['a', '1', 'b'])
    t.equal(await page.evaluate('document.activeElement.ariaExpanded'), 'true', 'the same button')
    await page.getByLabel('Search').focus()
    await push(app.url, { topic: 'c', data: 1 })
    await until(async () => (await names()).join() === 'b,a,1,c', 'the busiest first')
  },
)

t.test('topics that are typed fill the tail, or it is said why not', { skip }, async (t) => {
  const app = await startApp(t)
  await push(app.url, [
    { topic: 'a b', data: 'one' },
    { topic: 'news', data: 'two' },
  ])
  const { page, panel, records } = await openDashboard(t, app.url, browser)
  await records.nth(1).waitFor()
  const topics = panel('Tail').getByLabel('Topics')
  await topics.fill('a%20b  other')
  await page.keyboard.press('Enter')
  await until(async () => (await records.count()) === 1, 'one alone')
  t.match(await records.textContent(), 'one')
  await topics.fill('a/**/b')
  await page.keyboard.press('Enter')
  await panel('Tail').getByText('Not listening: ').waitFor()
  await topics.fill('')
  await page.keyboard.press('Enter')
  await records.nth(1).waitFor()
})

t.test('the form pushes, and its command does the same', { skip }, async (t) => {
  const app = await startApp(t)
  const { panel, records } = await openDashboard(t, app.url, browser)
  const form = panel('Push')
  await form.getByLabel('Topic').fill("it's")
  await form.getByLabel('Event name').fill('paid')
  await form.getByLabel('Data').fill('{"a": [1]}')
  await form.getByText('goes as JSON').waitFor()
  await form.getByRole('button', { name: 'Push' }).click()
  await form.getByText('Accepted as').waitFor()
  await shell((await form.locator('code').textContent())!)
  await records.nth(1).waitFor()
  t.match(await records.allTextContents(), [/it'spaid\{"a":\[1\]\}$/, /it'spaid\{"a":\[1\]\}$/])
  await form.getByLabel('Topic').fill('$sys/mine')
  await form.getByRole('button', { name: 'Push' }).click()
  await form.getByText(/Not accepted: .*belong to the service/).waitFor()
})

t.test(
  'a gap is a row of the tail, and turns the sentence red with its setting',
  { skip },
  async (t) => {
    const app = await startApp(t)
    await openStream(t, app.port, '/events', { lastEventId: '0formerlife-1' })
    const { page } = await openDashboard(t, app.url, browser)
    await page.locator('.bad .sentence', { hasText: 'there was 1 gap in the last hour' }).waitFor()
    await page.getByText('outlives a restart; every node needs the same').waitFor()
  },
)

t.test('a trace says why an event did not get there', { skip }, async (t) => {
  const app = await startApp(t)
  const stream = await openStream(t, app.port, '/events?topic=orders/**&user=ada')
  stream.cut()
  await until(() => app.hub.streams.size === 0, 'the end of it')
  const { page, panel, records } = await openDashboard(t, app.url, browser)
  const [id] = await push(app.url, { topic: 'orders/1', data: 1 })
  const trace = panel('Trace')
  await trace.getByLabel('Event id').fill(id!)
  await trace.getByLabel('User').fill('ada')
  await trace.getByRole('button', { name: 'Trace' }).click()
  await trace.getByText('It was not written to the user ada').waitFor()
  await trace.getByText('after end').waitFor()
  t.match(page.url(), `event=${id!}&who=ada`)
  await records.first().locator('summary').click()
  await records.first().getByRole('button', { name: 'Trace' }).click()
  await trace.getByText('It concerns 1 of 1 open stream: 1 written').waitFor()
  await trace.getByLabel('Event id').fill('nonsense')
  await trace.getByRole('button', { name: 'Trace' }).click()
  await trace.getByText('Not traced:').waitFor()
})

t.test('it says when the service is gone, and goes on when it is back', { skip }, async (t) => {
  const app = await startApp(t, { drainMs: 100 })
  const { sentence } = await openDashboard(t, app.url, browser)
  await sentence
    .filter({ hasText: 'are open' })
    .or(sentence.filter({ hasText: 'is open' }))
    .waitFor()
  await app.drain()
  await sentence.filter({ hasText: 'Not connected to the service; trying again.' }).waitFor()
})

t.test('three dashboards have two streams together', { skip }, async (t) => {
  const app = await startApp(t)
  const open = [1, 2, 3].map(() => openDashboard(t, app.url, browser))
  await push(app.url, { topic: 'a', data: 'for all' })
  for (const { records, sentence } of await Promise.all(open)) {
    await records.filter({ hasText: 'for all' }).waitFor()
    await sentence.filter({ hasText: 'is open' }).waitFor()
  }
  t.equal(app.hub.streams.size, 1)
})

t.test('it works under a path behind a proxy', { skip }, async (t) => {
  const app = await startApp(t)
  const port = await startPathProxy(t, app.port)
  const { page, records, panel, complaints } = await openDashboard(
    t,
    `http://127.0.0.1:${port}/under/a/path/`,
    browser,
  )
  const form = panel('Push')
  await form.getByLabel('Data').fill('through')
  t.match(
    await form.locator('code').textContent(),
    `http://127.0.0.1:${port}/under/a/path/api/push`,
  )
  await form.getByRole('button', { name: 'Push' }).click()
  await records.filter({ hasText: 'through' }).waitFor()
  await page.getByText(/stream is open/).waitFor()
  t.same(complaints, [])
})

t.test('charts stand side by side, after a change of the theme too', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, panel } = await openDashboard(t, app.url, browser)
  await page.setViewportSize({ width: 1440, height: 900 })
  await page.emulateMedia({ colorScheme: 'light' })
  await panel('Figures').locator('canvas').nth(3).waitFor()
  await page.evaluate(`for (const each of document.querySelectorAll('canvas')) each.id = 'old'`)
  await page.emulateMedia({ colorScheme: 'dark' })
  await page.waitForFunction(`!document.querySelector('#old')`)
  const edges = await page.evaluate<number[][]>(`
    Array.from(document.querySelectorAll('.charts canvas'), (canvas) => {
      const { left, right, top } = canvas.getBoundingClientRect()
      return [left, right, top]
    })
  `)
  t.equal(edges.length, 4)
  for (const [i, [left, , top]] of edges.slice(1).entries()) {
    t.ok(left! >= edges[i]![1]!, 'none lies over another')
    t.equal(top, edges[0]![2])
  }
})

t.test('on a narrow screen nothing is beyond its edge', { skip }, async (t) => {
  const app = await startApp(t)
  await push(app.url, { topic: `orders/${'x'.repeat(200)}`, data: { long: 'y'.repeat(2_000) } })
  const { page, records } = await openDashboard(t, app.url, browser)
  await page.setViewportSize({ width: 360, height: 700 })
  await records.first().locator('summary').click()
  t.equal(await page.evaluate('document.documentElement.scrollWidth'), 360)
})

t.test('ten thousand events go through without the page stalling', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, records } = await openDashboard(t, app.url, browser)
  await until(() => app.hub.streams.size === 1, 'the tail listens')
  await page.evaluate(`
    globalThis.longest = 0
    new PerformanceObserver((list) => {
      for (const { duration } of list.getEntries()) longest = Math.max(longest, duration)
    }).observe({ type: 'longtask' })
  `)
  for (let i = 0; i < 100; i++) {
    await push(
      app.url,
      Array.from({ length: 100 }, (_, j) => ({ topic: `n/${j}`, data: { n: i * 100 + j } })),
    )
  }
  await records.filter({ hasText: '{"n":9999}' }).waitFor()
  await page.getByText('Live; 1,000 events kept.').waitFor()
  t.equal(await records.count(), 100, 'no more rows than can be read')
  const longest = await page.evaluate<number>('longest')
  t.ok(longest < 1_000, `the longest task took ${longest} ms`)
})

/** Starts a proxy that serves a service under `/under/a/path/`, until the test ends. */
async function startPathProxy(t: Test, port: number): Promise<number> {
  const server = createServer((incoming, outgoing) => {
    const path = incoming.url!.replace(/^\/under\/a\/path/, '')
    if (path === incoming.url) {
      outgoing.writeHead(404).end()
      return
    }
    const { method, headers } = incoming
    const passed = request({ port, host: '127.0.0.1', method, path, headers }, (answer) => {
      outgoing.writeHead(answer.statusCode!, answer.headers)
      answer.pipe(outgoing)
    })
    outgoing.on('close', () => passed.destroy())
    passed.on('error', () => outgoing.destroy())
    incoming.pipe(passed)
  }).listen(0, '127.0.0.1')
  t.teardown(() => server.close().closeAllConnections())
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}
