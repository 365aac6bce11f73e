/** How long a client may take for a request, in milliseconds. */
export interface RequestTimes {
  /** For the request line and headers, and for the handshake of TLS before them. */
  readonly headersMs: number
  /** For the whole, its body included. */
  readonly requestMs: number
  /** How often it is looked which are late. */
  readonly checkMs: number
}

/** What clients have, at each port. */
export const requestTimes: RequestTimes = {
  headersMs: 15_000,
  requestMs: 30_000,
  checkMs: 5_000,
}
