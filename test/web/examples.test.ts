import { execFile } from 'node:child_process'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { startApp, type RunningApp } from '../helpers/app.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { readmeCommands, readmePage } from '../helpers/readme-page.js'
import { startSite } from './tab.js'

const skip = whyNoChromium()
const browser = skip === false ? await startChromium(t) : undefined

/** Opens a page of the README on a site of its own. */
async function openPage(
  t: Test,
  app: RunningApp,
  title: string,
  changed: (html: string) => string = (html) => html,
): Promise<Page> {
  const html = changed(readmePage(title, app.port))
  const url = await startSite(
    t,
    () => app.url,
    () => html,
  )
  const page = await browser!.newPage()
  t.teardown(() => page.close())
  await page.goto(url)
  return page
}

/** Runs the command below a heading of the README, as it stands there. */
async function runCommand(app: RunningApp, heading: string): Promise<void> {
  const [command] = readmeCommands(heading, app.port)
  const { stdout } = await promisify(execFile)('sh', ['-ec', command!])
  if (!stdout.startsWith('{"id":')) throw new Error(stdout)
}

t.test('an announcement reaches everyone, and who comes later', { skip }, async (t) => {
  const app = await startApp(t)
  const early = await openPage(t, app, 'Announcements')
  await early.getByText('Live').waitFor()
  await runCommand(app, 'An announcement to everyone')
  for (const page of [early, await openPage(t, app, 'Announcements')]) {
    await page.getByText('Tonight from 22:00 to 22:15 we are away.').first().waitFor()
    t.equal(await page.locator('[part=name]').textContent(), 'maintenance')
  }
})

t.test('an order’s status changes for its user, before and after a reload', { skip }, async (t) => {
  const app = await startApp(t)
  const heading = 'An order whose status changes, for one user'
  const page = await openPage(t, app, 'Order 42')
  const status = page.locator('#status')
  const ofBob = await openPage(t, app, 'Order 42', (html) => html.replace('ada', 'bob'))
  t.equal(await status.textContent(), 'no news')
  await runCommand(app, heading)
  await status.filter({ hasText: 'shipped' }).waitFor()
  await page.reload()
  await status.filter({ hasText: 'shipped' }).waitFor()
  t.equal(await ofBob.locator('#status').textContent(), 'no news')
})

t.test('an agent’s message reaches one user, by the page’s own template', { skip }, async (t) => {
  const app = await startApp(t)
  const page = await openPage(t, app, 'Messages')
  const ofBob = await openPage(t, app, 'Messages', (html) => html.replace('=ada', '=bob'))
  for (const each of [page, ofBob]) await each.getByText('Live').waitFor()
  await runCommand(app, 'An order whose status changes, for one user')
  await runCommand(app, "A support agent's message to one user")
  const rows = page.locator('[part=event]')
  await rows.nth(1).waitFor()
  t.match(await rows.first().textContent(), /^\s*Kim wrote: Your refund is on its way\.\s*$/)
  t.match(await rows.nth(1).textContent(), /^order .*"shipped"/, 'the others as they are')
  t.equal(await page.title(), 'Kim wrote to you')
  await ofBob.getByText('Nothing yet').waitFor()
})

t.test('opened as a file, a page stays without, as the README says', { skip }, async (t) => {
  const app = await startApp(t)
  const directory = await mkdtemp(join(tmpdir(), 'ringcast-'))
  t.teardown(() => rm(directory, { recursive: true }))
  const path = join(directory, 'announcements.html')
  await writeFile(path, readmePage('Announcements', app.port))
  const page = await browser!.newPage()
  t.teardown(() => page.close())
  const asked = page.waitForRequest((request) => request.method() === 'HEAD')
  await page.goto(pathToFileURL(path).href)
  // It asks what the refusal meant, and is refused that too.
  await asked
  t.equal(await page.locator('[part~=state]').textContent(), 'Connecting…')
  t.equal(app.hub.stats.transports.sse.opened, 0)
})
