/** How long a client may take for a request, in milliseconds. */
export interface RequestTimes {
  /** For the request line and headers, and for the handshake of TLS before them. */
  readonly headersMs: number
  /** For the whole, its body included. */
  readonly requestMs: number
  /** How often it is looked which are late. */
  readonly checkMs: number
  /** For a connection to be silent both ways, but for streams: between requests, or in an answer that nobody reads. */
  readonly idleMs: number
}

/** What clients have, at each port. */
export const requestTimes: RequestTimes = {
  headersMs: 15_000,
  requestMs: 30_000,
  checkMs: 5_000,
  // Longer than the minute for which proxies keep connections: it is they who close them.
  idleMs: 72_000,
}
