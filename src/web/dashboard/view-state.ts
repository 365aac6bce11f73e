/** What of the page is kept in its URL, behind the `#`: so that it can be bookmarked and sent. */
export type ViewName =
  | 'tail'
  | 'find'
  | 'paused'
  | 'user'
  | 'topic'
  | 'node'
  | 'sort'
  | 'minutes'
  | 'event'
  | 'who'
  | 'stream'

/** The state of the page, in its URL. No credential is ever part of it. */
export class ViewState {
  readonly #listeners: (() => void)[] = []

  /** @param signal ends the listening. */
  constructor(signal: AbortSignal) {
    // Going back and forth, or a URL typed in.
    addEventListener(
      'hashchange',
      () => {
        for (const listener of this.#listeners) listener()
      },
      { signal },
    )
  }

  /** Empty where it is not set. */
  get(name: ViewName): string {
    return new URLSearchParams(location.hash.slice(1)).get(name) ?? ''
  }

  /** Sets some, and leaves the rest; what is empty is taken out. */
  set(values: Partial<Record<ViewName, string>>): void {
    const all = new URLSearchParams(location.hash.slice(1))
    for (const [name, value] of Object.entries(values)) {
      if (value === '') all.delete(name)
      else all.set(name, value)
    }
    // Typing would fill the history: the place is changed without a new entry.
    const hash = all.toString()
    history.replaceState(null, '', hash === '' ? location.pathname + location.search : `#${hash}`)
  }

  /** Tells of a state that came from the URL. */
  onChange(listener: () => void): void {
    this.#listeners.push(listener)
  }
}
