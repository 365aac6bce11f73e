/** A credential for one connection. A ticket is good for one; a token stands in the URL. */
export interface Credential {
  readonly ticket?: string
  readonly token?: string
}

/** How to connect. */
export interface ConnectOptions {
  /** Topics and patterns, up to 100. Default: what the service gives without any: `broadcast`. */
  readonly topics?: readonly string[]
  /**
   * To begin with, the newest so many retained events that match (0 to 1,000). Default: 0, live only.
   * It does not count where there is a place to go on from.
   */
  readonly last?: number
  /**
   * Asked for a credential before each request for the stream, so that a ticket is never used twice.
   * One that rejects counts as a connection that failed. Default: none, or the cookie of a session.
   */
  readonly auth?: () => Credential | null | undefined | Promise<Credential | null | undefined>
  /** Whether cookies go to another origin, which has to allow it. Default: false. */
  readonly withCredentials?: boolean
  /**
   * Whether all tabs of the origin that ask for the same (URL, topics, `last`, `withCredentials`)
   * share one connection. Default: false. Where the browser has no Web Locks (pages that are served
   * neither over https nor from loopback) each tab has its own all the same.
   */
  readonly share?: boolean
  /**
   * Whether the tab goes on from its place after a reload (it is kept in `sessionStorage`), so that
   * it gets what came meanwhile and nothing that it had before. Default: false.
   */
  readonly remember?: boolean
  /** Closes the stream when it is aborted. */
  readonly signal?: AbortSignal
}

/** The URL of a stream, without what differs from connection to connection. */
export function streamUrl(url: string | URL, { topics = [], last }: ConnectOptions): URL {
  const whole = new URL(url, baseUrl())
  for (const topic of topics) whole.searchParams.append('topic', topic)
  if (last !== undefined) whole.searchParams.set('last', String(last))
  whole.searchParams.set('envelope', '1')
  return whole
}

/** What a relative URL is relative to; nothing where there is neither page nor worker. */
function baseUrl(): string | undefined {
  return (globalThis.document as Document | undefined)?.baseURI ?? globalThis.location.href
}
