import type { KeptTicket } from '../auth/tickets.js'
import type { Addresses } from '../listening.js'
import type { Certificate } from '../certificate.js'
import type { StreamLimit, StreamOwner } from '../limits/stream-limits.js'
import type { Answers } from '../peers/peer-link.js'
import type { Settings } from '../settings.js'

/** What a worker is started with. */
export interface WorkerStart {
  readonly settings: Settings
  /** The name of the node, of which the worker is one process. */
  readonly node: string
  /** What it shows its clients, if it is reached over TLS. */
  readonly certificate: Certificate | undefined
  /** From 1; one that replaces another has a number of its own. */
  readonly worker: number
}

/** Whether a push may pass: who pushes, and how many events. */
export interface PushCount {
  readonly client: string
  readonly events: number
}

/** What a worker calls the primary for. Null stands for what is not there. */
export interface PrimaryCalls {
  /** The worker hears what it is called for; what came sooner, Node would have dropped. */
  ready(of: null): void
  /** Asks all other workers. */
  askPeers(message: string): Promise<Answers>
  putTicket(ticket: { readonly ticket: string; readonly kept: KeptTicket }): boolean
  takeTicket(ticket: string): KeptTicket | null
  takePlace(owner: StreamOwner): StreamLimit | null
  giveBackPlace(owner: StreamOwner): void
  waitMs(push: PushCount): number
  spend(push: PushCount): number
  /** The worker has appended to the log. */
  headMoved(of: null): void
}

/** What the primary calls a worker for. */
export interface WorkerCalls {
  /** Begins to serve; where, or why it cannot. */
  start(how: WorkerStart): Promise<Addresses>
  /** Answers what another worker asks. */
  answer(message: string): Promise<string>
  /** Another worker has appended to the log. */
  headMoved(of: null): void
  /** Shows this certificate from now on. */
  useCertificate(certificate: Certificate): void
  /** Shuts down without loss, then exits. */
  drain(of: null): void
}
