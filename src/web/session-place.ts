import type { Place } from './cursor.js'

/** Keeps a place for the tab, in `sessionStorage`; nowhere, where the page may not use that. */
export function sessionPlace(key: string): Place {
  return {
    load() {
      try {
        return sessionStorage.getItem(key) ?? undefined
      } catch {
        // The page begins anew after a reload.
        return undefined
      }
    },
    save(id) {
      try {
        sessionStorage.setItem(key, id)
      } catch {
        // As above, or the storage is full.
      }
    },
  }
}
