import type { Certificate } from './certificate.js'
import type { ProcessLog } from './process-log.js'

/**
 * A signal that comes again so soon, in milliseconds, is the same one: npm passes on what the terminal
 * sends to all of its processes.
 */
const sameSignalMs = 1000

/** What runs, as the process has it. */
export interface Running extends Ending {
  /** Shows this certificate on connections that come from now on. */
  readonly useCertificate: (certificate: Certificate) => void
}

/** How a process ends. */
export interface Ending {
  /** Ends all without loss; rejects where that could not be. */
  readonly drain: () => Promise<void>
  /** Called before the process ends at once, for what would go on without it. */
  readonly endAtOnce?: () => void
}

/** On SIGTERM or SIGINT drains and exits with 0; a second signal ends the process at once. */
export function endOnSignals({ drain, endAtOnce }: Ending, { logger, exit }: ProcessLog): void {
  let drainingSince: number | undefined
  let ended = false
  const endWith = (code: number, tell: () => void): void => {
    // The log is closed by then.
    if (ended) return
    ended = true
    tell()
    exit(code)
  }
  const end = (signal: NodeJS.Signals): void => {
    const now = performance.now()
    if (drainingSince !== undefined) {
      if (now - drainingSince < sameSignalMs) return
      endWith(128 + (signal === 'SIGTERM' ? 15 : 2), () => {
        logger.warn(`${signal} again: ending at once`)
        endAtOnce?.()
      })
      return
    }
    drainingSince = now
    logger.info(`${signal}: draining`)
    drain().then(
      () => {
        endWith(0, () => {
          logger.info('drained')
        })
      },
      (error: unknown) => {
        endWith(1, () => {
          logger.error(error, 'the drain failed')
        })
      },
    )
  }
  process.on('SIGTERM', end).on('SIGINT', end)
}

/**
 * Until the service listens a signal just ends the process: the log may be waited for, and as the
 * first process of a container nothing else would end it.
 *
 * @returns what ends that.
 */
export function endEarlyOnSignals({ exit }: ProcessLog): () => void {
  let ended = false
  const end = (): void => {
    if (!ended) exit(0)
    ended = true
  }
  process.on('SIGTERM', end).on('SIGINT', end)
  return () => {
    process.off('SIGTERM', end).off('SIGINT', end)
  }
}
