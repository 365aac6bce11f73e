import { pino, type Logger } from 'pino'
import { PinoPretty as pretty } from 'pino-pretty'
import sonicBoom from 'sonic-boom'
import type { Settings } from './settings.js'

/** What waits for a slow reader of the log or a full disk, in bytes; what comes beyond is dropped. */
const logBacklogBytes = 4 * 1024 * 1024
/** After this time what could not be written is tried again, in milliseconds. */
const retryMs = 1000
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
    const destination = new sonicBoom.SonicBoom({ fd: process.stdout.fd, sync: true })
    destination.on('error', () => {
      // The terminal is gone: SIGHUP says so.
    })
    const logger = numbered(
      pino({ level, redact }, pretty({ destination, ignore: 'pid,hostname' })),
    )
    return { logger, exit: (code) => process.exit(code) }
  }
  // Written at once it would stop the event loop, 100 ms at a time, while its reader is slow. And not by
  // pino.destination: of a second error, as of a full disk, that lets the process end, and at the end it
  // tries to write what is left for ever.
  const destination = new sonicBoom.SonicBoom({
    fd: process.stdout.fd,
    maxLength: logBacklogBytes,
    ...(worker === undefined ? {} : { maxWrite: pipeBytes }),
  })
  const logger = numbered(pino({ level, redact }, destination))
  let dropped = 0
  let retry: NodeJS.Timeout | undefined
  destination
    .on('error', () => {
      // A full disk, or a reader that is gone. A line that is dropped would not try again.
      retry ??= setTimeout(() => {
        retry = undefined
        destination.write('')
      }, retryMs).unref()
    })
    .on('drop', () => dropped++)
    .on('drain', () => {
      if (dropped === 0) return
      const lines = dropped
      dropped = 0
      logger.warn(
        { lines },
        'lines of the log were dropped: nobody took them, or its disk was full',
      )
    })
  return {
    logger,
    exit: (code) => {
      setTimeout(() => process.exit(code), logEndMs)
      destination.once('close', () => process.exit(code))
      destination.end()
      // It throws once it is closed.
      destination.write = () => true
      destination.end = () => {}
    },
  }
}
