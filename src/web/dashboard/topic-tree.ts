/** How deep the tree goes: a topic may have hundreds of segments, and all of them are made anew. */
const mostDeep = 32

/** A topic or pattern, or what several begin with. */
export interface TopicNode {
  /** The last segment of it; of what is very deep all the rest. */
  readonly name: string
  /** The whole, up to here. */
  readonly path: string
  /** Streams that asked for just this; 0 for what topics only begin with. */
  streams: number
  /** Events a second, of just this. */
  perSecond: number
  /** Whether there is a topic or pattern of just this name. */
  isTopic: boolean
  /** Streams and events of it and of all below it. */
  readonly sums: { streams: number; perSecond: number }
  readonly children: Map<string, TopicNode>
}

/** Topics and patterns as a tree, split at `/`. */
export function topicTree(
  subscribed: ReadonlyMap<string, number>,
  busiest: readonly { readonly topic: string; readonly perSecond: number }[],
): TopicNode {
  const root = node('', '')
  for (const [topic, streams] of subscribed) place(root, topic, 'streams', streams)
  for (const { topic, perSecond } of busiest) place(root, topic, 'perSecond', perSecond)
  return root
}

/** What to listen to for all that a node stands for. */
export function patternsOf({ path, isTopic, children }: TopicNode): string[] {
  return [...(isTopic ? [path] : []), ...(children.size > 0 ? [`${path}/**`] : [])]
}

function place(
  root: TopicNode,
  topic: string,
  field: 'streams' | 'perSecond',
  value: number,
): void {
  let at = root
  for (const segment of segmentsOf(topic)) {
    const path = at === root ? segment : `${at.path}/${segment}`
    const child = at.children.get(segment) ?? node(segment, path)
    at.children.set(segment, child)
    // Added up on the way down: sums made when they are asked for would be made for each sorting.
    child.sums[field] += value
    at = child
  }
  at.isTopic = true
  at[field] = value
}

function segmentsOf(topic: string): string[] {
  const all = topic.split('/')
  if (all.length <= mostDeep) return all
  return [...all.slice(0, mostDeep - 1), all.slice(mostDeep - 1).join('/')]
}

function node(name: string, path: string): TopicNode {
  return {
    name,
    path,
    streams: 0,
    perSecond: 0,
    isTopic: false,
    sums: { streams: 0, perSecond: 0 },
    children: new Map(),
  }
}
