import { h, setText } from './dom.js'
import { signOut } from './login.js'

/** The line on top: which node and version it is, and the way out of the session. */
export class TopBar {
  readonly #about = h('span', { class: 'muted', title: 'Node and version' })
  readonly element: HTMLElement

  /**
   * @param hasSession whether there is a session to leave.
   * @param leave called when it was left.
   */
  constructor(hasSession: boolean, leave: (why: string) => void) {
    const out = h('button', { type: 'button', class: 'quiet' }, 'Sign out')
    out.addEventListener('click', () => {
      signOut().then(
        () => {
          leave('Signed out.')
        },
        (error: unknown) => {
          out.textContent = `Not signed out: ${(error as Error).message}`
        },
      )
    })
    this.element = h(
      'header',
      { class: 'top' },
      h('h1', {}, 'Ringcast'),
      this.#about,
      hasSession ? out : undefined,
    )
  }

  /** Says which node and version it is. */
  about(text: string): void {
    setText(this.#about, text)
  }
}
