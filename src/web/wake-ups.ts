/** Why a connection may be worth a look at once: the network came back, or the page is seen again. */
export type WakeUp = 'online' | 'seen'

/** Calls back at each, until the signal; never where there is no window or document that tells. */
export function onWakeUp(listener: (why: WakeUp) => void, signal: AbortSignal): void {
  const { addEventListener, document } = globalThis as Partial<typeof globalThis>
  addEventListener?.('online', () => listener('online'), { signal })
  document?.addEventListener(
    'visibilitychange',
    () => {
      if (document.visibilityState === 'visible') listener('seen')
    },
    { signal },
  )
}
