import type { Curls } from './curl.js'
import { copyButton, h } from './dom.js'

/** What a service shows to which nothing was pushed yet: the two commands to begin with. */
export function welcome(curls: Curls): HTMLElement {
  const commands = [
    ['Listen, in one terminal:', curls.listen(['hello'])],
    ['Push, in another:', curls.push({ topic: 'hello', data: 'Hello, world' })],
  ] as const
  return h(
    'section',
    { class: 'panel welcome', 'aria-label': 'To begin with' },
    h('h2', {}, 'Nothing has been pushed yet'),
    ...commands.flatMap(([text, command]) => [
      h('p', {}, text),
      h(
        'div',
        { class: 'command' },
        h('pre', {}, h('code', {}, command)),
        copyButton('Copy', () => command),
      ),
    ]),
  )
}
