import { lookup } from 'node:dns/promises'
import type { Server } from 'node:net'
import type { Logger } from 'pino'
import type { App } from './app.js'
import { keepDescriptors } from './descriptors.js'
import { RingcastError } from './errors.js'
import { seldom } from './limits/seldom.js'
import { LogOpenError } from './logs/log-open-error.js'
import type { Settings } from './settings.js'
import { WorkerStartError } from './workers/worker-process.js'

/** Where a service listens, as URLs. */
export interface Addresses {
  readonly service: string
  /** Of `INTERNAL_PORT`, where one is set. */
  readonly internal: string | undefined
}

/** What the log of a node says of `INTERNAL_PORT`. */
export function internalAddress(address: string): string {
  return `health and metrics without a key on ${address}`
}

/** What the log says of each of the addresses. */
export type ToldOf = Readonly<Record<keyof Addresses, (address: string) => string>>

/**
 * Lets a service be reached. `INTERNAL_PORT` comes first: when it is in use, no client has been let
 * in by a process that ends.
 *
 * @param told what the log says of it.
 */
export async function listen(
  { http, internal }: App,
  { host, port, internalPort }: Settings,
  logger: Logger,
  told: ToldOf,
): Promise<Addresses> {
  // Of `localhost` Fastify would make two servers, of which all that is done to one misses the other.
  const at = { host: host === 'localhost' ? (await lookup('localhost')).address : host }
  const ofInternal = await internal?.listen({
    ...at,
    port: internalPort!,
    listenTextResolver: told.internal,
  })
  const ofService = await http.listen({
    ...at,
    port,
    // All clients of a node that went come at once; the kernel keeps what its somaxconn allows.
    backlog: 4096,
    listenTextResolver: told.service,
  })
  watchConnections(http.server, logger)
  if (internal !== undefined) tellOfErrors(internal.server, logger)
  return { service: ofService, internal: ofInternal }
}

/** Connections that are refused or fail are one line in a while, and no end of the process. */
function watchConnections(server: Server, logger: Logger): void {
  const tellRefused = seldom<number | undefined>((connections, refused) => {
    logger.warn(
      { connections, refused },
      'connections refused: no descriptors are left for them; raise "ulimit -n", or set MAX_STREAMS below it',
    )
  })
  keepDescriptors(server, () => tellRefused(server.maxConnections))
  tellOfErrors(server, logger)
}

function tellOfErrors(server: Server, logger: Logger): void {
  const tellFailed = seldom<Error>((error, failed) => {
    logger.warn({ err: error, failed }, 'a connection could not be accepted')
  })
  server.on('error', tellFailed)
}

/** Why a service could not begin, in one line. */
export function whyNotListening(error: unknown, settings: Settings): string {
  const { host } = settings
  const { code, message, port = settings.port } = error as NodeJS.ErrnoException & { port?: number }
  const flag = port === settings.internalPort ? '--internal-port' : '--port'
  if (error instanceof LogOpenError || error instanceof RingcastError) return message
  if (error instanceof WorkerStartError) return message
  switch (code) {
    case 'EADDRINUSE':
      return `port ${port} of ${host} is in use: stop what listens there, or choose another (npm start -- ${flag} ${port + 1})`
    case 'EACCES':
      return `port ${port} may not be used by this user: choose one above 1023 with ${flag}`
    default:
      return `cannot listen on ${host}, port ${port}: ${message}`
  }
}
