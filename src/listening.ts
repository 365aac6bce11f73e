import { lookup } from 'node:dns/promises'
import type { Logger } from 'pino'
import type { App } from './app.js'
import { keepDescriptors } from './descriptors.js'
import { RingcastError } from './errors.js'
import { seldom } from './limits/seldom.js'
import { LogOpenError } from './logs/log-open-error.js'
import type { Settings } from './settings.js'
import { WorkerStartError } from './workers/worker-process.js'

/**
 * Lets a service be reached.
 *
 * @param told what the log says of it, given its address.
 * @returns the address.
 */
export async function listen(
  app: App,
  { host, port }: Settings,
  logger: Logger,
  told: (address: string) => string,
): Promise<string> {
  const address = await app.http.listen({
    // Of `localhost` Fastify would make two servers, of which all that is done to one misses the other.
    host: host === 'localhost' ? (await lookup('localhost')).address : host,
    port,
    // All clients of a node that went come at once; the kernel keeps what its somaxconn allows.
    backlog: 4096,
    listenTextResolver: told,
  })
  watchConnections(app, logger)
  return address
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

/** Why a service could not begin, in one line. */
export function whyNotListening(error: unknown, { host, port }: Settings): string {
  const { code, message } = error as NodeJS.ErrnoException
  if (error instanceof LogOpenError || error instanceof RingcastError) return message
  if (error instanceof WorkerStartError) return message
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is in use: stop what listens there, or choose another (npm start -- --port ${port + 1})`
    case 'EACCES':
      return `port ${port} may not be used by this user: choose one above 1023 with --port`
    default:
      return `cannot listen on ${host}, port ${port}: ${message}`
  }
}
