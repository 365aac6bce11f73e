import cluster, { type Worker } from 'node:cluster'
import type { PrimaryCalls, WorkerCalls, WorkerStart } from './calls.js'
import type { Certificate } from '../certificate.js'
import { Channel } from './channel.js'
import type { Addresses } from '../listening.js'

/** How a worker ended: its exit code, or the signal that killed it. */
export interface WorkerEnd {
  readonly code: number | null
  readonly signal: string | null
}

/** A worker that cannot begin to serve. The message is one line that says why; exit code 1. */
export class WorkerStartError extends Error {
  override readonly name = 'WorkerStartError'
}

/** A worker, as the primary has it. */
export class WorkerProcess {
  readonly #worker: Worker
  readonly #channel: Channel<WorkerCalls, PrimaryCalls>
  readonly #ready: Promise<void>
  #serving = false

  /** From 1; each has one of its own. */
  readonly number: number
  /** Resolves when its process is over. */
  readonly ended: Promise<WorkerEnd>

  /** @param calls what it may call the primary for. */
  constructor(number: number, calls: (worker: WorkerProcess) => Omit<PrimaryCalls, 'ready'>) {
    this.number = number
    this.#worker = cluster.fork()
    let ready!: () => void
    this.#ready = new Promise((resolve) => (ready = resolve))
    this.#channel = new Channel(
      // Without a callback, what cannot be sent any more would be an error of the whole process.
      (message) => this.#worker.send(message, () => {}),
      { ...calls(this), ready },
    )
    this.#worker.on('message', (message: unknown) => {
      this.#channel.receive(message)
    })
    this.#worker.on('error', () => {
      // What cannot be started or sent to ends, which is told by `exit`.
    })
    this.ended = new Promise((resolve) => {
      this.#worker.once('exit', (code: number | null, signal: string | null) => {
        this.#serving = false
        // First, so that a start that fails says how.
        resolve({ code, signal })
        this.#channel.close()
      })
    })
  }

  get pid(): number | undefined {
    return this.#worker.process.pid
  }

  /** Whether it listens: one that is starting, or gone, does not. */
  get serving(): boolean {
    return this.#serving
  }

  /**
   * Has it begin to serve. Resolves with where it does.
   *
   * @throws WorkerStartError with why it cannot.
   */
  async start(how: Omit<WorkerStart, 'worker'>): Promise<Addresses> {
    const ended = this.ended.then(({ code, signal }) => {
      throw new WorkerStartError(`a worker ended as it began (${signal ?? `code ${code ?? 0}`})`)
    })
    const started = this.#ready.then(() =>
      this.#channel.call('start', { ...how, worker: this.number }),
    )
    const addresses = await Promise.race([started, ended]).catch((error: unknown) => {
      throw new WorkerStartError((error as Error).message)
    })
    this.#serving = true
    return addresses
  }

  /** Asks it what another worker wants to know, once it hears; rejects when it ends after that. */
  async ask(message: string): Promise<string> {
    await this.#ready
    return this.#channel.call('answer', message)
  }

  /** Lets it know that another worker has appended to the log. */
  headMoved(): void {
    this.#channel.tell('headMoved', null)
  }

  /** Has it show another certificate, if it serves. */
  useCertificate(certificate: Certificate): void {
    this.#channel.tell('useCertificate', certificate)
  }

  /** Has it shut down without loss, and exit; one that has only been forked, as soon as it hears. */
  drain(): void {
    void this.#ready.then(() => {
      this.#channel.tell('drain', null)
    })
  }

  /** Ends it at once. */
  kill(): void {
    this.#worker.process.kill('SIGKILL')
  }
}
