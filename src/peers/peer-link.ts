/** What the others said: their answers, and how many did not answer in time. */
export interface Answers {
  readonly answers: readonly string[]
  readonly silent: number
}

/** Answers what another process asks. */
export type Responder = (message: string) => string | Promise<string>

/** A line to the other processes that serve the same log. */
export interface PeerLink {
  /** Sends a message to every other process; resolves, always, with the answers of those that live. */
  ask(message: string): Promise<Answers>
  /** Names what answers the messages of others; once. */
  answer(responder: Responder): void
  /** Asks and answers no more. */
  close(): Promise<void>
}

/** How long an answer is waited for, in milliseconds. */
export const answerMs = 2000

/** The line of a process that is alone. */
export const noPeers: PeerLink = {
  ask: () => Promise.resolve({ answers: [], silent: 0 }),
  answer: () => {
    // Nobody asks.
  },
  close: () => Promise.resolve(),
}
