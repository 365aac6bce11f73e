import { Filter } from './filter.js'
import { PatternTree } from './pattern-tree.js'
import type { Stream } from './stream.js'

/** Who is connected: by number, by user, by topic and by pattern. */
export class StreamMap {
  readonly #byNumber = new Map<number, Stream>()
  readonly #byUser = new Map<string, Set<Stream>>()
  readonly #filters = new Map<string, Filter>()
  readonly #byTopic = new Map<string, Set<Filter>>()
  readonly #patterns = new PatternTree<Filter>()

  /** How many streams are open. */
  get size(): number {
    return this.#byNumber.size
  }

  /** The filter of these topics: the same object for all streams that ask for the same. */
  filter(topics: readonly string[]): Filter {
    const filter = new Filter(topics)
    return this.#filters.get(filter.key) ?? filter
  }

  /** Adds a stream; its filter must come from `filter` of this map. */
  add(stream: Stream): void {
    this.#byNumber.set(stream.number, stream)
    this.#index(stream)
  }

  /** Gives a stream, which is here, another filter of this map. */
  change(stream: Stream, filter: Filter): void {
    this.#unindex(stream)
    stream.filter = filter
    this.#index(stream)
  }

  /** Removes a stream, if it is here. */
  remove(stream: Stream): void {
    if (this.#byNumber.delete(stream.number)) this.#unindex(stream)
  }

  /** The stream of a number, if it is open. */
  get(number: number): Stream | undefined {
    return this.#byNumber.get(number)
  }

  /** All open streams, oldest first. */
  values(): IterableIterator<Stream> {
    return this.#byNumber.values()
  }

  /** The open streams of a user. */
  ofUser(user: string): ReadonlySet<Stream> {
    return this.#byUser.get(user) ?? noStreams
  }

  /** Every topic and pattern that some stream asked for, with its filters. */
  *topics(): IterableIterator<[topic: string, streams: number]> {
    const counts = new Map<string, number>()
    for (const filter of this.#filters.values()) {
      for (const topic of filter.topics) {
        counts.set(topic, (counts.get(topic) ?? 0) + filter.streams.size)
      }
    }
    yield* counts
  }

  /** Visits the streams that an event of this topic concerns; some perhaps more than once. */
  visitTopic(topic: string, visit: (stream: Stream) => void): void {
    const exact = this.#byTopic.get(topic)
    if (exact !== undefined) for (const filter of exact) filter.streams.forEach(visit)
    if (this.#patterns.size === 0) return
    this.#patterns.visitMatches(topic, (filter) => filter.streams.forEach(visit))
  }

  /** Visits the streams of a user. */
  visitUser(user: string, visit: (stream: Stream) => void): void {
    this.#byUser.get(user)?.forEach(visit)
  }

  #index(stream: Stream): void {
    const { filter, user } = stream
    if (user !== undefined) addTo(this.#byUser, user, stream)
    filter.streams.add(stream)
    if (filter.streams.size === 1) this.#addFilter(filter)
  }

  #unindex(stream: Stream): void {
    const { filter, user } = stream
    if (user !== undefined) removeFrom(this.#byUser, user, stream)
    filter.streams.delete(stream)
    if (filter.streams.size === 0) this.#removeFilter(filter)
  }

  #addFilter(filter: Filter): void {
    this.#filters.set(filter.key, filter)
    for (const topic of filter.exact) addTo(this.#byTopic, topic, filter)
    for (const pattern of filter.patterns) this.#patterns.add(pattern, filter)
  }

  #removeFilter(filter: Filter): void {
    this.#filters.delete(filter.key)
    for (const topic of filter.exact) removeFrom(this.#byTopic, topic, filter)
    for (const pattern of filter.patterns) this.#patterns.remove(pattern, filter)
  }
}

const noStreams: ReadonlySet<Stream> = new Set()

function addTo<T>(sets: Map<string, Set<T>>, name: string, item: T): void {
  const set = sets.get(name)
  if (set === undefined) sets.set(name, new Set([item]))
  else set.add(item)
}

function removeFrom<T>(sets: Map<string, Set<T>>, name: string, item: T): void {
  const set = sets.get(name)
  if (set?.delete(item) === true && set.size === 0) sets.delete(name)
}
