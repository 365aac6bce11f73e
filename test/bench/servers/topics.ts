import type { IncomingMessage } from 'node:http'

/** Who listens to which topic, in the servers that Ringcast is compared with. */
export class Topics<T> {
  readonly #members = new Map<string, Set<T>>()

  add(topic: string, member: T): void {
    const members = this.#members.get(topic)
    if (members === undefined) this.#members.set(topic, new Set([member]))
    else members.add(member)
  }

  remove(topic: string, member: T): void {
    this.#members.get(topic)?.delete(member)
  }

  of(topic: string): ReadonlySet<T> {
    return this.#members.get(topic) ?? new Set()
  }
}

/** The topic that a URL names. */
export function topicOf(url: string | undefined): string {
  return new URL(url ?? '', 'http://localhost').searchParams.get('topic') ?? ''
}

/** The whole body of a request. */
export async function bodyOf(request: IncomingMessage): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of request) parts.push(part as Buffer)
  return Buffer.concat(parts)
}

/** Says where the server listens, as `startNode` reads it. */
export function announce(port: number): void {
  process.stdout.write(`listening on http://127.0.0.1:${port}\n`)
}
