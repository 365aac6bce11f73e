import { isReserved } from './topic.js'

interface Node<T> {
  readonly children: Map<string, Node<T>>
  /** What holds a pattern that ends here. */
  readonly here: Set<T>
  /** What holds a pattern that goes on with `**`, its last segment. */
  readonly below: Set<T>
}

/**
 * Patterns as a tree of their segments, so that a topic meets only those that can match it. At each
 * depth the nodes still in play are at most the patterns that got so far; none is met twice.
 */
export class PatternTree<T> {
  readonly #root: Node<T> = newNode()
  #size = 0

  /** How many pattern and holder pairs it has. */
  get size(): number {
    return this.#size
  }

  /** Adds a holder of a pattern; each pair is added once. */
  add(pattern: string, holder: T): void {
    let node = this.#root
    for (const segment of pattern.split('/')) {
      if (segment === '**') {
        node.below.add(holder)
        this.#size++
        return
      }
      let child = node.children.get(segment)
      if (child === undefined) node.children.set(segment, (child = newNode()))
      node = child
    }
    node.here.add(holder)
    this.#size++
  }

  /** Removes a holder of a pattern that was added. */
  remove(pattern: string, holder: T): void {
    const segments = pattern.split('/')
    const rest = segments.at(-1) === '**'
    if (rest) segments.pop()
    const path = [this.#root]
    for (const segment of segments) path.push(path.at(-1)!.children.get(segment)!)
    const node = path.at(-1)!
    ;(rest ? node.below : node.here).delete(holder)
    this.#size--
    for (let depth = segments.length; depth > 0 && isEmpty(path[depth]!); depth--) {
      path[depth - 1]!.children.delete(segments[depth - 1]!)
    }
  }

  /** Whether any of the patterns matches a topic. */
  matches(topic: string): boolean {
    let found = false
    this.visitMatches(topic, () => (found = true))
    return found
  }

  /** Visits the holders of the patterns that match a topic; one of several patterns more than once. */
  visitMatches(topic: string, visit: (holder: T) => void): void {
    let nodes: Node<T>[] = [this.#root]
    // No pattern that starts with a wildcard matches a topic of the service.
    let wild = !isReserved(topic)
    for (const segment of topic.split('/')) {
      const next: Node<T>[] = []
      for (const node of nodes) {
        if (wild) node.below.forEach(visit)
        const literal = node.children.get(segment)
        if (literal !== undefined) next.push(literal)
        const star = wild && segment !== '*' ? node.children.get('*') : undefined
        if (star !== undefined) next.push(star)
      }
      if (next.length === 0) return
      nodes = next
      wild = true
    }
    for (const node of nodes) node.here.forEach(visit)
  }
}

function newNode<T>(): Node<T> {
  return { children: new Map(), here: new Set(), below: new Set() }
}

function isEmpty(node: Node<unknown>): boolean {
  return node.children.size === 0 && node.here.size === 0 && node.below.size === 0
}
