import { randomInt } from 'node:crypto'
import fastify, { LogController, type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { Hub, type HubOptions } from './hub/hub.js'
import { Credentials } from './auth/credentials.js'
import type { EventLog } from './hub/event-log.js'
import { newestPart } from './hub/newest-part.js'
import { PushRate } from './limits/push-rate.js'
import { seldom } from './limits/seldom.js'
import { StreamLimits } from './limits/stream-limits.js'
import type { FileLogOptions } from './logs/file-log.js'
import { MemoryLog } from './logs/memory-log.js'
import { openLog } from './logs/open-log.js'
import { figures } from './metrics/figures.js'
import { SystemFeed } from './metrics/system-feed.js'
import { prepareCallers } from './routes/access.js'
import { answerErrors, answerExpect, onBadUrl, onClientError } from './routes/answer-errors.js'
import { limitBodies } from './routes/body-budget.js'
import { warnOfProxy } from './routes/client.js'
import { eventsRoute, isBehindStream } from './routes/events.js'
import { guardAccess } from './routes/guard-access.js'
import { healthRoutes } from './routes/health.js'
import { historyRoute } from './routes/history.js'
import { pushRoute } from './routes/push.js'
import type { Service } from './routes/service.js'
import { sessionRoutes } from './routes/session.js'
import { statsRoute } from './routes/stats.js'
import { rowOf, streamRoutes } from './routes/streams.js'
import { ticketsRoute } from './routes/tickets.js'
import type { Settings } from './settings.js'
import { admitInTurns } from './transports/admission.js'
import { DeadPeers } from './transports/dead-peers.js'
import { SseTransport } from './transports/sse-transport.js'

/** A whole service, not yet listening. */
export interface App {
  readonly http: FastifyInstance
  /** The hub of all that is pushed. */
  readonly hub: Hub
  /** Shuts down without loss: drains the hubs, then closes the server. */
  drain(): Promise<void>
}

/** How long a client may take for a request, in milliseconds. */
export interface RequestTimes {
  /** For the request line and headers. */
  readonly headersMs: number
  /** For the whole, its body included. */
  readonly requestMs: number
  /** How often it is looked which are late. */
  readonly checkMs: number
}

const requestTimes: RequestTimes = { headersMs: 15_000, requestMs: 30_000, checkMs: 5_000 }
/** A user's name in a path: 1,024 bytes, each as `%XX`. */
const maxParamLength = 3 * 1024

/** What a test may put in the place of the real thing. */
export interface AppParts {
  readonly log?: EventLog
  readonly logger?: FastifyBaseLogger
  /** Shorter times than a client has otherwise. */
  readonly requestTimes?: RequestTimes
}

/** Builds the parts of the service and registers the routes. */
export async function buildApp(settings: Settings, parts: AppParts = {}): Promise<App> {
  const node = randomInt(36 ** 6)
    .toString(36)
    .padStart(6, '0')
  const times = parts.requestTimes ?? requestTimes
  const http = fastify({
    ...(parts.logger === undefined ? {} : { loggerInstance: parts.logger }),
    // A push is one line at debug, a stream one when it ends; a line for each request says no more.
    logController: new LogController({ disableRequestLogging: true }),
    // Nor is there a logger for each: the storm shape pays for making them, the idle shape for keeping.
    childLoggerFactory: (logger) => logger,
    exposeHeadRoutes: false,
    bodyLimit: settings.maxBodyBytes,
    requestTimeout: times.requestMs,
    trustProxy: trusted(settings.trustProxy),
    routerOptions: { maxParamLength },
    clientErrorHandler: onClientError,
    frameworkErrors: onBadUrl,
    return503OnClosing: false,
    http: {
      headersTimeout: times.headersMs,
      connectionsCheckingInterval: times.checkMs,
      // The guard refuses these itself: Node's answer has no code.
      requireHostHeader: false,
      // Where the kernel's tables don't tell which peers are gone, this has to do.
      keepAlive: process.platform !== 'linux',
      keepAliveInitialDelay: settings.heartbeatMs,
    },
    // Closes what is idle and what is not: streams have said goodbye by then.
    forceCloseConnections: true,
  })
  admitInTurns(http.server)
  answerExpect(http.server)
  const log = parts.log ?? (await openLog(settings.store, { ...settings, ...tellsOfLog(http) }))
  // Filled before anybody is let in: the newest part of the log is what most come back for.
  const newest = await newestPart(log, settings.ringEvents, settings.ringBytes)
  const { hub, system, feed, streamLimits } = buildHubs(settings, node, { log, newest }, http)
  const credentials = new Credentials(settings, {
    now: Date.now,
    revocations: log.revocations,
    onError: (reason) => {
      http.log.warn({ reason, setting: 'JWKS_URL' }, 'the keys of tokens could not be fetched')
    },
  })
  // Open to this machine alone: `serve` has seen to it that nothing else is listened on.
  const open = !credentials.configured && settings.anonymous !== 'all'
  const service: Service = {
    hub,
    system,
    credentials,
    origins: { origins: settings.origins, loopback: open },
    maxEventBytes: settings.maxEventBytes,
    streamLimits,
    pushRate: settings.pushesPerSecond === 0 ? undefined : new PushRate(settings.pushesPerSecond),
    figures: () => figures(hub, system, node),
  }
  feed.start(service.figures)

  http.addHook('onRequest', (request, reply, done) => {
    if (!isBehindStream(request)) {
      done()
      return
    }
    reply.hijack()
    request.raw.socket.destroy()
  })
  answerErrors(http)
  if (settings.trustProxy === false) warnOfProxy(http)
  await guardAccess(http, service.origins, open)
  prepareCallers(http)
  limitBodies(http, settings.maxBodyBytes)
  http.removeAllContentTypeParsers()
  for (const register of [
    eventsRoute,
    pushRoute,
    historyRoute,
    streamRoutes,
    statsRoute,
    ticketsRoute,
    sessionRoutes,
    healthRoutes,
  ]) {
    register(http, service)
  }
  const deadPeers = new DeadPeers({
    ...settings,
    sockets: () => watchedSockets([hub, system]),
    onError: (error) => {
      http.log.warn(error, 'the kernel does not tell which peers are gone')
    },
  })
  deadPeers.start()

  return {
    http,
    hub,
    drain: async () => {
      await Promise.all([hub.drain(settings.drainMs), system.drain(settings.drainMs)])
      feed.stop()
      deadPeers.stop()
      await http.close()
    },
  }
}

/**
 * Whom Fastify is to believe. It takes no number of proxies by itself any more, since a client that
 * gets past them could then say what it likes; the README tells that to whoever sets one.
 */
function trusted(
  proxies: Settings['trustProxy'],
): boolean | string | ((address: string, hop: number) => boolean) {
  return typeof proxies === 'number' ? (_address, hop) => hop < proxies : proxies
}

/** What the log says of itself. */
function tellsOfLog({ log }: FastifyInstance): Pick<FileLogOptions, 'onProblem' | 'onDamage'> {
  return {
    onProblem: (problem) => {
      if (problem === undefined) log.info('the log can be written again')
      else log.error({ problem }, 'the log cannot be written: pushes are refused')
    },
    onDamage: (err) => {
      log.error({ err }, 'the oldest part of the log cannot be read: nothing is deleted any more')
    },
  }
}

function buildHubs(
  settings: Settings,
  node: string,
  begins: Pick<HubOptions, 'log' | 'newest'>,
  http: FastifyInstance,
): { hub: Hub; system: Hub; feed: SystemFeed; streamLimits: StreamLimits } {
  let streams = 0
  const streamLimits = new StreamLimits({
    ...settings,
    open: () => hub.streams.size + system.streams.size,
    openOf: (user) => hub.streams.ofUser(user).size + system.streams.ofUser(user).size,
  })
  const common: Omit<HubOptions, 'log' | 'ringEvents' | 'ringBytes'> = {
    ...settings,
    node,
    nextStreamNumber: () => ++streams,
    onOpen: ({ transport }) => {
      streamLimits.opened(transport.address)
    },
    onEnd: ({ transport }) => {
      streamLimits.ended(transport.address)
    },
  }
  // The service's own events have no log: a name for their places would promise a replay.
  const system: Hub = new Hub({
    ...common,
    log: new MemoryLog({ epoch: '' }),
    ringEvents: 64,
    ringBytes: 4 * 1024 * 1024,
  })
  const feed = new SystemFeed(system)
  const hub: Hub = new Hub({
    ...common,
    ...begins,
    onUnreadable: seldom<unknown>((error, streams) => {
      http.log.error({ err: error, streams }, 'a part of the log cannot be read')
    }),
    ringEvents: settings.ringEvents,
    ringBytes: settings.ringBytes,
    onOpen: (stream) => {
      streamLimits.opened(stream.transport.address)
      feed.opened(() => rowOf(hub, stream))
      http.log.debug(
        { stream: hub.streamId(stream), topics: stream.filter.topics },
        'stream opened',
      )
    },
    onEnd: (stream, reason) => {
      streamLimits.ended(stream.transport.address)
      feed.closed(() => ({ id: hub.streamId(stream), reason }))
      http.log.info(
        {
          stream: hub.streamId(stream),
          reason,
          seconds: Math.round((Date.now() - stream.openedAt) / 1000),
          bytes: stream.transport.bytesWritten,
        },
        'stream ended',
      )
    },
  })
  return { hub, system, feed, streamLimits }
}

function* watchedSockets(hubs: readonly Hub[]): Iterable<SseTransport> {
  for (const hub of hubs) {
    for (const { transport } of hub.streams.values()) {
      if (transport instanceof SseTransport) yield transport
    }
  }
}
