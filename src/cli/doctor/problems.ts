/** What a problem is to those who use the service, and what mends it where no proxy does. */
export interface ProblemKind {
  /** One sentence: what users see of it. */
  readonly effect: string
  /** What mends it at the service, or at whoever asks. */
  readonly mend?: readonly string[]
}

/**
 * All that can be found wrong. What mends a problem of the way to the service is in the table of
 * remedies, by proxy.
 */
export const problems = {
  unreachable: {
    effect: 'Nobody gets there.',
    mend: ['Is the service running, and does what stands in front of it know where?'],
  },
  certificate: {
    effect: 'Browsers and clients refuse the connection, or soon will.',
    mend: [
      'Renew the certificate for this name, and serve it with its whole chain.',
      'For a certificate authority of your own: NODE_EXTRA_CA_CERTS=ca.pem npx ringcast doctor …',
    ],
  },
  'no-tls': {
    effect: 'Nobody gets there by https.',
    mend: [
      'Give the address with http://, or the port that speaks TLS (of the service: TLS_CERT).',
    ],
  },
  'not-ringcast': {
    effect: 'What answers at this address is not Ringcast.',
    mend: ['Give the address under which /events is, with its path if it has one.'],
  },
  path: { effect: 'The service answers, but asked for another path: nothing of it is found.' },
  'host-refused': {
    effect: 'The service refuses all requests that come by this name.',
    mend: ['Set a credential (API_KEYS, JWT_SECRET), or start it with --anonymous all to mean it.'],
  },
  credential: {
    effect: 'Streams and pushes are refused, so most could not be looked at.',
    mend: ['Give a good key or token: RINGCAST_TOKEN, --token or --token-file.'],
  },
  'content-type': {
    effect: 'An EventSource gives up for good at any other type than text/event-stream.',
  },
  'cache-control': {
    effect: 'Whatever stands further on may compress, hold back or keep what it must not.',
  },
  compression: {
    effect:
      'A compressor waits for more before it lets go of what it has, and costs memory a stream.',
  },
  chunked: {
    effect:
      'A connection that breaks looks like one that ended, so a client may miss what it lost.',
  },
  buffering: {
    effect: 'Users see nothing for minutes, then everything at once.',
  },
  nodes: {
    effect: 'A push reaches the streams of one node only.',
    mend: ['Let all nodes have one log: STORE=redis://… on each of them.'],
  },
  caching: {
    effect: 'Clients get what was answered to somebody else, or a while ago.',
  },
  'last-event-id': {
    effect: 'A client that comes back does not get what it missed.',
  },
  authorization: {
    effect: 'Backends and clients that send a key or token are refused.',
  },
  'origin-header': {
    effect: 'The service cannot tell whose page asks: cookies are not guarded, and CORS fails.',
  },
  host: {
    effect: 'Pages of the service’s own origin are refused, the dashboard among them.',
  },
  origins: {
    effect: 'Pages of this origin are refused.',
    mend: ['ORIGINS at the service has to name it: --origins https://app.example.com'],
  },
  cors: {
    effect: 'Browsers keep what the service answers from pages of this origin.',
  },
  websocket: {
    effect: 'Clients that talk back over /ws do not connect.',
  },
  'forged-address': {
    effect: 'Anyone can claim any address, so limits by address hold nobody.',
    mend: ['TRUST_PROXY at the service names the proxies by their addresses, not by a number.'],
  },
  idle: {
    effect: 'Quiet streams are cut and come back again and again.',
    mend: ['Or let the service write more often: HEARTBEAT below the time that is cut at.'],
  },
  'idle-websocket': {
    effect: 'Quiet WebSocket connections are cut and come back again and again.',
    mend: ['Or let the service ping more often: HEARTBEAT below the time that is cut at.'],
  },
} as const satisfies Record<string, ProblemKind>

/** The name of a problem, as `--json` has it; it stays. */
export type ProblemCode = keyof typeof problems
