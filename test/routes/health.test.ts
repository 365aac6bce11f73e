import t from 'tap'
import { startApp } from '../helpers/app.js'
import { ask } from '../helpers/ask.js'

t.test('a node is up and ready until it drains, and then up', async (t) => {
  const app = await startApp(t)
  t.match(await ask(`${app.url}/livez`), { status: 200, json: { status: 'up' } })
  t.match(await ask(`${app.url}/readyz`), { status: 200, json: { status: 'ready' } })
  const drained = app.hub.drain(500)
  t.match(await ask(`${app.url}/livez`), { status: 200, json: { status: 'up' } })
  t.match(await ask(`${app.url}/readyz`), { status: 503, json: { status: 'draining' } })
  await drained
})

t.test('health can be asked with HEAD', async (t) => {
  const app = await startApp(t)
  t.match(await ask(`${app.url}/livez`, { method: 'HEAD' }), { status: 200, text: '' })
  t.match(await ask(`${app.url}/readyz`, { method: 'HEAD' }), { status: 200, text: '' })
  const drained = app.hub.drain(500)
  t.match(await ask(`${app.url}/readyz`, { method: 'HEAD' }), { status: 503, text: '' })
  await drained
})
