/** An event as it is pushed. */
export interface Push {
  readonly topic?: string | readonly string[]
  readonly user?: string
  readonly event?: string
  readonly key?: string
  readonly data: unknown
}

/** Makes `curl` commands for one service. */
export class Curls {
  readonly #base: string
  readonly #credential: string

  /**
   * @param base the URL that the service is at, with a slash at its end.
   * @param credentials whether it wants to know who asks. The token itself is never shown: the shell
   * puts it in.
   */
  constructor(base: string, credentials: boolean) {
    this.#base = base
    this.#credential = credentials ? ' -H "Authorization: Bearer $RINGCAST_TOKEN"' : ''
  }

  /** One that pushes an event. */
  push(push: Push): string {
    return `curl${this.#credential} --json ${quoted(JSON.stringify(push))} ${quoted(`${this.#base}api/push`)}`
  }

  /** One that listens to topics. */
  listen(topics: readonly string[]): string {
    const query = topics.map((topic) => `topic=${encodeURIComponent(topic)}`).join('&')
    return `curl -N${this.#credential} ${quoted(`${this.#base}events?${query}`)}`
  }
}

/** A word of a POSIX shell, in quotes unless it needs none. */
export function quoted(word: string): string {
  return /^[\w./:@%+=-]+$/.test(word) ? word : `'${word.replaceAll("'", `'\\''`)}'`
}
