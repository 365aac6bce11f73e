import { field, h, setText } from './dom.js'
import { ask, ServiceError } from './service.js'

/**
 * Asks for a token until it is one of an administrator. It goes to the service once, which answers with
 * a cookie that no script can read; the page keeps nothing.
 *
 * @param why said above the form.
 */
export function login(why: string): Promise<void> {
  const input = h('input', {
    type: 'password',
    name: 'token',
    autocomplete: 'off',
    spellcheck: 'false',
    required: true,
  })
  const said = h('p', { role: 'alert', class: 'said' }, why)
  const button = h('button', { type: 'submit' }, 'Sign in')
  const form = h(
    'form',
    { class: 'login' },
    h('h1', {}, 'Ringcast'),
    said,
    field('API key, or a token of an administrator', input),
    button,
  )
  document.body.replaceChildren(h('main', { class: 'alone' }, form))
  input.focus()
  return new Promise((resolve) => {
    form.addEventListener('submit', (event) => {
      event.preventDefault()
      button.disabled = true
      signIn(tokenIn(input.value))
        .then(resolve, (error: unknown) => {
          setText(said, messageOf(error))
          said.classList.add('wrong')
          input.select()
        })
        .finally(() => {
          button.disabled = false
        })
    })
  })
}

/** Ends the session. */
export async function signOut(): Promise<void> {
  await ask('api/session', { method: 'DELETE' })
}

/** The token alone, as it may have been copied: with quotes, or with the word before it. */
function tokenIn(text: string): string {
  return text
    .trim()
    .replace(/^Bearer\s+/i, '')
    .replace(/^(["'])(.*)\1$/, '$2')
}

async function signIn(token: string): Promise<void> {
  if (!/^[\x21-\x7e]+$/.test(token)) throw new ServiceError(401, 'this is no token')
  // First whether it may, so that no session is begun that is worth nothing here.
  await ask('api/stats', { token })
  await ask('api/session', { method: 'POST', token })
  // A browser that keeps no cookies would ask again and again.
  await ask('api/stats').catch((error: unknown) => {
    if (!(error instanceof ServiceError) || error.status !== 401) throw error
    throw new ServiceError(0, 'this browser does not keep the cookie of the session')
  })
}

function messageOf(error: unknown): string {
  if (!(error instanceof ServiceError)) throw error
  if (error.status === 401) return 'The service does not know this token.'
  if (error.status === 403) return 'This token is not an administrator’s.'
  return `Not signed in: ${error.message}.`
}
