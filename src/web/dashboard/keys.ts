/** What a key does, by what it types. */
export type Keys = Readonly<Record<string, () => void>>

/** Listens to single keys, where they are not typed into something; until `signal` is aborted. */
export function listenToKeys(keys: Keys, signal: AbortSignal): void {
  addEventListener(
    'keydown',
    (event) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return
      const target = event.target as Element
      if (target.closest('input, textarea, select') !== null) {
        if (event.key === 'Escape') (target as HTMLElement).blur()
        return
      }
      const act = keys[event.key]
      if (act === undefined) return
      event.preventDefault()
      act()
    },
    { signal },
  )
}
