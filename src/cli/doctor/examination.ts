import type { Service } from '../service.js'
import type { SeenLogs } from './seen-logs.js'

/** What all checks are made with. */
export interface Examination {
  readonly service: Service
  /** The origin of the pages that are to use the service, if one was given. */
  readonly origin: string | undefined
  /** A topic that nobody else uses; anyone who may subscribe at all may subscribe to it. */
  readonly topic: string
  /** How long a quiet stream is to be held, in milliseconds; undefined for two heartbeats. */
  readonly idleMs: number | undefined
  /** What is told of which log answers. */
  readonly logs: SeenLogs
  /** Aborted, it ends everything. */
  readonly stop: AbortSignal
}

/** How long an answer, or what the service writes at once, is waited for, in milliseconds. */
export const answerMs = 10_000

/** From which delay on, in milliseconds, something counts as held back, beside the way itself. */
export const lateMs = 1_000

/** How long events are waited for that are late already, in milliseconds. */
export const eventMs = 3_000
