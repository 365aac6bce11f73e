import type { FastifyBaseLogger } from 'fastify'
import { seldom } from '../limits/seldom.js'
import type { StreamLimit, StreamOwner } from '../limits/stream-limits.js'

/** Of a stream that was over a limit, what the log says. */
export interface TurnedAway extends StreamOwner {
  readonly setting: StreamLimit
}

/** Tells the log of streams that are turned away, as `seldom` does. */
export function turnedAwayTeller(log: FastifyBaseLogger): (stream: TurnedAway) => void {
  return seldom<TurnedAway>((latest, streams) => {
    log.warn({ ...latest, streams }, 'streams turned away: over a limit')
  })
}
