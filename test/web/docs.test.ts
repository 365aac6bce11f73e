import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import t, { type Test } from 'tap'
import type { BrowserContext, Locator, Page } from 'playwright-core'
import { startApp, type RunningApp } from '../helpers/app.js'
import { startChromium, whyNoChromium } from '../helpers/chromium.js'
import { openApiOf } from '../helpers/openapi.js'
import { apiKey, bearer } from '../helpers/tokens.js'

const skip = whyNoChromium()

/** The page, and what went wrong in it. */
interface Docs {
  readonly page: Page
  /** What the browser complained of, and what it asked for elsewhere. */
  readonly complaints: readonly string[]
  /** Opens an operation. */
  readonly unfold: (operationId: string) => Promise<Locator>
}

async function openDocs(browser: BrowserContext, url: string): Promise<Docs> {
  const page = await browser.newPage()
  const complaints: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => complaints.push(message.text()))
  page.on('request', (asked) => {
    const isHere = asked.url().startsWith(new URL('.', url).href) || asked.url().startsWith('data:')
    if (!isHere) complaints.push(asked.url())
  })
  await page.goto(url)
  await page.locator('.opblock').first().waitFor()
  return {
    page,
    complaints,
    unfold: async (operationId) => {
      const block = page.locator(`[id$="-${operationId}"].opblock`)
      await block.locator('.opblock-summary-control').first().click()
      await block.locator('.responses-inner').waitFor()
      return block
    },
  }
}

/** A proxy that has the service under `/push/`. */
async function startProxy(t: Test, app: RunningApp): Promise<string> {
  const server = createServer((asked, answer) => {
    const path = asked.url!.replace(/^\/push\//, '/')
    if (path === asked.url) {
      answer.writeHead(404).end()
      return
    }
    const { method, headers } = asked
    const passed = request({ port: app.port, path, method, headers }, (got) => {
      answer.writeHead(got.statusCode!, got.headers)
      got.pipe(answer)
    })
    asked.pipe(passed)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  t.teardown(() => {
    server.closeAllConnections()
    server.close()
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/push/`
}

t.test('the page of the API', { skip }, async (t) => {
  const browser = await startChromium(t)

  await t.test('it shows every operation, and tries out no stream', async (t) => {
    const app = await startApp(t)
    const { operations } = await openApiOf(app)
    const { page, complaints, unfold } = await openDocs(browser, `${app.url}/docs`)
    const shown = await page.evaluate<string[]>(
      '[...document.querySelectorAll(".opblock")].map(({ id }) => id)',
    )
    t.same(
      shown.map((id) => id.split('-').slice(2).join('-')).sort(),
      operations.map(({ operationId }) => operationId).sort(),
    )
    for (const id of ['events', 'webSocket']) {
      t.equal(await (await unfold(id)).locator('.try-out').count(), 0, id)
    }
    t.same(complaints, [], 'nothing went wrong, and nothing was asked for elsewhere')
  })

  await t.test(
    'with a key typed in it tries out what is no stream; under a path as well',
    async (t) => {
      const app = await startApp(t, { apiKeys: [apiKey] })
      const url = await startProxy(t, app)
      const { page, unfold, complaints } = await openDocs(browser, `${url}docs?token=${apiKey}`)
      await page.getByRole('button', { name: 'Authorize' }).first().click()
      const dialog = page.locator('.dialog-ux')
      t.equal(await dialog.locator('.auth-container input').count(), 1, 'one way to say who one is')
      await dialog.locator('input').fill(apiKey)
      await dialog.getByRole('button', { name: /Apply|Authorize/ }).click()
      await dialog.getByRole('button', { name: 'Close' }).first().click()
      const block = await unfold('history')
      await block.locator('.try-out button').click()
      const asked = page.waitForRequest(/api\/history/)
      await block.getByRole('button', { name: 'Execute' }).click()
      const sent = await asked
      t.match(sent.url(), `${url}api/history?`)
      t.match(await sent.allHeaders(), bearer(apiKey))
      await block
        .locator('.live-responses-table .response-col_status', { hasText: '200' })
        .waitFor()
      t.same(
        await page.evaluate('[document.cookie, localStorage.length, sessionStorage.length]'),
        ['', 0, 0],
        'the key is kept in memory alone',
      )
      t.same(complaints, [])
    },
  )
})
