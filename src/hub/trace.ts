import type { AcceptedEvent } from './event.js'
import { isWanted, type Wants } from './filter.js'
import type { Ring } from './ring.js'
import type { Stream, StreamState } from './stream.js'
import { noStretches, wasSent, type Stretches } from './stretches.js'
import type { ToldGap } from './told-gaps.js'

/**
 * What became of an event at a stream that it may have concerned. `written`: handed to the connection,
 * which is no proof that the client has read it. `lagging`: still to be written, or never, if the
 * stream ended so. `parked`: still to be written, by a connection that takes no more. `gapped`: given
 * up, since the stream came too late for it. `before`: the stream began after it. `after-end`: the
 * stream was over before it. `not-matched`: it did not concern the stream.
 */
export type Outcome =
  'written' | 'lagging' | 'parked' | 'gapped' | 'before' | 'after-end' | 'not-matched'

/** An event that is traced, while it is retained. */
export type KnownEvent = Pick<AcceptedEvent, 'epoch' | 'sequence' | 'topics' | 'users' | 'time'>

/** An event that is traced: its place, and the rest where that is still known. */
export type TracedEvent = KnownEvent | Pick<KnownEvent, 'epoch' | 'sequence'>

/** How far a stream has come, or had when it ended, and by what. */
export interface Passage extends Wants {
  readonly state: StreamState
  /** The first sequence that it had to look at. */
  readonly beganFrom: number
  /** The next sequence that it has to look at; Infinity before its client subscribes. */
  readonly next: number
  readonly stretches: Stretches
  readonly gaps: readonly ToldGap[]
  /** Of one that is over: the last event that there was then, and when that was. */
  readonly end?: { readonly epoch: string; readonly head: number; readonly at: string }
}

/** What became of an event at a stream. */
export interface Traced {
  /** Undefined where it is not known any more what it concerned, or what the stream wanted then. */
  readonly outcome: Outcome | undefined
  /** By what the event concerned the stream; null if it did not, or that is not known. */
  readonly by: 'topic' | 'user' | null
  /** The hole that it is in, where it is in one. */
  readonly gap?: ToldGap
}

/** How far an open stream has come. */
export function passageOf(ring: Ring, stream: Stream): Passage {
  const { state, filter, user, beganFrom, cursor, stretches, gaps } = stream
  const next = state === 'idle' ? ring.next : cursor
  return { state, filter, user, beganFrom, next, stretches, gaps }
}

/** How many events of the log a stream has, or had when it ended, still to pass. */
export function lagOf({ next, end }: Passage, head: number): number {
  return Math.max(0, (end === undefined ? head : end.head + 1) - next)
}

/** Whether it is known whom an event concerns. */
export function isKnown(event: TracedEvent): event is KnownEvent {
  return 'topics' in event
}

/** Tells what became of an event at a stream. */
export function traced(passage: Passage, event: TracedEvent): Traced {
  if (passage.next === Infinity) return notMatched
  return isKnown(event) ? tracedKnown(passage, event) : tracedUnknown(passage, event)
}

const notMatched: Traced = { outcome: 'not-matched', by: null }

function tracedKnown(passage: Passage, event: KnownEvent): Traced {
  const { sequence, users } = event
  const { stretches, beganFrom, next } = passage
  const by = users.length > 0 ? 'user' : 'topic'
  const gap = gapOver(passage, sequence)
  const isGivenUp = gap?.reason === 'lagged'
  if (!isGivenUp && wasSent(stretches, event)) return { outcome: 'written', by }
  const isOfFormer = stretches !== noStretches && sequence < stretches.since
  if (isOfFormer && sequence >= beganFrom) {
    return sequence < stretches.knownFrom ? { outcome: undefined, by: null } : notMatched
  }
  if (!isWanted(passage, event)) return notMatched
  if (isAfterEnd(passage, event)) return { outcome: 'after-end', by }
  if (gap !== undefined) return { outcome: 'gapped', by, gap }
  if (sequence < beganFrom) return { outcome: 'before', by }
  if (sequence < next) return { outcome: 'written', by }
  return { outcome: passage.state === 'parked' ? 'parked' : 'lagging', by }
}

/** The same of an event that is gone, and with it whom it concerned. */
function tracedUnknown(passage: Passage, event: TracedEvent): Traced {
  const by = null
  if (isAfterEnd(passage, event)) return { outcome: 'after-end', by }
  const gap = gapOver(passage, event.sequence)
  if (gap !== undefined) return { outcome: 'gapped', by, gap }
  return { outcome: event.sequence < passage.beganFrom ? 'before' : undefined, by }
}

/** A log that was lost meanwhile has other events in the same places: they are known by their times. */
function isAfterEnd({ end }: Passage, event: TracedEvent): boolean {
  if (end === undefined) return false
  if (event.sequence > end.head) return true
  return isKnown(event) && event.epoch !== end.epoch && event.time > end.at
}

function gapOver({ gaps }: Passage, sequence: number): ToldGap | undefined {
  return gaps.find(({ from, to }) => sequence >= from && sequence <= to)
}
