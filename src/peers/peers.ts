import { RingcastError } from '../errors.js'
import type { Figures } from '../metrics/figures.js'
import type { MetricValues } from '../metrics/metrics.js'
import type { EndRequest, StreamsRequest } from './held-streams.js'
import { page, type Page, type PageRequest } from './page.js'
import type { PeerLink } from './peer-link.js'
import { tracesTogether, type Trace, type TraceRequest } from './trace-rows.js'
import type { StreamRow, TopicCount } from '../metrics/rows.js'

/**
 * What processes ask of each other: an argument and an answer, both of which pass through JSON. A
 * process answers for itself alone.
 */
export interface Questions {
  streams(request: StreamsRequest): Page<StreamRow>
  topics(wanted: { readonly topic: string | undefined }): readonly TopicCount[]
  endStream(stream: { readonly id: string }): boolean
  endStreamsOf(request: EndRequest): number
  trace(request: TraceRequest): Trace
  figures(of: object): Figures
  metrics(of: object): Promise<readonly MetricValues[]>
  /** Why the process wants no traffic; null while it does. */
  notReady(of: object): string | null
}

type Name = keyof Questions
type Asked<N extends Name> = Parameters<Questions[N]>[0]
type Answered<N extends Name> = Awaited<ReturnType<Questions[N]>>

/** The answers of all, one's own first, and how many did not answer in time. */
export interface FromAll<T> {
  readonly all: readonly T[]
  readonly silent: number
}

/** To whom a process has a line. */
export interface PeerLinks {
  /** The other workers of this node. */
  readonly ofNode: PeerLink
  /** All that serve the same log; the same line where these are the workers alone. */
  readonly ofLog: PeerLink
}

/** Asks all processes that serve the log, or all of this node, and answers for this one. */
export class Peers {
  readonly #links: PeerLinks
  readonly #own: Questions

  constructor(links: PeerLinks, own: Questions) {
    this.#links = links
    this.#own = own
    for (const link of this.#each()) link.answer((message) => this.#answer(message))
  }

  /** A page of the open streams. Each process gives as many as the page has, and one to tell of more. */
  async streams(request: StreamsRequest): Promise<Page<StreamRow> & { readonly silent: number }> {
    const asked = { ...request, limit: request.limit + 1 }
    const { all, silent } = await this.#ask(this.#links.ofLog, 'streams', asked)
    const rows = all.flatMap(({ items }) => items)
    const total = all.reduce((sum, each) => sum + each.total, 0)
    return { ...page(rows, ({ id }) => id, request), total, silent }
  }

  /**
   * A page of the topics that are subscribed to. A topic's place depends on what all say of it, so
   * each process tells all of its topics.
   */
  async topics(
    topic: string | undefined,
    request: PageRequest,
  ): Promise<Page<TopicCount> & { readonly silent: number }> {
    const { all, silent } = await this.#ask(this.#links.ofLog, 'topics', { topic })
    const counts = new Map<string, number>()
    for (const { topic: name, streams } of all.flat()) {
      counts.set(name, (counts.get(name) ?? 0) + streams)
    }
    const rows = Array.from(counts, ([name, streams]) => ({ topic: name, streams }))
    return { ...page(rows, (row) => row.topic, request), silent }
  }

  /** Ends the stream of an id, whichever process holds it. */
  async endStream(id: string): Promise<{ readonly found: boolean; readonly silent: number }> {
    if (this.#own.endStream({ id })) return { found: true, silent: 0 }
    const { all, silent } = await this.#askOthers(this.#links.ofLog, 'endStream', { id })
    return { found: all.includes(true), silent }
  }

  /** Ends a user's streams wherever they are, and refuses the user's tokens where that is asked. */
  async endStreamsOf(
    request: EndRequest,
  ): Promise<{ readonly ended: number; readonly silent: number }> {
    const { all, silent } = await this.#ask(this.#links.ofLog, 'endStreamsOf', request)
    return { ended: all.reduce((sum, each) => sum + each, 0), silent }
  }

  /** Where an event has got to, or what befell streams. Each process tells of as many as are listed. */
  async trace(request: TraceRequest): Promise<Trace & { readonly silent: number }> {
    const { all, silent } = await this.#ask(this.#links.ofLog, 'trace', request)
    return { ...tracesTogether(all, request.limit), silent }
  }

  /** The figures of each process of this node. */
  figures(): Promise<FromAll<Figures>> {
    return this.#ask(this.#links.ofNode, 'figures', {})
  }

  /**
   * The metrics of each process of this node, and never without one: counters that fall and jump back
   * are, to Prometheus, as many events anew; a scrape that fails is not.
   *
   * @throws RingcastError `RINGCAST_WORKER_SILENT`.
   */
  async metrics(): Promise<readonly (readonly MetricValues[])[]> {
    const { all, silent } = await this.#ask(this.#links.ofNode, 'metrics', {})
    if (silent === 0) return all
    throw new RingcastError(
      'RINGCAST_WORKER_SILENT',
      `of the workers of this node ${silent} did not answer in time: ask again`,
    )
  }

  /**
   * Why this node wants no traffic; null while it does, which is as long as one of its processes
   * does. The others are asked only by one that does not.
   */
  async notReady(): Promise<string | null> {
    const own = this.#own.notReady({})
    if (own === null) return null
    const { all } = await this.#askOthers(this.#links.ofNode, 'notReady', {})
    return all.includes(null) ? null : own
  }

  /** Asks and answers no more. */
  async close(): Promise<void> {
    await Promise.all(this.#each().map((link) => link.close()))
  }

  #each(): PeerLink[] {
    return [...new Set([this.#links.ofNode, this.#links.ofLog])]
  }

  async #ask<N extends Name>(
    link: PeerLink,
    name: N,
    asked: Asked<N>,
  ): Promise<FromAll<Answered<N>>> {
    // One's own first: what it throws is not asked of others.
    const own = await this.#answerOf(name, asked)
    const { all, silent } = await this.#askOthers(link, name, asked)
    return { all: [own, ...all], silent }
  }

  async #askOthers<N extends Name>(
    link: PeerLink,
    name: N,
    asked: Asked<N>,
  ): Promise<FromAll<Answered<N>>> {
    const { answers, silent } = await link.ask(JSON.stringify([name, asked]))
    const all = answers.flatMap((answer) => parsed<Answered<N>>(answer))
    return { all, silent: silent + answers.length - all.length }
  }

  async #answer(message: string): Promise<string> {
    const [name, asked] = JSON.parse(message) as [Name, Asked<Name>]
    return JSON.stringify(await this.#answerOf(name, asked))
  }

  #answerOf<N extends Name>(name: N, asked: Asked<N>): Answered<N> | Promise<Answered<N>> {
    // What belongs to a name is not followed by the compiler.
    const answer = this.#own[name] as (asked: Asked<N>) => Answered<N> | Promise<Answered<N>>
    return answer(asked)
  }
}

/** What an answer says; nothing, if it is none. */
function parsed<T>(answer: string): T[] {
  try {
    return [JSON.parse(answer) as T]
  } catch {
    return []
  }
}
