import { setTimeout as pause } from 'node:timers/promises'

/**
 * Resolves as soon as the condition holds; it is asked every 20 ms. Rejects after `timeoutMs`,
 * 60 s by default, with a message that names what was awaited.
 */
export async function until(
  condition: () => boolean | Promise<boolean>,
  what: string,
  timeoutMs = 60_000,
): Promise<void> {
  const deadline = performance.now() + timeoutMs
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`waited ${timeoutMs} ms in vain: ${what}`)
    await pause(20)
  }
}
