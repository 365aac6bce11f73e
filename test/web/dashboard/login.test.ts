import t from 'tap'
import { startApp } from '../../helpers/app.js'
import { ask } from '../../helpers/ask.js'
import { whyNoChromium } from '../../helpers/chromium.js'
import { apiKey, inSeconds, jwtSecret, tokenOf } from '../../helpers/tokens.js'
import { openDashboard } from './open-dashboard.js'

const skip = whyNoChromium()

t.test('where credentials are set, who asks is asked first', { skip }, async (t) => {
  const app = await startApp(t, { apiKeys: [apiKey], jwtSecret })
  const { page, sentence, panel, complaints } = await openDashboard(t, app.url)
  const token = page.getByLabel('API key, or a token of an administrator')
  const said = page.getByRole('alert')
  const signIn = async (text: string): Promise<void> => {
    await token.fill(text)
    await page.keyboard.press('Enter')
  }
  await said.filter({ hasText: 'wants to know who asks' }).waitFor()
  t.equal(await token.getAttribute('type'), 'password')
  for (const text of ['wrong', 'nö', 'a b']) {
    await signIn(text)
    await said.filter({ hasText: 'does not know this token' }).waitFor()
    await token.fill('')
    await said.filter({ hasText: 'does not know' }).waitFor()
  }
  await signIn(await tokenOf({ sub: 'ann' }))
  await said.filter({ hasText: 'not an administrator’s' }).waitFor()
  await signIn(`Bearer ${apiKey}`)
  await sentence.filter({ hasText: 'open' }).waitFor()
  const form = panel('Push')
  t.match(await form.locator('code').textContent(), 'Bearer $RINGCAST_TOKEN')
  t.notMatch(await page.content(), apiKey, 'it is not shown')
  t.same(
    await page.evaluate(
      '[document.cookie, localStorage.length, sessionStorage.length, location.hash]',
    ),
    ['', 0, 0, ''],
    'no script can find it',
  )
  await page.reload()
  await sentence.filter({ hasText: 'open' }).waitFor()
  await page.getByRole('button', { name: 'Sign out' }).click()
  await said.filter({ hasText: 'Signed out' }).waitFor()
  await page.reload()
  await said.filter({ hasText: 'wants to know who asks' }).waitFor()
  t.same(complaints, [])
})

t.test('when the session ends, the login is back', { skip }, async (t) => {
  const app = await startApp(t, { jwtSecret })
  const { page, sentence } = await openDashboard(t, app.url)
  const token = await tokenOf({
    sub: 'ann',
    ringcast: { admin: true, subscribe: ['**'] },
    exp: inSeconds(3600),
  })
  await page.getByLabel('API key, or a token of an administrator').fill(token)
  await page.keyboard.press('Enter')
  await sentence.filter({ hasText: 'open' }).waitFor()
  const ended = await ask(`${app.url}/api/users/ann/streams`, {
    method: 'DELETE',
    headers: { authorization: `Bearer ${token}` },
  })
  t.equal(ended.status, 200)
  await page.getByRole('alert').filter({ hasText: 'The session is over' }).waitFor()
})

t.test('a browser that keeps no cookies is told so', { skip }, async (t) => {
  const app = await startApp(t, { apiKeys: [apiKey] })
  const { page } = await openDashboard(t, app.url)
  await page.route('**/api/session', (route) => route.fulfill({ status: 204 }))
  await page.getByLabel('API key, or a token of an administrator').fill(apiKey)
  await page.keyboard.press('Enter')
  await page.getByRole('alert').filter({ hasText: 'does not keep the cookie' }).waitFor()
})

t.test('the page itself has nothing that is secret, and lets nothing else in', async (t) => {
  const app = await startApp(t, { apiKeys: [apiKey] })
  const { status, headers, text } = await ask(app.url)
  t.equal(status, 200)
  t.equal(headers['content-type'], 'text/html; charset=utf-8')
  t.match(headers['content-security-policy'], "default-src 'none'; script-src 'self'")
  t.notMatch(headers['content-security-policy'], 'unsafe')
  t.notMatch(text, /<script>|style=|https?:/)
  t.match(headers['etag'], /^"/)
  const [, script] = /src="([^"]+)"/.exec(text)!
  t.match(script, /^assets\/dashboard-\w+\.js$/, 'relative')
  const asset = await ask(`${app.url}/${script!}`)
  t.equal(asset.headers['cache-control'], 'public, max-age=31536000, immutable')
  t.equal(asset.headers['content-type'], 'text/javascript; charset=utf-8')
  t.equal(asset.headers['x-content-type-options'], 'nosniff')
})
