import type { Place } from '../hub/event-id.js'
import type { FoundEvent } from '../hub/find-event.js'
import { totalOf } from '../metrics/counts.js'
import { concern } from '../peers/trace-reasons.js'
import { placeOf, type OutcomeCounts, type OutcomeFields, type Trace } from '../peers/trace-rows.js'

/** An event that is asked for by its id. */
export interface AskedEvent extends FoundEvent {
  readonly id: string
  readonly at: Place
}

/** What is asked for. */
export interface Asked {
  readonly event: AskedEvent | undefined
  readonly user: string | undefined
  readonly stream: string | undefined
}

/**
 * The answer in a few sentences.
 *
 * @param head the newest id of the log.
 */
export function summaryOf(
  asked: Asked,
  { silent, ...trace }: Trace & { readonly silent: number },
  head: string | undefined,
): string {
  const sentences = [
    ...(asked.event === undefined ? [] : [eventSentence(asked.event, head)]),
    ...streamSentences(asked, trace),
    ...(silent === 0 ? [] : [`${silent} did not answer in time, and may know more.`]),
  ]
  return sentences.join(' ')
}

function eventSentence({ id, place, event }: AskedEvent, head: string | undefined): string {
  switch (place) {
    case 'retained':
      return `Accepted at ${event!.time} for ${concern(event!)}.`
    case 'evicted':
      return 'The event is no longer retained, so that it is not known whom it was for.'
    case 'ahead':
      return `There is no such event yet: the newest is ${head ?? 'of another log'}.`
    case 'unknown':
      return `There is no event ${id}: the log of that id was lost, or is another one.`
  }
}

function streamSentences(asked: Asked, { streams, ended }: Trace): string[] {
  const { event } = asked
  const who = nameOf(asked)
  const isTraced = event?.place === 'retained' || event?.place === 'evicted'
  if (who === undefined)
    return isTraced ? countSentences(event, streams.outcomes, ended.outcomes) : []
  if (streams.total + ended.total === 0) {
    return [
      asked.stream === undefined
        ? `There is no open stream of ${who}, and none that ended lately.`
        : `${capital(who)} is neither open nor one of those that ended lately.`,
    ]
  }
  return [isTraced ? outcomeSentence(who, { streams, ended }) : stateSentence({ streams, ended })]
}

/** How many streams an event concerned, and what became of it there. */
function countSentences(
  { place }: AskedEvent,
  open: OutcomeCounts,
  ended: OutcomeCounts,
): string[] {
  const { 'not-matched': others = 0, unknown = 0, ...matched } = open
  const all = totalOf(matched)
  if (place === 'evicted') {
    const { gapped = 0 } = open
    return [`It is in a gap of ${streamsOf(gapped, 'open')}.`]
  }
  const { lagging = 0, gapped = 0, parked = 0 } = ended
  const missed = lagging + gapped + parked
  const total = all + others + unknown
  return [
    total === 0
      ? 'There is no open stream.'
      : all === 0
        ? `It concerns none of ${streamsOf(total, 'open')}.`
        : `It concerns ${all} of ${streamsOf(total, 'open')}: ${listOf(matched)}.`,
    ...(missed === 0 ? [] : [`${streamsOf(missed, '')} that ended lately did not get it.`]),
  ]
}

/** Whether an event got to somebody, and if it did not, why. */
function outcomeSentence(who: string, { streams, ended }: Trace): string {
  const written = (streams.outcomes.written ?? 0) + (ended.outcomes.written ?? 0)
  const all = streams.total + ended.total
  if (written > 0) {
    const of = all === 1 ? '' : `${written} of ${all} streams of `
    return `It was written to ${of}${who}.`
  }
  const outcomes = [...Object.keys(streams.outcomes), ...Object.keys(ended.outcomes)]
  if (outcomes.every((outcome) => outcome === 'before' || outcome === 'after-end')) {
    return `It was not written to ${who}: no stream was open at the time of it, and none came back for it.`
  }
  const { outcome, why } = mostTelling({ streams, ended })
  return outcome === undefined
    ? `It is not known whether it was written to ${who}: ${small(why!)}`
    : `It was not written to ${who}: ${small(why!)}`
}

function mostTelling({ streams, ended }: Trace): OutcomeFields {
  const [[open], [over]] = [streams.rows, ended.rows]
  if (open === undefined) return over!
  if (over === undefined || over.outcome === 'after-end') return open
  return placeOf(over.outcome, 0) > placeOf(open.outcome, 0) ? over : open
}

/** What befell the streams that are asked for. */
function stateSentence({ streams, ended }: Trace): string {
  const [slowest] = streams.rows
  const lag =
    slowest === undefined || slowest.lag === 0 ? '' : `, up to ${slowest.lag} events behind`
  const [last] = ended.rows
  const over =
    last === undefined
      ? ''
      : `; ${ended.total} ended lately, the last at ${last.until} (${last.reason})`
  return `${capital(streamsOf(streams.total, 'open'))}${lag}${over}.`
}

function nameOf({ user, stream }: Asked): string | undefined {
  if (stream !== undefined) return `the stream ${stream}`
  return user === undefined ? undefined : `the user ${user}`
}

function capital(text: string): string {
  return text.charAt(0).toUpperCase() + text.slice(1)
}

function small(text: string): string {
  return text.charAt(0).toLowerCase() + text.slice(1)
}

function streamsOf(count: number, what: string): string {
  const word = count === 1 ? 'stream' : 'streams'
  return `${count === 0 ? 'no' : count} ${what === '' ? word : `${what} ${word}`}`
}

function listOf(counts: OutcomeCounts): string {
  return Object.entries(counts)
    .map(([outcome, count]) => `${count} ${outcome}`)
    .join(', ')
}
