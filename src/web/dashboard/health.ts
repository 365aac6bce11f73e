import type { Figures } from './figures.js'
import { count, duration, whole } from './text.js'

/** Something that is wrong: what, and what to do, by the names of settings. */
export interface Cause {
  readonly text: string
  readonly remedy: string
}

/** How the service is: in one sentence, and what is wrong. */
export interface Health {
  readonly sentence: string
  readonly causes: readonly Cause[]
}

/** From when on a turn of the event loop is felt by those who push, in milliseconds. */
const longTurnMs = 250
/** From when on most clients notice how long an event takes, in milliseconds. */
const longWriteMs = 1_000

/** How the service is, by its figures. */
export function healthOf(figures: Figures): Health {
  const { streams, lastHour, pushToWriteMs } = figures
  const gaps = sum(lastHour.gaps)
  const open = `${capital(count(streams, 'stream'))} ${streams === 1 ? 'is' : 'are'} open`
  const holes = `and there ${gaps === 1 ? 'was' : 'were'} ${count(gaps, 'gap')} in the last hour`
  const pace =
    pushToWriteMs === null
      ? 'nothing was delivered in the last minute'
      : `99 of 100 events were written within ${duration(pushToWriteMs.p99)}`
  return { sentence: `${open}, ${holes}; ${pace}.`, causes: [...causesOf(figures)] }
}

function* causesOf(figures: Figures): Iterable<Cause> {
  const { lastHour, draining, logReachable, loopDelayMs, pushToWriteMs } = figures
  if (!logReachable) {
    yield cause('The log cannot be reached: pushes are refused.', 'See STORE.')
  }
  if (draining) {
    yield cause(
      'The service is shutting down: pushes are refused.',
      'DRAIN says how long it takes.',
    )
  }
  // Not `unknown`: an id that is none of any log is the mistake of who asked.
  const { lagged = 0, evicted = 0, epoch = 0 } = lastHour.gaps
  if (lagged > 0) {
    yield cause(
      `${capital(count(lagged, 'gap'))} because a stream was slower than the ring is long.`,
      'Make RING_EVENTS or RING_BYTES larger, or keep a durable log with STORE.',
    )
  }
  if (evicted > 0) {
    yield cause(
      `${capital(count(evicted, 'gap'))} because a client came back for what is no longer kept.`,
      'Make RING_EVENTS larger; with a durable STORE, RETAIN_EVENTS, RETAIN_FOR or RETAIN_BYTES.',
    )
  }
  if (epoch > 0) {
    yield cause(
      `${capital(count(epoch, 'gap'))} because the log has begun anew since a client was last here.`,
      'A durable STORE, such as --store file:DIR, outlives a restart; every node needs the same.',
    )
  }
  if (lastHour.busy > 0) {
    yield cause(
      `${pushes(lastHour.busy)} refused, since the ring was full of events not yet delivered.`,
      'Make RING_EVENTS or RING_BYTES larger, or share the work among --workers.',
    )
  }
  if (lastHour.rateLimited > 0) {
    yield cause(`${pushes(lastHour.rateLimited)} refused as too many.`, 'See PUSHES_PER_SECOND.')
  }
  if (lastHour.limit > 0) {
    yield cause(
      `${capital(count(lastHour.limit, 'stream'))} turned away in the last hour.`,
      'See MAX_STREAMS, MAX_STREAMS_PER_USER and MAX_STREAMS_PER_ADDRESS.',
    )
  }
  if (lastHour.stalled > 0) {
    yield cause(
      `${capital(count(lastHour.stalled, 'stream'))} ended for reading nothing.`,
      'STALLED_STREAM says how long one may.',
    )
  }
  if (loopDelayMs >= longTurnMs) {
    yield cause(
      `The event loop was held up for ${duration(loopDelayMs)}.`,
      'More cores help: --workers.',
    )
  }
  if (pushToWriteMs !== null && pushToWriteMs.p99 >= longWriteMs) {
    yield cause(
      `One event in a hundred took ${duration(pushToWriteMs.p99)} or longer to be written.`,
      'More cores help: --workers.',
    )
  }
}

function cause(text: string, remedy: string): Cause {
  return { text, remedy }
}

function pushes(n: number): string {
  return `In the last hour ${n === 1 ? '1 push was' : `${whole(n)} pushes were`}`
}

function sum(counts: Readonly<Record<string, number>>): number {
  return Object.values(counts).reduce((total, each) => total + each, 0)
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}
