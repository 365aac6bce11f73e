import type { Io } from './io.js'

/** How far a push has come, shown on one line that is written over and over. */
export interface Progress {
  show(events: number): void
  /** Takes the line away, for what is said next. */
  clear(): void
}

const eraseLine = '\r\u001b[K'
const everyMs = 200

/** Shows progress on standard error when that is a terminal, and nothing otherwise. */
export function openProgress(io: Io): Progress {
  if (io.stderr.isTTY !== true) return { show: () => undefined, clear: () => undefined }
  const startedAt = io.now()
  let shownAt = Number.NEGATIVE_INFINITY
  return {
    show(events) {
      const now = io.now()
      if (now - shownAt < everyMs) return
      shownAt = now
      const rate = Math.round((events * 1000) / Math.max(1, now - startedAt))
      io.stderr.write(`${eraseLine}${events} events, ${rate} events/s`)
    },
    clear: () => void io.stderr.write(eraseLine),
  }
}
