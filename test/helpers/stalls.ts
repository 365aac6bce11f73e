import type { Lifetime } from './lifetime.js'

/** How often it is looked whether the process runs, in milliseconds. */
const lookMs = 20

/**
 * For how long, from now on, this process did not get to run, in milliseconds, as far as that was more
 * than a moment: what a bound has to allow for on a machine that does something else, where what is
 * bounded is done by this process.
 */
export function watchStalls(t: Lifetime): () => number {
  let [last, stalledMs] = [performance.now(), 0]
  const look = (): void => {
    const now = performance.now()
    stalledMs += Math.max(0, now - last - 2 * lookMs)
    last = now
  }
  const timer = setInterval(look, lookMs)
  t.teardown(() => clearInterval(timer))
  return () => {
    look()
    return stalledMs
  }
}
