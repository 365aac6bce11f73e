import t from 'tap'
import type { Figures as Told } from '../../../dist/metrics/figures.js'
import type { Figures } from '../../../src/web/dashboard/figures.js'
import { healthOf } from '../../../src/web/dashboard/health.js'
import { startApp } from '../../helpers/app.js'
import { ask } from '../../helpers/ask.js'

/** The page has its own types of what it is told, since nothing of the service runs in it: these fit. */
const asRead = (figures: Told): Figures => figures

t.test('what the service tells is what the page reads', async (t) => {
  const app = await startApp(t)
  const figures = (await ask(`${app.url}/api/stats`)).json as unknown as Told
  t.match(healthOf(asRead(figures)).sentence, /^No streams are open/)
})
