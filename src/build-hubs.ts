import type { FastifyBaseLogger } from 'fastify'
import { Hub } from './hub/hub.js'
import type { AcceptedEvent } from './hub/event.js'
import type { HubOptions } from './hub/hub-options.js'
import type { Stream } from './hub/stream.js'
import { seldom } from './limits/seldom.js'
import type { StreamPlaces } from './limits/stream-limits.js'
import { MemoryLog } from './logs/memory-log.js'
import type { ProcessName } from './metrics/figures.js'
import { Metrics } from './metrics/metrics.js'
import { Recent } from './metrics/recent.js'
import { SystemFeed } from './metrics/system-feed.js'
import { rowOf, type StreamRow } from './metrics/rows.js'
import { EndedStreams } from './peers/ended-streams.js'
import type { Settings } from './settings.js'
import { version } from './version.js'

/** What the hubs are made with beside the settings. */
export interface HubParts extends ProcessName, Pick<HubOptions, 'log'> {
  /** The newest events of the log, which the ring begins with. */
  readonly newest: readonly AcceptedEvent[]
  readonly streamPlaces: StreamPlaces
  readonly logger: FastifyBaseLogger
}

/** The hubs of a process, and what tells of them. */
export interface Hubs {
  /** The hub of all that is pushed. */
  readonly hub: Hub
  /** The hub of the `$sys` topics. */
  readonly system: Hub
  readonly feed: SystemFeed
  readonly metrics: Metrics
  readonly recent: Recent
  /** The streams that ended last; none of the `$sys` topics. */
  readonly ended: EndedStreams
}

/** Makes the two hubs: of what is pushed, and of the service's own topics. */
export function buildHubs(settings: Settings, parts: HubParts): Hubs {
  const { node, worker, streamPlaces, logger, log, newest } = parts
  let streams = 0
  const toldOf = (
    of: () => Hub,
  ): Required<Pick<HubOptions, 'onOpen' | 'onSubscribed' | 'onEnd'>> => {
    const row = (stream: Stream): StreamRow => rowOf(of(), node, stream)
    return {
      onOpen: (stream, reqId) => {
        // By then one over WebSocket may have gone over to the hub of the service's own topics.
        const isSystem = (): boolean => system.streams.get(stream.number) === stream
        feed.opened(stream, () => rowOf(isSystem() ? system : of(), node, stream))
        const { topics } = stream.filter
        logger.debug({ reqId, stream: of().streamId(stream), topics }, 'stream opened')
      },
      onSubscribed: (stream) => {
        feed.changed(stream, () => row(stream))
      },
      onEnd: (stream, reason) => {
        const { user, openedAt, transport } = stream
        streamPlaces.giveBack({ user, address: transport.address })
        feed.closed(stream, () => ({ ...row(stream), reason }))
        logger.info(
          {
            stream: of().streamId(stream),
            reason,
            seconds: Math.round((Date.now() - openedAt) / 1000),
            bytes: transport.bytesWritten,
          },
          'stream ended',
        )
      },
    }
  }
  const common: Omit<HubOptions, 'log' | 'ringEvents' | 'ringBytes'> = {
    ...settings,
    node: worker === 0 ? node : `${node}-${worker}`,
    nextStreamNumber: () => ++streams,
  }
  // The service's own events have no log: a name for their places would promise a replay.
  const system: Hub = new Hub({
    ...common,
    ...toldOf(() => system),
    log: new MemoryLog({ epoch: '' }),
    ringEvents: 64,
    ringBytes: 4 * 1024 * 1024,
  })
  const feed = new SystemFeed(system)
  const ended = new EndedStreams()
  const told = toldOf(() => hub)
  const options: HubOptions = {
    ...common,
    ...told,
    log,
    ringEvents: settings.ringEvents,
    ringBytes: settings.ringBytes,
    onAppended: (ms) => {
      metrics.appended(ms)
    },
    onWritten: (ms) => {
      metrics.written(ms)
      recent.pushToWrite.add(Math.max(0, ms))
    },
    onUnreadable: seldom<unknown>((error, streams) => {
      logger.error({ err: error, streams }, 'a part of the log cannot be read')
    }),
    onEnd: (stream, reason) => {
      ended.add(hub, stream, reason)
      told.onEnd(stream, reason)
    },
  }
  const hub: Hub = new Hub(options, newest)
  const metrics = new Metrics(hub, system, version())
  const recent = new Recent(hub)
  return { hub, system, feed, metrics, recent, ended }
}
