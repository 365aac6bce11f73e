/** A topic or pattern, or what several begin with. */
export interface TopicNode {
  /** The last segment of it. */
  readonly name: string
  /** The whole, up to here. */
  readonly path: string
  /** Streams that asked for just this; 0 for what topics only begin with. */
  streams: number
  /** Events a second, of just this. */
  perSecond: number
  /** Whether there is a topic or pattern of just this name. */
  isTopic: boolean
  readonly children: Map<string, TopicNode>
}

/** Topics and patterns as a tree, split at `/`. */
export function topicTree(
  subscribed: ReadonlyMap<string, number>,
  busiest: readonly { readonly topic: string; readonly perSecond: number }[],
): TopicNode {
  const root = node('', '')
  for (const [topic, streams] of subscribed) place(root, topic).streams = streams
  for (const { topic, perSecond } of busiest) place(root, topic).perSecond = perSecond
  return root
}

/** The sum over a node and all below it. */
export function total(of: TopicNode, field: 'streams' | 'perSecond'): number {
  let sum = of[field]
  for (const child of of.children.values()) sum += total(child, field)
  return sum
}

/** What to listen to for all that a node stands for. */
export function patternsOf({ path, isTopic, children }: TopicNode): string[] {
  return [...(isTopic ? [path] : []), ...(children.size > 0 ? [`${path}/**`] : [])]
}

function place(root: TopicNode, topic: string): TopicNode {
  let at = root
  for (const segment of topic.split('/')) {
    const path = at === root ? segment : `${at.path}/${segment}`
    const child = at.children.get(segment) ?? node(segment, path)
    at.children.set(segment, child)
    at = child
  }
  at.isTopic = true
  return at
}

function node(name: string, path: string): TopicNode {
  return { name, path, streams: 0, perSecond: 0, isTopic: false, children: new Map() }
}
