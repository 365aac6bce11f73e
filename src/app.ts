import { randomInt } from 'node:crypto'
import type { Server as TlsServer } from 'node:tls'
import fastify, { type FastifyBaseLogger, type FastifyInstance } from 'fastify'
import { buildHubs } from './build-hubs.js'
import type { Certificate } from './certificate.js'
import { httpOptions, setTimes } from './http-options.js'
import type { Hub } from './hub/hub.js'
import { Credentials } from './auth/credentials.js'
import type { EventLog } from './hub/event-log.js'
import { ringBegins } from './hub/newest-part.js'
import type { TicketStore } from './auth/tickets.js'
import { ByteBudget } from './limits/byte-budget.js'
import { PushRate, type PushAllowance } from './limits/push-rate.js'
import { StreamLimits, type StreamPlaces } from './limits/stream-limits.js'
import type { FileLogOptions } from './logs/file-log.js'
import { openLog } from './logs/open-log.js'
import type { Peers as LogPeers } from './logs/peers.js'
import type { RedisLogOptions } from './logs/redis-log.js'
import { figures, together } from './metrics/figures.js'
import { metricsPage } from './metrics/metrics.js'
import { nodesOf } from './nodes.js'
import { HeldStreams } from './peers/held-streams.js'
import { noPeers, type PeerLink } from './peers/peer-link.js'
import { Peers } from './peers/peers.js'
import { TracedStreams } from './peers/traced-streams.js'
import { prepareCallers } from './routes/access.js'
import { assetRoutes } from './routes/assets.js'
import { answerErrors, answerExpect } from './routes/answer-errors.js'
import { largestBodies, limitBodies } from './routes/body-budget.js'
import { warnOfProxy } from './routes/client.js'
import { eventsRoute, isBehindStream } from './routes/events.js'
import { guardAccess } from './routes/guard-access.js'
import { healthRoutes } from './routes/health.js'
import { historyRoute } from './routes/history.js'
import { internalServer } from './routes/internal.js'
import { boundHttp2Bodies } from './routes/http2-bodies.js'
import { metricsRoute } from './routes/metrics.js'
import { documentRoute, prepareDocument } from './routes/openapi.js'
import { PushQuota } from './routes/push-quota.js'
import { pushPath, pushRoute } from './routes/push.js'
import { Pushes } from './routes/pushes.js'
import { requestTimes, type RequestTimes } from './routes/request-times.js'
import { requestIds, tellRequestIds } from './routes/request-ids.js'
import { serverOptions } from './routes/server-options.js'
import type { Service } from './routes/service.js'
import { sessionRoutes } from './routes/session.js'
import { statsRoute } from './routes/stats.js'
import { streamRoutes } from './routes/streams.js'
import { ticketsRoute } from './routes/tickets.js'
import { traceRoute } from './routes/trace.js'
import { websocketRoute } from './routes/websocket.js'
import type { Settings } from './settings.js'
import { version } from './version.js'
import { admitInTurns } from './transports/admission.js'
import { carrierOf } from './transports/carrier.js'
import { DeadPeers, type WatchedSocket } from './transports/dead-peers.js'
import { keepConnections } from './transports/http2-connections.js'
import { Pings } from './transports/pings.js'
import { noteSecureSockets } from './transports/secure-sockets.js'
import { SseTransport } from './transports/sse-transport.js'
import { WebSocketTransport } from './transports/websocket-transport.js'

/** A whole service, not yet listening. */
export interface App {
  readonly http: FastifyInstance
  /** The server of `INTERNAL_PORT`, where one is set. */
  readonly internal: FastifyInstance | undefined
  /** The hub of all that is pushed. */
  readonly hub: Hub
  /** Shuts down without loss: drains the hubs, then closes the server. */
  drain(): Promise<void>
  /** Shows this certificate on connections that come from now on, if the service is over TLS. */
  useCertificate(certificate: Certificate): void
}

/** A user's name in a path: 1,024 bytes, each as `%XX`. */
const maxParamLength = 3 * 1024

/** What a process shares with others, where it is one of several workers of a node. */
export interface SharedParts {
  /** The name of the node. */
  readonly node: string
  /** The number of this process on its node, from 1. */
  readonly worker: number
  /** To the other workers. */
  readonly line: PeerLink
  readonly tickets: TicketStore
  readonly streamPlaces: StreamPlaces | undefined
  readonly pushes: PushAllowance
  /** How they let each other know that there is something new in the log. */
  readonly logPeers: LogPeers
}

/** What an app is made with beside its settings. */
export interface AppParts {
  readonly logger?: FastifyBaseLogger
  /** With it the service is reached over TLS alone, by HTTP/2 and HTTP/1.1. */
  readonly certificate?: Certificate | undefined
  /** What it shares with other workers; nothing where the process is its node. */
  readonly shared?: SharedParts
  /** For tests: another log than the settings say. */
  readonly log?: EventLog
  /** For tests: shorter times than a client has otherwise. */
  readonly requestTimes?: Partial<RequestTimes>
}

/** A name for a node, as it begins. */
export function nodeName(): string {
  return randomInt(36 ** 6)
    .toString(36)
    .padStart(6, '0')
}

/** Builds the parts of the service and registers the routes. */
export async function buildApp(settings: Settings, parts: AppParts = {}): Promise<App> {
  const { shared } = parts
  const name = { node: shared?.node ?? nodeName(), worker: shared?.worker ?? 0 }
  const times = { ...requestTimes, ...parts.requestTimes }
  const http = fastify({
    ...serverOptions(times),
    ...(parts.logger === undefined ? {} : { loggerInstance: parts.logger }),
    // No logger for each request: the storm shape pays for making them, the idle shape for keeping.
    childLoggerFactory: (logger) => logger,
    genReqId: requestIds(`${name.node}-${name.worker}`),
    bodyLimit: settings.maxBodyBytes,
    trustProxy: trusted(settings.trustProxy),
    routerOptions: { maxParamLength },
    ...httpOptions({
      times,
      certificate: parts.certificate,
      // Where the kernel's tables don't tell which peers are gone, this has to do.
      keepAlive: process.platform !== 'linux',
      heartbeatMs: settings.heartbeatMs,
    }),
  })
  admitInTurns(http.server)
  let http2: Iterable<WatchedSocket> = []
  if (parts.certificate !== undefined) {
    setTimes(http.server, times)
    noteSecureSockets(http.server)
    http2 = keepConnections(http.server)
  }
  answerExpect(http.server)
  let isOpen = false
  const options = logOptions(settings, http, shared, () => isOpen)
  const log = parts.log ?? (await openLog(settings.store, options))
  isOpen = true
  // Filled before anybody is let in: the newest part of the log is what most come back for.
  const newest = await ringBegins(log, settings.ringEvents, settings.ringBytes)
  const streamPlaces = shared?.streamPlaces ?? new StreamLimits(settings)
  const { hub, system, feed, metrics, recent, ended } = buildHubs(settings, {
    ...name,
    log,
    newest,
    streamPlaces,
    logger: http.log,
  })
  const nodes = await nodesOf(settings, name)
  const credentials = new Credentials(settings, {
    now: Date.now,
    revocations: log.revocations,
    tickets: nodes?.tickets ?? shared?.tickets,
    onError: (reason) => {
      http.log.warn({ reason, setting: 'JWKS_URL' }, 'the keys of tokens could not be fetched')
    },
  })
  const held = new HeldStreams([hub, system], name.node, credentials.revocations)
  // Who could not be asked when it was revoked reads of it in the log.
  credentials.revocations.onRevoked((user) => {
    held.revoked(user)
  })
  const tracedStreams = new TracedStreams(hub, name.node, ended)
  const line = shared?.line ?? noPeers
  const peers = new Peers(
    { ofNode: line, ofLog: nodes?.link ?? line },
    {
      streams: (request) => held.list(request),
      topics: ({ topic }) => held.topics(topic),
      endStream: ({ id }) => held.end(id),
      endStreamsOf: (request) => held.endOf(request),
      trace: (request) => tracedStreams.trace(request),
      figures: () =>
        figures({
          ...name,
          version: version(),
          configured: credentials.configured,
          hub,
          system,
          recent,
        }),
      metrics: () => metrics.values(),
      notReady: () => notReady(hub),
    },
  )
  // Open to this machine alone: `serve` has seen to it that nothing else is listened on.
  const open = !credentials.configured && settings.anonymous !== 'all'
  const service: Service = {
    hub,
    system,
    credentials,
    origins: { origins: settings.origins, loopback: open },
    maxEventBytes: settings.maxEventBytes,
    streamPlaces,
    pushes: new Pushes(hub),
    quota: quotaOf(settings, hub, http, shared),
    pushRefused: (code) => {
      metrics.pushRefused(code)
    },
    bodies: new ByteBudget(settings.maxBodyBytes * largestBodies),
    peers,
    figures: async () => together((await peers.figures()).all),
    metrics: async () => metricsPage(await peers.metrics()),
  }
  feed.start(service.figures)
  recent.start()

  http.addHook('onRequest', (request, reply, done) => {
    if (!isBehindStream(request)) {
      done()
      return
    }
    reply.hijack()
    carrierOf(request.raw).destroy()
  })
  tellRequestIds(http)
  answerErrors(http, ({ code }, { routeOptions }) => {
    if (routeOptions.url === pushPath) service.pushRefused(code)
  })
  if (settings.trustProxy === false) warnOfProxy(http)
  await guardAccess(http, service.origins, open)
  prepareCallers(http)
  if (parts.certificate !== undefined) boundHttp2Bodies(http, times.requestMs)
  limitBodies(http, settings.maxBodyBytes, service.bodies)
  http.removeAllContentTypeParsers()
  await prepareDocument(http, version())
  for (const register of [
    eventsRoute,
    pushRoute,
    historyRoute,
    streamRoutes,
    statsRoute,
    traceRoute,
    metricsRoute,
    ticketsRoute,
    sessionRoutes,
    healthRoutes,
    assetRoutes,
    documentRoute,
  ]) {
    register(http, service)
  }
  const internal =
    settings.internalPort === undefined
      ? undefined
      : internalServer(service, { logger: http.log, open, times })
  const pings = new Pings(settings.heartbeatMs)
  const conversations = await websocketRoute(http, service, pings)
  const deadPeers = new DeadPeers({
    ...settings,
    sockets: () => watchedSockets([hub, system], http2),
    onError: (error) => {
      http.log.warn(error, 'the kernel does not tell which peers are gone')
    },
  })
  deadPeers.start()

  return {
    http,
    internal,
    hub,
    useCertificate: ({ cert, key }) => {
      ;(http.server as unknown as TlsServer).setSecureContext({ cert, key })
    },
    drain: async () => {
      await Promise.all([hub, system, conversations].map((parts) => parts.drain(settings.drainMs)))
      pings.stop()
      feed.stop()
      recent.stop()
      deadPeers.stop()
      await http.close()
      // Probes and scrapes see the drain to its end.
      await internal?.close()
      await peers.close()
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

/** Why a process wants no traffic; null while it does. */
function notReady({ draining, problem }: Hub): string | null {
  if (draining) return 'draining'
  return problem === undefined ? null : `log unavailable: ${problem}`
}

/** Who counts what is pushed; nobody where there is no limit. */
function quotaOf(
  { pushesPerSecond }: Settings,
  { stats }: Hub,
  { log }: FastifyInstance,
  shared: SharedParts | undefined,
): PushQuota | undefined {
  if (pushesPerSecond === 0) return undefined
  return new PushQuota(shared?.pushes ?? new PushRate(pushesPerSecond), stats, log)
}

function logOptions(
  settings: Settings,
  { log }: FastifyInstance,
  shared: SharedParts | undefined,
  isOpen: () => boolean,
): FileLogOptions & RedisLogOptions {
  return {
    ...settings,
    ...(shared === undefined ? {} : { peers: shared.logPeers }),
    onProblem: (problem) => {
      if (problem === undefined) log.info('the log can be written again')
      else if (isOpen()) log.error({ problem }, 'the log cannot be written: pushes are refused')
      else log.error({ problem }, 'waiting for the log: nothing is served before')
    },
    onDamage: (err) => {
      log.error({ err }, 'the oldest part of the log cannot be read: nothing is deleted any more')
    },
  }
}

function* watchedSockets(
  hubs: readonly Hub[],
  http2: Iterable<WatchedSocket>,
): Iterable<WatchedSocket> {
  yield* http2
  for (const hub of hubs) {
    for (const { transport } of hub.streams.values()) {
      if (transport instanceof SseTransport || transport instanceof WebSocketTransport) {
        yield transport
      }
    }
  }
}
