import { constants } from 'node:os'
import type { UseCertificate } from './certificate.js'
import type { ProcessLog } from './process-log.js'

/**
 * A signal that comes again so soon, in milliseconds, is the same one: npm passes on what the terminal
 * sends to all of its processes.
 */
const sameSignalMs = 1000

/** What runs, as the process has it. */
export interface Running extends Ending {
  readonly useCertificate: UseCertificate
}

/** How a process ends. */
export interface Ending {
  /** Ends all without loss; rejects where that could not be. */
  readonly drain: () => Promise<void>
  /** Called before the process ends at once, for what would go on without it. */
  readonly endAtOnce?: () => void
}

/** The signals that end the service; without a certificate to renew SIGHUP does: its terminal is gone. */
export function endingSignals(hasCertificate: boolean): readonly NodeJS.Signals[] {
  return hasCertificate ? ['SIGTERM', 'SIGINT'] : ['SIGTERM', 'SIGINT', 'SIGHUP']
}

/** On each of these signals drains and exits with 0; a second one ends the process at once. */
export function endOnSignals(
  signals: readonly NodeJS.Signals[],
  { drain, endAtOnce }: Ending,
  { logger, exit }: ProcessLog,
): void {
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
      endWith(128 + constants.signals[signal], () => {
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
  for (const signal of signals) process.on(signal, end)
}

/**
 * Until the service listens each of these signals just ends the process: the log may be waited for, and
 * as the first process of a container nothing else would end it.
 *
 * @returns what ends that.
 */
export function endEarlyOnSignals(
  signals: readonly NodeJS.Signals[],
  { exit }: ProcessLog,
): () => void {
  let ended = false
  const end = (): void => {
    if (!ended) exit(0)
    ended = true
  }
  for (const signal of signals) process.on(signal, end)
  return () => {
    for (const signal of signals) process.off(signal, end)
  }
}
