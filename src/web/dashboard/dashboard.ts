import { h } from './dom.js'
import type { Figures } from './figures.js'
import { login } from './login.js'
import { Page } from './page.js'
import { Samples } from './samples.js'
import { ask, ServiceError } from './service.js'

/** How long until the service is asked again that did not answer, in milliseconds. */
const askAgainMs = 2_000

/** They outlive a session that ends. */
const samples = new Samples()

void begin('The service wants to know who asks.')

/** Shows the dashboard, after its login where there is one. */
async function begin(why: string): Promise<void> {
  for (;;) {
    try {
      const page = new Page(
        await ask<Figures>('api/stats'),
        samples,
        (reason) => void begin(reason),
      )
      document.body.replaceChildren(...page.elements)
      page.start()
      return
    } catch (error) {
      if (!(error instanceof ServiceError)) throw error
      if (error.isAboutCredentials) await login(why)
      else await notAnswering(error)
    }
  }
}

async function notAnswering({ message }: ServiceError): Promise<void> {
  const text = `Not loaded: ${message}.`
  // An alert that is there again is read out again.
  if (document.querySelector('.alone [role=alert]')?.textContent !== text) {
    document.body.replaceChildren(
      h('main', { class: 'alone' }, h('h1', {}, 'Ringcast'), h('p', { role: 'alert' }, text)),
    )
  }
  await new Promise((resolve) => setTimeout(resolve, askAgainMs))
}
