import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { until } from '../helpers/until.js'
import { feed, openFeed } from './feed-page.js'
import { startSite, waitFor } from './tab.js'

const skip = whyNoChromium()
const browser = skip === false ? await startChromium(t) : undefined

/** Events of the topic `n`, from one number to another. */
function numbers(from: number, to: number): { topic: string; data: number }[] {
  return Array.from({ length: to - from + 1 }, (_, i) => ({ topic: 'n', data: from + i }))
}

t.test(
  'what is pushed stands there, the newest first, with name, topic, time and data',
  { skip },
  async (t) => {
    const app = await startApp(t)
    await push(app.url, { topic: 'n/1', event: 'status', data: { status: 'paid' } })
    const { page, part, texts } = await openFeed(t, browser!, app, {
      body: '<ringcast-feed topic="n/** other" last="20"></ringcast-feed>',
    })
    await part('event').waitFor()
    await push(app.url, { topic: ['n/2', 'other'], data: 'a line\nand another' })
    await part('event').nth(1).waitFor()
    t.same(await texts('name'), ['status'])
    t.same(await texts('topic'), ['n/2, other', 'n/1'])
    t.same(await texts('data'), ['a line\nand another', '{ "status": "paid" }'])
    const times = await page.evaluate<string[]>(`gathered
      .filter(([type]) => type === 'ringcast-event').map(([, { time }]) => time).reverse()`)
    for (const [row, time] of times.entries()) {
      const shown = part('time').nth(row)
      t.equal(await shown.getAttribute('datetime'), time)
      t.equal(
        await shown.textContent(),
        await page.evaluate(
          `new Date('${time}').toLocaleTimeString(undefined, { timeStyle: 'medium' })`,
        ),
      )
    }
  },
)

t.test('one tag is enough, as a module too, and twice', { skip }, async (t) => {
  const app = await startApp(t)
  const ways = [
    { script: '' },
    { script: 'type="module"' },
    { script: 'defer' },
    { script: `></script><script src="${app.url}/feed.js?again" type="module"` },
  ]
  for (const way of ways) {
    const { page, live } = await openFeed(t, browser!, app, {
      ...way,
      body: '<ringcast-feed></ringcast-feed>',
    })
    await live()
    t.equal(await page.evaluate(`${feed}.src`), `${app.url}/events`, way.script)
    await page.close()
  }
})

t.test('imported, or of a service under a path, it finds the stream', { skip }, async (t) => {
  const app = await startApp(t)
  const tags = [
    '<script src="push/feed.js?v=1"></script>',
    '<script type="module">import "./push/feed.js"</script>',
  ]
  for (const tag of tags) {
    const site = await startSite(
      t,
      () => app.url,
      () => `<!doctype html>${tag}<ringcast-feed></ringcast-feed>`,
    )
    const page = await browser!.newPage()
    t.teardown(() => page.close())
    await page.route('**/push/feed.js*', async (route) => {
      await route.fulfill({ response: await route.fetch({ url: `${app.url}/feed.js` }) })
    })
    await page.goto(site)
    t.equal(await page.evaluate(`${feed}.src`), `${site}push/events`, tag)
  }
})

t.test('it keeps as many as `max` says, and shows fewer at once', { skip }, async (t) => {
  const app = await startApp(t)
  await push(app.url, numbers(1, 30))
  const { page, part, live, texts } = await openFeed(t, browser!, app, {
    body: '<ringcast-feed topic="n" max="3" last="30"></ringcast-feed>',
  })
  await live()
  await part('data').filter({ hasText: '30' }).waitFor()
  t.same(await texts('data'), ['30', '29', '28'])
  await push(app.url, numbers(31, 32))
  await part('data').filter({ hasText: '32' }).waitFor()
  t.same(await texts('data'), ['32', '31', '30'])
  await page.evaluate(`${feed}.max = 2`)
  t.same(await texts('data'), ['32', '31'])
  t.equal(await page.evaluate(`${feed}.getAttribute('max')`), '2')
  for (const [max, counts] of Object.entries({ 0: 1, 9999: 1000, many: 50 })) {
    await page.evaluate(`${feed}.setAttribute('max', '${max}')`)
    t.equal(await page.evaluate(`${feed}.max`), counts, `max="${max}"`)
  }
})

t.test('held still, it says how many wait, and shows them when it goes on', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, part, live, texts } = await openFeed(t, browser!, app, {
    body: '<ringcast-feed topic="n" max="4"></ringcast-feed>',
  })
  await live()
  await push(app.url, numbers(1, 1))
  await part('event').waitFor()
  const button = page.getByRole('button', { name: 'Pause' })
  await page.keyboard.press('Tab')
  await page.keyboard.press('Enter')
  t.equal(await button.getAttribute('aria-pressed'), 'true')
  t.equal(await page.evaluate(`${feed}.paused`), true)
  await push(app.url, numbers(2, 3))
  await part('waiting')
    .filter({ hasText: /^2 waiting$/ })
    .waitFor()
  await push(app.url, numbers(4, 9))
  await part('waiting')
    .filter({ hasText: /^4\+ waiting$/ })
    .waitFor()
  t.same(await texts('data'), ['1'])
  await page.keyboard.press('Space')
  await part('data').filter({ hasText: '9' }).waitFor()
  t.same(await texts('data'), ['9', '8', '7', '6'])
  t.equal(await part('waiting').textContent(), '')
  t.equal(await button.getAttribute('aria-pressed'), 'false')
})

t.test('its events go up to the document, out of shadow trees too', { skip }, async (t) => {
  const app = await startApp(t)
  const { page } = await openFeed(t, browser!, app, {
    body: `<div id="host"></div><script>
      const root = host.attachShadow({ mode: 'closed' })
      root.innerHTML = '<ringcast-feed topic="n" src="${app.url}/events?lastEventId=0-zz"></ringcast-feed>'
    </script>`,
  })
  await waitFor(page, 'gathered.length === 3')
  const [id] = await push(app.url, { topic: 'n', event: 'named', key: 'k', data: [1] })
  await waitFor(page, 'gathered.length === 4')
  t.match(await page.evaluate('gathered'), [
    ['ringcast-state', 'connecting'],
    ['ringcast-state', 'live'],
    ['ringcast-gap', { reason: 'epoch', after: '0-zz' }],
    ['ringcast-event', { id, topics: ['n'], event: 'named', key: 'k', data: [1], time: String }],
  ])
})

t.test('a hole is a row in its place', { skip }, async (t) => {
  const app = await startApp(t)
  await push(app.url, numbers(1, 2))
  const { part, page } = await openFeed(t, browser!, app, {
    body: `<ringcast-feed topic="n" src="${app.url}/events?lastEventId=0-zz"></ringcast-feed>`,
  })
  await part('event').nth(1).waitFor()
  t.same(
    await page.evaluate(
      `[...${feed}.shadowRoot.querySelectorAll('li')].map(({ part }) => part[0])`,
    ),
    ['event', 'event', 'gap'],
  )
  t.same(await part('gap').allTextContents(), [
    'Events may be missing here: the service began a new log',
  ])
})

t.test('what says which stream it is may change while it runs', { skip }, async (t) => {
  const app = await startApp(t)
  await push(app.url, [
    { topic: 'a', data: 'of a' },
    { topic: 'b', data: 'of b' },
    { topic: 'a topic', data: 'with a space' },
    { topic: 'c', data: 'of c' },
  ])
  const { page, part, texts } = await openFeed(t, browser!, app, {
    body: '<ringcast-feed topic="a"></ringcast-feed>',
  })
  const opened = (): number => app.hub.stats.transports.sse.opened
  await part('data').filter({ hasText: 'of a' }).waitFor()
  await page.evaluate(`Object.assign(${feed}, { topic: 'b c', last: 1 })`)
  await part('data').filter({ hasText: 'of c' }).waitFor()
  t.same(await texts('data'), ['of c'])
  t.equal(opened(), 2, 'all that changed at once is one change')
  await page.evaluate(`${feed}.setAttribute('last', '2')`)
  await part('data').filter({ hasText: 'of b' }).waitFor()
  await page.evaluate(`${feed}.topics = ['a topic']`)
  await part('data').filter({ hasText: 'with a space' }).waitFor()
  t.same(await texts('data'), ['with a space'])
  await page.evaluate(`${feed}.topics = null`)
  await part('data').filter({ hasText: 'of b' }).waitFor()
  await page.evaluate(`Object.assign(${feed}, { src: '${app.url}/events?topic=a', last: 3 })`)
  await part('data').filter({ hasText: 'of a' }).waitFor()
  const before = opened()
  await page.evaluate(`Object.assign(${feed}, { topic: 'b c', max: 9, paused: false })`)
  await page.evaluate(`Object.assign(${feed}, { withCredentials: true })`)
  await until(() => opened() === before + 1, 'what is the same as before is no change')
  t.equal(await page.evaluate(`${feed}.hasAttribute('with-credentials')`), true)
  await until(() => app.hub.streams.size === 1, 'no connection was left behind')
})

t.test(
  'out of the document it is closed; put in again it goes on; moved it notices nothing',
  { skip },
  async (t) => {
    const app = await startApp(t)
    const { page, part, live, texts } = await openFeed(t, browser!, app, {
      body: '<div id="here"><ringcast-feed topic="n"></ringcast-feed></div><div id="there"></div>',
    })
    await live()
    await push(app.url, numbers(1, 2))
    await part('event').nth(1).waitFor()
    await page.evaluate(`there.append(${feed})`)
    await push(app.url, numbers(3, 3))
    await part('event').nth(2).waitFor()
    t.equal(app.hub.stats.transports.sse.opened, 1)
    await page.evaluate(`globalThis.kept = ${feed}, kept.remove()`)
    await until(() => app.hub.streams.size === 0, 'the stream is closed')
    t.equal(await page.evaluate('kept.state'), 'closed')
    await push(app.url, numbers(4, 5))
    await page.evaluate('here.append(kept)')
    await part('event').nth(4).waitFor()
    t.same(await texts('data'), ['5', '4', '3', '2', '1'])
    t.equal(await page.evaluate('kept.state'), 'live')
  },
)

t.test('properties that were set before the script came count', { skip }, async (t) => {
  const app = await startApp(t)
  await push(app.url, [
    { topic: 'a b', data: 1 },
    { topic: 'a b', data: 2 },
  ])
  const { page, part } = await openFeed(t, browser!, app, {
    script: 'defer',
    body: `<ringcast-feed></ringcast-feed>
      <script>Object.assign(${feed}, { topics: ['a b'], last: 1, max: 7, words: { live: 'Verbunden' } })</script>`,
  })
  await part('data').waitFor()
  t.equal(await part('data').textContent(), '2')
  t.equal(await part('state').textContent(), 'Verbunden')
  t.equal(await page.evaluate(`${feed}.max`), 7)
  t.equal(app.hub.stats.transports.sse.opened, 1)
})

t.test('feeds that share have one connection', { skip }, async (t) => {
  const app = await startApp(t)
  const one = '<ringcast-feed topic="n" share></ringcast-feed>'
  const { page } = await openFeed(t, browser!, app, { body: one + one })
  await page.locator('[part~=live]').nth(1).waitFor()
  await push(app.url, numbers(1, 1))
  await page.locator('[part=event]').nth(1).waitFor()
  t.equal(app.hub.stats.transports.sse.opened, 1)
})

t.test('a URL that is none is reported, and nothing is followed', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, part } = await openFeed(t, browser!, app, {
    script: 'crossorigin',
    head: '<script>addEventListener("error", ({ message }) => (globalThis.reported = message))</script>',
    body: '<ringcast-feed src="http://["></ringcast-feed>',
  })
  await part('closed').waitFor()
  t.match(await page.evaluate('reported'), /Invalid URL/)
})
