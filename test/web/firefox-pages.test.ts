import t from 'tap'
import { push, startApp } from '../helpers/app.js'
import { startFirefox, whyNoFirefox } from '../helpers/firefox.js'
import { openDashboard } from './dashboard/open-dashboard.js'
import { openFeed } from './feed-page.js'

t.test('what the service shows, in Firefox', { skip: whyNoFirefox() }, async (t) => {
  const browser = await startFirefox(t)

  t.test('the dashboard shows what comes, and pushes', async (t) => {
    const app = await startApp(t)
    await push(app.url, { topic: 'orders/1', event: 'paid', data: { a: 1 } })
    const { panel, records, sentence, complaints } = await openDashboard(t, app.url, browser)
    await records.filter({ hasText: '{"a":1}' }).waitFor()
    await sentence.filter({ hasText: '1 stream is open, and there were no gaps' }).waitFor()
    t.equal(await panel('Figures').locator('canvas').count(), 4)
    await panel('Push').getByLabel('Data').fill('from the form')
    await panel('Push').getByRole('button', { name: 'Push' }).click()
    await records.filter({ hasText: 'from the form' }).waitFor()
    await records.first().locator('summary').click()
    await records.first().getByRole('button', { name: 'Copy curl' }).waitFor()
    t.same(complaints, [])
  })

  t.test('the feed shows what comes, the newest on top', async (t) => {
    const app = await startApp(t)
    await push(app.url, { topic: 'n', data: 'first' })
    const { page, part, live, texts } = await openFeed(t, browser, app)
    await live()
    await push(app.url, { topic: 'n', data: { hostile: '<b>' } })
    await part('event').nth(1).waitFor()
    t.same(await texts('data'), ['{ "hostile": "<b>" }', 'first'])
    await page.close()
  })
})
