import type { Concern } from '../hub/filter.js'
import type { ToldGap } from '../hub/told-gaps.js'
import {
  isKnown,
  type KnownEvent,
  type Passage,
  type Traced,
  type TracedEvent,
} from '../hub/trace.js'

/** How many names a sentence has. */
const mostNames = 5

/**
 * A sentence that says why an event got to a stream, or did not.
 *
 * @param lag how many events of the log the stream has, or had when it ended, still to pass.
 */
export function whyOf(
  event: TracedEvent,
  passage: Passage,
  { outcome, by, gap }: Traced,
  lag: number,
): string {
  switch (outcome) {
    case 'written':
      return `${matched(event, passage, by)} and was handed to the connection, which is no proof that the client has read it.`
    case 'lagging':
      return `${matched(event, passage, by)} and ${waiting(passage, lag)}`
    case 'parked':
      return `${matched(event, passage, by)} and waits for the client to read: the connection takes no more, ${behind(lag)}.`
    case 'gapped':
      return missed(gap!)
    case 'before':
      return 'The stream began after the event.'
    case 'after-end':
      return 'The stream was over before the event.'
    case 'not-matched':
      return notMatched(event, passage)
    case undefined:
      return isKnown(event)
        ? 'It is not known any more what the stream was subscribed to when it passed the event.'
        : 'The event is no longer retained: it is not known any more whether it was for this stream, which has passed it.'
  }
}

/** Some names, and how many more there are. */
function namesOf(names: readonly string[]): string {
  const more = names.length - mostNames
  return `${names.slice(0, mostNames).join(', ')}${more > 0 ? ` and ${more} more` : ''}`
}

function matched(event: TracedEvent, { filter, user }: Passage, by: Traced['by']): string {
  if (by === 'user') return `It is for the user ${user!}`
  const topics = isKnown(event) ? event.topics : []
  const topic = topics.find((each) => filter.matches({ topics: [each] }))
  return topic === undefined ? 'It matched then' : `It matches by the topic ${topic}`
}

function waiting({ state, end }: Passage, lag: number): string {
  switch (end === undefined ? state : 'ended') {
    case 'ended':
      return `was still to be written when the stream ended, ${behind(lag)}.`
    case 'idle':
      return 'has not come from the log to its node yet.'
    case 'reading':
      return `waits for a part of the log to be read, ${behind(lag)}.`
    case 'held':
      return `waits for a replay that the client has asked for, ${behind(lag)}.`
    default:
      return `waits for the turn of the stream, ${behind(lag)}.`
  }
}

function behind(lag: number): string {
  return lag === 1 ? '1 event behind' : `${lag} events behind`
}

function missed({ reason, after, at }: ToldGap): string {
  const told = `(gap ${reason}, ${new Date(at).toISOString()})`
  switch (reason) {
    case 'lagged':
      return `The stream was too slow: what came after ${after} was given up ${told}.`
    case 'evicted':
      return `The client came back too late: what came after ${after} was gone ${told}.`
    case 'epoch':
      return `The client came back with an id of a log that was lost, ${after} ${told}.`
    case 'unknown':
      return `The client came back with an id that is none, ${after}: the stream began with what came next ${told}.`
  }
}

function notMatched(event: TracedEvent, passage: Passage): string {
  if (passage.next === Infinity) return 'Its client has not subscribed to anything yet.'
  if (!isKnown(event)) return 'It was not for this stream.'
  return `It is for ${concern(event)}; ${wanted(event, passage)}.`
}

/** Whom an event concerns, in words. */
export function concern({ topics, users }: Concern): string {
  const [what, names] = users.length > 0 ? ['user', users] : ['topic', topics]
  return `the ${what}${names.length > 1 ? 's' : ''} ${namesOf(names)}`
}

function wanted(event: KnownEvent, { filter, user, stretches, next }: Passage): string {
  if (event.users.length > 0) {
    return user === undefined ? 'the stream is of no user' : `the stream is of ${user}`
  }
  // What it was subscribed to when it passed the event is another thing.
  const isFormer =
    event.sequence < stretches.since && event.sequence < next && stretches.since !== Infinity
  if (isFormer) return 'the stream had no such topic when it passed it'
  return filter.topics.length === 0
    ? 'the stream has no topics'
    : `the stream has ${namesOf(filter.topics)}`
}
