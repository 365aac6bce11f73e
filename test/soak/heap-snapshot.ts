import { readFileSync } from 'node:fs'

/** A heap snapshot as V8 writes it: each node is so many numbers in a row. */
interface HeapSnapshot {
  readonly snapshot: {
    readonly meta: {
      readonly node_fields: readonly string[]
      /** Of the field `type`, the first, which there are; of the others something else. */
      readonly node_types: readonly [readonly string[]]
    }
  }
  readonly nodes: readonly number[]
}

/**
 * What the objects of a heap take, in bytes, without the code that V8 has compiled, and all that it keeps
 * for that: it grows for as long as something runs often enough for the first time. (The statistics of
 * `node:v8` count four fifths of it.)
 */
export function heapWithoutCode(path: string): number {
  const { snapshot, nodes } = JSON.parse(readFileSync(path, 'utf8')) as HeapSnapshot
  const {
    node_fields: fields,
    node_types: [types],
  } = snapshot.meta
  const [type, size] = [fields.indexOf('type'), fields.indexOf('self_size')]
  // What is native is beside the heap.
  const left = ['code', 'native'].map((name) => types.indexOf(name))
  let sum = 0
  for (let at = 0; at < nodes.length; at += fields.length) {
    if (!left.includes(nodes[at + type]!)) sum += nodes[at + size]!
  }
  return sum
}
