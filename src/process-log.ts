import { writeSync } from 'node:fs'
import { Writable } from 'node:stream'
import { pino, type Logger } from 'pino'
import { PinoPretty as pretty } from 'pino-pretty'
import { LineSink } from './line-sink.js'
import type { Settings } from './settings.js'

/** So many bytes are written at once… */
const mostAtOnce = 16 * 1024
/** …and so many into a pipe that others write to: they go in as one (POSIX). */
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
  const descriptor = process.stdout.fd
  if (process.stdout.isTTY) {
    // Written at once, not by a thread of its own: the last lines of a process come out too.
    const destination = new Writable({
      write(text: Buffer, _encoding, done) {
        try {
          writeSync(descriptor, text)
        } catch {
          // The terminal is gone: SIGHUP says so.
        }
        done()
      },
    })
    const options = { destination, ignore: 'pid,hostname' }
    const logger = numbered(pino({ level, redact }, pretty(options)))
    return { logger, exit: (code) => process.exit(code) }
  }
  // Written at once it would stop the event loop, 100 ms at a time, while its reader is slow.
  const sink = new LineSink(descriptor, {
    mostAtOnce: worker === undefined ? mostAtOnce : pipeBytes,
    onDropped: (lines) => {
      const why = 'nobody took them, or its disk was full'
      logger.warn({ lines }, `lines of the log were dropped: ${why}`)
    },
  })
  const logger = numbered(pino({ level, redact }, sink))
  return {
    logger,
    exit: (code) => {
      sink.end(() => process.exit(code))
    },
  }
}
