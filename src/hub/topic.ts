/** The longest topic or pattern, in bytes of UTF-8. */
export const maxTopicBytes = 1024

/**
 * The most segments of a pattern. Each pattern still in play costs a look at each segment of a topic,
 * so a hundred patterns of five hundred wildcards would make every push slow.
 */
export const maxPatternSegments = 32

/** The topic of an event that names neither topic nor user. */
export const defaultTopic = 'broadcast'

/** What no name of a topic, user or event has. */
export const controlCharacter = /[\u0000-\u001f\u007f-\u009f]/

/** What is wrong with a text as an exact topic, as the end of a sentence; undefined if nothing is. */
export function topicProblem(text: string): string | undefined {
  const problem = nameProblem(text)
  if (problem !== undefined) return problem
  return isPattern(text)
    ? 'must not have a segment * or **: these are for subscribing, an event has exact topics'
    : undefined
}

/** What is wrong with a text as a topic to subscribe to, pattern or exact; undefined if nothing is. */
export function subscriptionProblem(text: string): string | undefined {
  const problem = nameProblem(text)
  if (problem !== undefined) return problem
  if (!isPattern(text)) return undefined
  const segments = text.split('/')
  if (segments.length > maxPatternSegments) {
    return `may have at most ${maxPatternSegments} segments as a pattern (it has ${segments.length})`
  }
  const doubleStar = segments.indexOf('**')
  return doubleStar !== -1 && doubleStar !== segments.length - 1
    ? 'may have ** as its last segment only'
    : undefined
}

/** What is wrong with a text as the name of a topic or user; undefined if nothing is. */
export function nameProblem(text: string): string | undefined {
  if (text.length === 0) return 'must not be empty'
  if (controlCharacter.test(text)) return 'must not have control characters'
  if (!text.isWellFormed()) return 'must be text that UTF-8 can carry (it has a lone surrogate)'
  const bytes = Buffer.byteLength(text)
  return bytes > maxTopicBytes
    ? `must be at most ${maxTopicBytes} bytes (it has ${bytes})`
    : undefined
}

/** Whether a subscription is a pattern: one of its segments is `*`, or its last is `**`. */
export function isPattern(text: string): boolean {
  if (!text.includes('*')) return false
  return text.split('/').some((segment) => segment === '*' || segment === '**')
}

/** Whether a topic belongs to the service. */
export function isReserved(topic: string): boolean {
  return topic.startsWith('$')
}

/** The part of a pattern before its first wildcard segment, with its last `/`; may be empty. */
export function literalPrefix(pattern: string): string {
  const segments = pattern.split('/')
  const wildcard = segments.findIndex((segment) => segment === '*' || segment === '**')
  return segments
    .slice(0, wildcard)
    .map((segment) => `${segment}/`)
    .join('')
}

/**
 * Whether a pattern matches a topic. One pass over both, no backtracking: `**` stands at the end
 * only, so every segment has one way to match, and a hostile pattern costs what any other does.
 */
export function patternMatches(pattern: string, topic: string): boolean {
  let p = 0
  let t = 0
  if (isReserved(topic) && pattern.startsWith('*')) return false
  for (;;) {
    const patternEnd = endOfSegment(pattern, p)
    const topicEnd = endOfSegment(topic, t)
    if (isWildcard(pattern, p, patternEnd)) {
      if (patternEnd - p === 2) return true
    } else if (!sameText(pattern, p, patternEnd, topic, t, topicEnd)) return false
    if (patternEnd === pattern.length || topicEnd === topic.length) {
      return patternEnd === pattern.length && topicEnd === topic.length
    }
    p = patternEnd + 1
    t = topicEnd + 1
  }
}

/**
 * Whether a pattern or topic matches all that another one matches. What is granted by several
 * patterns together counts for nothing: one of them has to cover the whole.
 */
export function covers(outer: string, inner: string): boolean {
  if (isReserved(inner) && outer.startsWith('*')) return false
  const wide = outer.split('/')
  const narrow = inner.split('/')
  const open = wide.at(-1) === '**'
  if (open ? narrow.length < wide.length : narrow.length !== wide.length) return false
  // A `**` of the inner one is its last segment: where the outer one asks for one segment, it is more.
  return wide.every(
    (segment, at) =>
      segment === narrow[at] || segment === '**' || (segment === '*' && narrow[at] !== '**'),
  )
}

function endOfSegment(text: string, from: number): number {
  const slash = text.indexOf('/', from)
  return slash === -1 ? text.length : slash
}

function isWildcard(text: string, from: number, end: number): boolean {
  const length = end - from
  return (
    (length === 1 && text[from] === '*') ||
    (length === 2 && text[from] === '*' && text[from + 1] === '*')
  )
}

function sameText(
  a: string,
  aFrom: number,
  aEnd: number,
  b: string,
  bFrom: number,
  bEnd: number,
): boolean {
  if (aEnd - aFrom !== bEnd - bFrom) return false
  for (let i = 0; i < aEnd - aFrom; i++) {
    if (a.charCodeAt(aFrom + i) !== b.charCodeAt(bFrom + i)) return false
  }
  return true
}
