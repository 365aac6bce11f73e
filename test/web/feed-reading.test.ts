import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { startProxy } from '../helpers/tcp-proxy.js'
import { feed, openFeed } from './feed-page.js'
import { waitFor } from './tab.js'

const skip = whyNoChromium()
const browser = skip === false ? await startChromium(t) : undefined

/** A node of what a browser tells screen readers. */
interface AxNode {
  readonly ignored: boolean
  readonly role?: { readonly value: string }
  readonly name?: { readonly value: string }
  readonly properties?: readonly { readonly name: string; readonly value: { value: unknown } }[]
}

t.test('a screen reader has all that is seen', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, part, live } = await openFeed(t, browser!, app)
  await live()
  await push(app.url, { topic: 'n', event: 'status', data: 'paid' })
  await part('event').waitFor()
  const session = await page.context().newCDPSession(page)
  const { nodes } = (await session.send('Accessibility.getFullAXTree')) as { nodes: AxNode[] }
  const seen = nodes
    .filter(({ ignored }) => !ignored)
    .map(({ role, name }) => `${role!.value}: ${name?.value ?? ''}`)
  for (const expected of [
    'region: Live feed',
    'StaticText: Live',
    'button: Pause',
    'list: Events, newest first',
    'StaticText: status',
    'StaticText: paid',
  ])
    t.ok(seen.includes(expected), expected)
  t.equal(seen.filter((node) => node.startsWith('listitem')).length, 1)
  t.equal(seen.filter((node) => node.startsWith('time') || node.startsWith('Time')).length, 1)
  const statuses = nodes.filter(({ ignored, role }) => !ignored && role?.value === 'status')
  t.equal(statuses.length, 2, 'its state, and what is new')
  for (const { properties } of statuses)
    t.match(
      properties?.find(({ name }) => name === 'live'),
      { value: { value: 'polite' } },
    )
  t.match(
    await page.locator('ringcast-feed [role=status]').last().textContent(),
    /^status n \d.* paid$/,
  )
  await page.evaluate(`${feed}.ariaLabel = 'Orders'`)
  const named = (await session.send('Accessibility.getFullAXTree')) as { nodes: AxNode[] }
  t.ok(named.nodes.some(({ role, name }) => role?.value === 'region' && name?.value === 'Orders'))
})

t.test('what is new is said at once, then what came since, not more often', { skip }, async (t) => {
  const app = await startApp(t)
  // The page's clock is the test's: nothing here waits for seconds.
  const { page, part, live } = await openFeed(t, browser!, app, {
    head: `<script>
      globalThis.rests = []
      const later = setTimeout
      globalThis.setTimeout = (work, ms) => ms === 5000 ? rests.push(work) : later(work, ms)
    </script>`,
  })
  await live()
  const said = page.locator('ringcast-feed [role=status]').last()
  const pushOne = async (data: string): Promise<void> => {
    await push(app.url, { topic: 'n', event: 'e', data })
    await part('data').filter({ hasText: data }).waitFor()
  }
  await pushOne('first')
  t.match(await said.textContent(), /first$/)
  for (const data of ['second', 'third']) await pushOne(data)
  t.match(await said.textContent(), /first$/, 'it rests')
  await page.evaluate('rests.shift()()')
  t.match(await said.textContent(), /^2 new\. e n \d.* third$/)
  await page.evaluate('rests.shift()()')
  t.equal(await said.textContent(), '')
  await pushOne('fourth')
  t.match(await said.textContent(), /fourth$/)
  await page.evaluate(`${feed}.topic = 'other'`)
  await waitFor(page, `${feed}.state === 'live'`)
  await page.evaluate('rests.shift()()')
  t.equal(await said.textContent(), '', 'another stream has other news')
})

t.test('a page shows events by its own template, and may change it', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, part, live, texts } = await openFeed(t, browser!, app, {
    body: `<ringcast-feed topic="n"><template slot="event">
      <style>b { color: rgb(1, 2, 3) }</style>
      <b data-field="data.order.status" part="mine"></b> <i data-field="event"></i>
      <i data-field="topics"></i> <time data-field="time"></time> <i data-field="key"></i>
      <i data-field="id"></i> <i data-field="data"></i> <i data-field="data.none.such"></i>
    </template></ringcast-feed>
    <style>ringcast-feed::part(mine) { background: rgb(4, 5, 6) }</style>`,
  })
  await live()
  const data = { order: { status: 'paid' } }
  const [id] = await push(app.url, { topic: ['n', 'm'], event: 'e', key: 'k', data })
  await part('event').waitFor()
  t.equal(await part('mine').textContent(), 'paid')
  t.same(
    await page.evaluate(`['color', 'backgroundColor'].map(
      (name) => getComputedStyle(${feed}.shadowRoot.querySelector('b'))[name])`),
    ['rgb(1, 2, 3)', 'rgb(4, 5, 6)'],
  )
  t.same(await part('event').locator('i').allTextContents(), [
    'e',
    'n, m',
    'k',
    id,
    '{ "order": { "status": "paid" } }',
    '',
  ])
  t.match(await part('event').locator('time').getAttribute('datetime'), /^\d{4}-.*Z$/)
  await page.evaluate(`${feed}.innerHTML =
    '<template slot="event"><p data-field="data.order" part="other"></p></template>'`)
  await part('other').waitFor()
  t.same(await texts('event'), ['{ "status": "paid" }'])
  await page.evaluate(`${feed}.replaceChildren()`)
  await part('name').waitFor()
  t.same(await texts('data'), ['{ "order": { "status": "paid" } }'])
})

t.test(
  'over the end of the service and its return the page is told, and shows the hole',
  { skip },
  async (t) => {
    const app = await startApp(t)
    const proxy = await startProxy(t, app.port)
    const { part, live, texts, page } = await openFeed(t, browser!, {
      url: `http://127.0.0.1:${proxy.port}`,
    })
    await live()
    await push(app.url, { topic: 'n', data: 'before' })
    await part('event').waitFor()
    proxy.open = false
    proxy.cut()
    await part('connecting').waitFor()
    t.equal(await part('state').textContent(), 'Connecting…')
    const next = await startApp(t)
    await push(next.url, { topic: 'n', data: 'after' })
    proxy.target = next.port
    proxy.open = true
    await live()
    await part('gap').waitFor()
    await part('event').nth(1).waitFor()
    t.same(await texts('data'), ['after', 'before'])
    t.same(
      await page.evaluate(`gathered.map(([type, detail]) =>
        type === 'ringcast-state' ? detail : type.slice(9))`),
      ['connecting', 'live', 'event', 'connecting', 'live', 'gap', 'event'],
    )
    for (const stream of next.hub.streams.values()) next.hub.end(stream, 'revoked', false)
    await part('closed').waitFor()
    t.equal(await part('state').textContent(), 'Ended')
  },
)

t.test('it says what it says in the words that it is given', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, part, live, texts } = await openFeed(t, browser!, app)
  await live()
  t.equal(await part('empty').textContent(), 'Nothing yet')
  await page.evaluate(`${feed}.words = {
    live: 'Verbunden', pause: 'Anhalten', empty: 'Noch nichts', waiting: (n) => n + ' warten',
  }`)
  t.same(await texts('state'), ['Verbunden'])
  t.same(await texts('empty'), ['Noch nichts'])
  await page.getByRole('button', { name: 'Anhalten' }).click()
  await push(app.url, { topic: 'n', data: 1 })
  await part('waiting').filter({ hasText: '1 warten' }).waitFor()
})

t.test(
  'it follows the page, light or dark, and moves for nobody who minds',
  { skip },
  async (t) => {
    const app = await startApp(t)
    await push(app.url, { topic: 'n', data: 'before' })
    const { page, part } = await openFeed(t, browser!, app, {
      head: '<meta name="color-scheme" content="light dark">',
    })
    await part('event').waitFor()
    const colour = `getComputedStyle(${feed}.shadowRoot.querySelector('[part~=data]')).color`
    const look = `getComputedStyle(${feed}.shadowRoot.querySelector('li.fresh')).animationName`
    t.equal(await page.evaluate(colour), 'rgb(0, 0, 0)')
    await page.emulateMedia({ colorScheme: 'dark' })
    t.equal(await page.evaluate(colour), 'rgb(255, 255, 255)')
    await push(app.url, { topic: 'n', data: 'new' })
    await part('event').nth(1).waitFor()
    t.equal(await page.evaluate(look), 'fresh')
    await page.emulateMedia({ reducedMotion: 'reduce' })
    t.equal(await page.evaluate(look), 'none')
  },
)

t.test('a list that scrolls is reached by keyboard', { skip }, async (t) => {
  const app = await startApp(t)
  const { page, part, live } = await openFeed(t, browser!, app, {
    body: `<style>ringcast-feed { --ringcast-max-height: 100px }</style>
      <ringcast-feed topic="n"></ringcast-feed>`,
  })
  await live()
  await push(
    app.url,
    Array.from({ length: 9 }, (_, data) => ({ topic: 'n', data })),
  )
  await part('event').nth(8).waitFor()
  await page.keyboard.press('Tab')
  await page.keyboard.press('Tab')
  t.equal(await page.evaluate(`${feed}.shadowRoot.activeElement.localName`), 'ol')
})
