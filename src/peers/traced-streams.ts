import type { Hub } from '../hub/hub.js'
import type { Stream } from '../hub/stream.js'
import {
  lagOf,
  passageOf,
  traced,
  type Passage,
  type Traced,
  type TracedEvent,
} from '../hub/trace.js'
import { largest } from '../metrics/largest.js'
import { rowOf } from '../metrics/rows.js'
import type { EndedStream, EndedStreams } from './ended-streams.js'
import { whyOf } from './trace-reasons.js'
import {
  placeOf,
  type EndedRow,
  type GapRow,
  type OutcomeFields,
  type Trace,
  type TracedPart,
  type TracedRow,
  type TraceRequest,
} from './trace-rows.js'

/** A stream, and what became of the event there if one is traced. */
interface Found<S> {
  readonly stream: S
  readonly passage: Passage
  readonly traced: Traced | undefined
}

/** Traces the streams that this process holds, or has held: not those of `$sys` topics. */
export class TracedStreams {
  readonly #hub: Hub
  readonly #node: string
  readonly #ended: EndedStreams

  /** @param node the name that rows give to this node. */
  constructor(hub: Hub, node: string, ended: EndedStreams) {
    this.#hub = hub
    this.#node = node
    this.#ended = ended
  }

  trace(request: TraceRequest): Trace {
    const hub = this.#hub
    const open = [...hub.streams.values()]
      .filter((stream) => isAsked(request, stream.user, () => hub.streamId(stream)))
      .map((stream) => found(request, stream, passageOf(hub.ring, stream)))
    const ended = [...this.#ended.values()]
      .filter(({ id, passage }) => isAsked(request, passage.user, () => id))
      .map((stream) => found(request, stream, stream.passage))
    const lag = ({ passage }: Found<Stream>): number => lagOf(passage, hub.ring.next)
    return {
      streams: part(request, open, lag, (each) => this.#row(request.event, each)),
      ended: part(
        request,
        ended,
        ({ stream }) => stream.endedAt,
        (each) => this.#endedRow(request.event, each),
      ),
    }
  }

  #row(event: TracedEvent | undefined, { stream, passage, traced }: Found<Stream>): TracedRow {
    return {
      ...rowOf(this.#hub, this.#node, stream),
      ...outcomeOf(event, passage, traced, this.#hub.ring.next),
      gaps: gapsOf(passage),
    }
  }

  #endedRow(
    event: TracedEvent | undefined,
    { stream, passage, traced }: Found<EndedStream>,
  ): EndedRow {
    const { id, transport, address, openedAt, endedAt, reason, cursor = null } = stream
    return {
      id,
      node: this.#node,
      transport,
      user: passage.user ?? null,
      address,
      topics: passage.filter.topics,
      since: new Date(openedAt).toISOString(),
      until: new Date(endedAt).toISOString(),
      reason,
      cursor,
      ...outcomeOf(event, passage, traced, this.#hub.ring.next),
      gaps: gapsOf(passage),
    }
  }
}

function isAsked(
  { user, stream }: TraceRequest,
  ofUser: string | undefined,
  id: () => string,
): boolean {
  return (user === undefined || ofUser === user) && (stream === undefined || id() === stream)
}

function found<S>({ event }: TraceRequest, stream: S, passage: Passage): Found<S> {
  return { stream, passage, traced: event === undefined ? undefined : traced(passage, event) }
}

/** Makes rows of those that are listed, and counts the others. */
function part<S, Row>(
  request: TraceRequest,
  all: readonly Found<S>[],
  within: (each: Found<S>) => number,
  rowOf: (each: Found<S>) => Row,
): TracedPart<Row> {
  const outcomes: Record<string, number> = {}
  for (const { traced } of all) {
    if (traced === undefined) continue
    const outcome = traced.outcome ?? 'unknown'
    outcomes[outcome] = (outcomes[outcome] ?? 0) + 1
  }
  const listed = all.filter(({ traced }) => isListed(request, traced))
  const first = largest(
    listed,
    (each) => placeOf(each.traced?.outcome, within(each)),
    request.limit,
  )
  return { rows: first.map(rowOf), total: listed.length, outcomes }
}

/** Where it is asked for an event alone, those are listed that it concerned while they were there. */
function isListed({ user, stream }: TraceRequest, traced: Traced | undefined): boolean {
  if (traced === undefined || user !== undefined || stream !== undefined) return true
  return traced.outcome === 'gapped' || (traced.by !== null && traced.outcome !== 'after-end')
}

function outcomeOf(
  event: TracedEvent | undefined,
  passage: Passage,
  traced: Traced | undefined,
  head: number,
): OutcomeFields {
  if (event === undefined || traced === undefined) return {}
  const { outcome, by } = traced
  return { outcome, by, why: whyOf(event, passage, traced, lagOf(passage, head)) }
}

function gapsOf({ gaps }: Passage): readonly GapRow[] {
  return gaps.map(({ reason, after, at }) => ({ reason, after, at: new Date(at).toISOString() }))
}
