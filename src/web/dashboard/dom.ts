/** What an element is made with: attributes, and listeners as `onclick` and the like. */
type Properties = Readonly<Record<string, string | number | boolean | undefined | EventHandler>>
type EventHandler = (event: Event) => void
type Child = Node | string | undefined

/**
 * Makes an element. `true` sets an attribute without a value, `false` and `undefined` none. Text is
 * always text: nothing here reads HTML.
 */
export function h<Name extends keyof HTMLElementTagNameMap>(
  name: Name,
  properties: Properties = {},
  ...children: Child[]
): HTMLElementTagNameMap[Name] {
  const element = document.createElement(name)
  for (const [key, value] of Object.entries(properties)) {
    if (typeof value === 'function') element.addEventListener(key.replace(/^on/, ''), value)
    else if (value !== undefined && value !== false)
      element.setAttribute(key, value === true ? '' : String(value))
  }
  element.append(...children.filter((child) => child !== undefined))
  return element
}

/** Sets the text of an element, if it is another one: what has not changed is not drawn again. */
export function setText(element: Element, text: string): void {
  if (element.textContent !== text) element.textContent = text
}

/**
 * Makes these the children of an element, each moved only where it has to be. While one of them is
 * pointed at or has the focus they keep their order, lest a click meets another one: what is new comes
 * last.
 */
export function arrange(parent: Element, children: readonly Element[]): void {
  const wanted = new Set(children)
  for (const child of [...parent.children]) if (!wanted.has(child)) child.remove()
  const isHeld = parent.matches(':hover, :focus-within')
  const order = isHeld ? new Set([...parent.children, ...children]) : wanted
  for (const [i, child] of [...order].entries()) {
    if (parent.children[i] !== child) parent.insertBefore(child, parent.children[i] ?? null)
  }
}

/** A panel of the page: a titled region, with what belongs into its head. */
export function panel(
  name: string,
  title: string,
  head: readonly Child[],
  ...children: Child[]
): HTMLElement {
  const heading = h('h2', { id: `${name}-title` }, title)
  return h(
    'section',
    { class: `panel ${name}`, 'aria-labelledby': `${name}-title` },
    h('header', {}, heading, ...head),
    ...children,
  )
}

/** A labelled field. */
export function field(label: string, input: HTMLElement): HTMLLabelElement {
  return h('label', { class: 'field' }, h('span', {}, label), input)
}

/** A button that copies a text, and says so for a moment. */
export function copyButton(label: string, text: () => string): HTMLButtonElement {
  const button = h('button', { type: 'button', class: 'quiet' }, label)
  button.addEventListener('click', () => {
    copy(text()).then(
      () => {
        say('Copied')
      },
      () => {
        say('Not copied: the browser does not let this page')
      },
    )
  })
  const say = (word: string): void => {
    button.textContent = word
    setTimeout(() => (button.textContent = label), 2_000)
  }
  return button
}

/** The Clipboard API is there only on https and on this machine; elsewhere the old way has to do. */
async function copy(text: string): Promise<void> {
  const { clipboard } = navigator as { clipboard?: Clipboard }
  if (clipboard !== undefined) {
    await clipboard.writeText(text)
    return
  }
  const area = h('textarea', { class: 'off-screen', readonly: true })
  area.value = text
  document.body.append(area)
  area.select()
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- there is no other one
  const copied = document.execCommand('copy')
  area.remove()
  if (!copied) throw new Error('not copied')
}
