import { pino, type Logger } from 'pino'
import { PinoPretty as pretty } from 'pino-pretty'
import type { Settings } from './settings.js'

/** What waits for a slow reader of the log, in bytes; what comes beyond is dropped. */
const logBacklogBytes = 4 * 1024 * 1024
/** How long the end of the process waits for that reader, in milliseconds. */
const logEndMs = 500
/** So many bytes go into a pipe as one (POSIX), whoever else writes to it. */
const pipeBytes = 4096

/**
 * What a line never says. Nothing logs these on purpose: it is for what an error of a package may carry
 * along, the one thing in a line that has parts. (Named by `*`, they would make each line cost five times
 * as much.)
 */
const secrets = ['authorization', 'cookie', 'password', 'token', 'ticket', 'key', 'secret']
export const redact = {
  paths: secrets.flatMap((name) => [name, `err.${name}`, `err.*.${name}`]),
  censor: '[redacted]',
}

/** The log, and how the process ends once the last lines are out. */
export interface ProcessLog {
  readonly logger: Logger
  readonly exit: (code: number) => void
}

/**
 * Lines for people on a terminal, JSON elsewhere.
 *
 * @param worker the number that lines carry, where several processes write to one log.
 */
export function openLogger({ logLevel: level }: Settings, worker?: number): ProcessLog {
  const numbered = (logger: Logger): Logger =>
    worker === undefined ? logger : logger.child({ worker })
  if (process.stdout.isTTY) {
    // Written at once, not by a thread of its own: the last lines of a process come out too.
    const ignore = 'pid,hostname'
    const logger = numbered(pino({ level, redact }, pretty({ sync: true, ignore })))
    return { logger, exit: (code) => process.exit(code) }
  }
  // Written at once it would stop the event loop, 100 ms at a time, while its reader is slow.
  const destination = pino.destination({
    sync: false,
    maxLength: logBacklogBytes,
    ...(worker === undefined ? {} : { maxWrite: pipeBytes }),
  })
  return {
    logger: numbered(pino({ level, redact }, destination)),
    // Not flushSync: with a reader that is gone it tries for ever.
    exit: (code) => {
      setTimeout(() => process.exit(code), logEndMs)
      destination.once('close', () => process.exit(code))
      destination.end()
    },
  }
}
