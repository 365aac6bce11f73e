import { lookup } from 'node:dns/promises'
import { pino, type Logger } from 'pino'
import { PinoPretty as pretty } from 'pino-pretty'
import { buildApp, type App } from './app.js'
import { hasCredentials } from './auth/credential-settings.js'
import { isLoopbackAddress } from './auth/loopback.js'
import { keepDescriptors } from './descriptors.js'
import { RingcastError } from './errors.js'
import { seldom } from './limits/seldom.js'
import { LogOpenError } from './logs/log-open-error.js'
import { SettingsError, type Settings } from './settings.js'

/**
 * Runs the service as this process: listens, and on SIGTERM or SIGINT drains and exits with 0; a
 * second signal ends it at once. What keeps it from listening is one line, and exit code 1.
 *
 * @throws SettingsError when the service is open and asked to listen beyond this machine.
 */
export async function serve(settings: Settings): Promise<void> {
  await refuseOpenBind(settings)
  const { logger, exit } = openLogger(settings)
  let app: App
  let ended = false
  const endEarly = (): void => {
    if (!ended) exit(0)
    ended = true
  }
  // The log may be waited for, and as the first process of a container nothing else would end it.
  process.on('SIGTERM', endEarly).on('SIGINT', endEarly)
  try {
    app = await buildApp(settings, { logger })
    await app.http.listen({
      // Of `localhost` Fastify would make two servers, of which all that is done to one misses the other.
      host: settings.host === 'localhost' ? (await lookup('localhost')).address : settings.host,
      port: settings.port,
      // All clients of a node that went come at once; the kernel keeps what its somaxconn allows.
      backlog: 4096,
      listenTextResolver: (address) => `listening on ${address}`,
    })
  } catch (error) {
    process.stderr.write(`ringcast: ${whyNotListening(error, settings)}\n`)
    process.exit(1)
  }
  process.off('SIGTERM', endEarly).off('SIGINT', endEarly)
  watchConnections(app, logger)
  endOnSignals(app, logger, exit)
}

/** What keeps a connection from being accepted is one line in a while, and no end of the process. */
function watchConnections({ http: { server } }: App, logger: Logger): void {
  const tellRefused = seldom<number | undefined>((connections, refused) => {
    logger.warn(
      { connections, refused },
      'connections refused: no descriptors are left for them; raise "ulimit -n", or set MAX_STREAMS below it',
    )
  })
  keepDescriptors(server, () => tellRefused(server.maxConnections))
  const tellFailed = seldom<Error>((error, failed) => {
    logger.warn({ err: error, failed }, 'a connection could not be accepted')
  })
  server.on('error', tellFailed)
}

/** Open means this machine alone: beyond it, everybody who can reach the service could push. */
async function refuseOpenBind(settings: Settings): Promise<void> {
  const { anonymous, host } = settings
  if (anonymous === 'all' || hasCredentials(settings)) return
  const addresses = await lookup(host, { all: true }).catch(() => [])
  if (addresses.every(({ address }) => isLoopbackAddress(address))) return
  throw new SettingsError(
    `HOST ${host} can be reached from other machines, and without credentials anyone there could push and listen: ` +
      'set a key (RINGCAST_API_KEYS="$(openssl rand -hex 24)", or JWT_SECRET, JWT_PUBLIC_KEY, JWKS_URL), ' +
      'use HOST 127.0.0.1, or set RINGCAST_ANONYMOUS=all (--anonymous all) to mean it',
  )
}

/** What waits for a slow reader of the log, in bytes; what comes beyond is dropped. */
const logBacklogBytes = 4 * 1024 * 1024
/** How long the end of the process waits for that reader, in milliseconds. */
const logEndMs = 500

/** The log, and how the process ends once the last lines are out. */
interface Log {
  readonly logger: Logger
  readonly exit: (code: number) => void
}

/** Lines for people on a terminal, JSON elsewhere. */
function openLogger({ logLevel: level }: Settings): Log {
  if (process.stdout.isTTY) {
    // Written at once, not by a thread of its own: the last lines of a process come out too.
    const logger = pino({ level }, pretty({ sync: true, ignore: 'pid,hostname,reqId' }))
    return { logger, exit: (code) => process.exit(code) }
  }
  // Written at once it would stop the event loop, 100 ms at a time, while its reader is slow.
  const destination = pino.destination({ sync: false, maxLength: logBacklogBytes })
  return {
    logger: pino({ level }, destination),
    // Not flushSync: with a reader that is gone it tries for ever.
    exit: (code) => {
      setTimeout(() => process.exit(code), logEndMs)
      destination.once('close', () => process.exit(code))
      destination.end()
    },
  }
}

function whyNotListening(error: unknown, { host, port }: Settings): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (error instanceof LogOpenError || error instanceof RingcastError) return message
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is in use: stop what listens there, or choose another (npm start -- --port ${port + 1})`
    case 'EACCES':
      return `port ${port} may not be used by this user: choose one above 1023 with --port`
    default:
      return `cannot listen on ${host}, port ${port}: ${message}`
  }
}

/**
 * A signal that comes again so soon, in milliseconds, is the same one: npm passes on what the terminal
 * sends to all of its processes.
 */
const sameSignalMs = 1000

function endOnSignals(app: App, logger: Logger, exit: (code: number) => void): void {
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
      })
      return
    }
    drainingSince = now
    logger.info(`${signal}: draining`)
    app.drain().then(
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
