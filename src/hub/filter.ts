import type { AcceptedEvent } from './event.js'
import { PatternTree } from './pattern-tree.js'
import type { Stream } from './stream.js'
import { isPattern, literalPrefix, patternMatches } from './topic.js'

/** What is wanted of the log: what a filter matches, and what is for a user. */
export interface Wants {
  readonly filter: Filter
  readonly user: string | undefined
}

/** Whom an event concerns. */
export type Concern = Pick<AcceptedEvent, 'topics' | 'users'>

/** A set of topics and patterns, one object for all streams that ask for the same. */
export class Filter {
  /** What was asked for, each once, sorted. */
  readonly topics: readonly string[]
  /** The exact ones of them. */
  readonly exact: ReadonlySet<string>
  /** The patterns of them. */
  readonly patterns: readonly string[]
  /** The literal beginnings of the patterns, each once. */
  readonly prefixes: readonly string[]
  /** The open streams that hold it; kept by the stream map. */
  readonly streams = new Set<Stream>()
  readonly #matchesPattern: ((topic: string) => boolean) | undefined

  constructor(topics: readonly string[]) {
    this.topics = [...new Set(topics)].sort()
    this.exact = new Set(this.topics.filter((topic) => !isPattern(topic)))
    this.patterns = this.topics.filter(isPattern)
    this.prefixes = [...new Set(this.patterns.map(literalPrefix))]
    if (this.patterns.length > 0) this.#matchesPattern = matcherOf(this.patterns)
  }

  /** A text that filters of the same topics share; topics have no control characters. */
  get key(): string {
    return this.topics.join('\n')
  }

  /** Whether one of the event's topics is one of these. */
  matches({ topics }: Pick<AcceptedEvent, 'topics'>): boolean {
    return topics.some((topic) => this.exact.has(topic) || this.#matchesPattern?.(topic) === true)
  }
}

/** Whether an event is wanted: by its topics or by its users. */
export function isWanted(wants: Wants, event: Concern): boolean {
  if (event.users.length > 0) return wants.user !== undefined && event.users.includes(wants.user)
  return wants.filter.matches(event)
}

/** One pattern is matched as it is; a hundred, by their tree, cost hardly more. */
function matcherOf(patterns: readonly string[]): (topic: string) => boolean {
  const [first, second] = patterns
  if (second === undefined) return (topic) => patternMatches(first!, topic)
  const tree = new PatternTree<true>()
  for (const pattern of patterns) tree.add(pattern, true)
  return (topic) => tree.matches(topic)
}
