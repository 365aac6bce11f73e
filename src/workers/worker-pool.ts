import { setTimeout as pause } from 'node:timers/promises'
import type { Logger } from 'pino'
import type { Addresses } from '../listening.js'
import type { Certificate } from '../certificate.js'
import { answerMs, type Answers } from '../peers/peer-link.js'
import type { PrimaryCalls, WorkerStart } from './calls.js'
import type { NodeCounts } from './node-counts.js'
import { WorkerProcess, type WorkerEnd } from './worker-process.js'

/** A worker that lived for so long, in milliseconds, is no sign that the next will die. */
const soundMs = 2000
/** How long the second of two that die soon after each other is waited with; doubled from then on. */
const firstPauseMs = 100
const longestPauseMs = 10_000
/** So many that died soon, one after the other, and none that serves: it will not do. */
const maxFailures = 6
/** How much longer than `DRAIN` a worker may take to be gone, in milliseconds. */
const drainGraceMs = 5000

/** What a pool is made of. */
export interface WorkerPoolParts {
  readonly start: Omit<WorkerStart, 'worker'>
  readonly counts: NodeCounts
  readonly logger: Logger
  /** Told when no worker can be kept alive, and why; the pool has given up. */
  readonly onHopeless: (why: string) => void
}

/** Keeps the workers of a node running, and passes on what they have to say to each other. */
export class WorkerPool {
  readonly #parts: WorkerPoolParts
  readonly #workers = new Set<WorkerProcess>()
  #start: Omit<WorkerStart, 'worker'>
  #lastNumber = 0
  #failures = 0
  /** Whether those that end are replaced: not before all have begun, nor while they shut down. */
  #isKept = false
  #headMoved = new Set<WorkerProcess>()

  constructor(parts: WorkerPoolParts) {
    this.#parts = parts
    this.#start = parts.start
  }

  /**
   * Starts so many workers. The first goes alone: what keeps it from listening would keep all.
   *
   * @returns where the service is.
   */
  async start(count: number): Promise<Addresses> {
    const addresses = await this.#startOne()
    await Promise.all(Array.from({ length: count - 1 }, () => this.#startOne()))
    this.#isKept = true
    return addresses
  }

  /** Shows another certificate from now on, in workers that start later too. */
  useCertificate(certificate: Certificate): void {
    this.#start = { ...this.#start, certificate }
    for (const worker of this.#workers) worker.useCertificate(certificate)
  }

  /** Shuts all workers down without loss; rejects if one had to be killed, or failed. */
  async drain(): Promise<void> {
    this.#isKept = false
    const workers = [...this.#workers]
    for (const worker of workers) worker.drain()
    const timer = setTimeout(() => {
      this.kill()
    }, this.#start.settings.drainMs + drainGraceMs)
    const ends = await Promise.all(workers.map(({ ended }) => ended))
    clearTimeout(timer)
    const failed = ends.filter(({ code }) => code !== 0).length
    if (failed > 0)
      throw new Error(`${failed} of ${ends.length} workers did not end as they should`)
  }

  /** Ends all workers at once. */
  kill(): void {
    this.#isKept = false
    for (const worker of this.#workers) worker.kill()
  }

  async #startOne(): Promise<Addresses> {
    const worker = new WorkerProcess(++this.#lastNumber, (worker) => this.#callsOf(worker))
    this.#workers.add(worker)
    const startedAt = performance.now()
    void worker.ended.then((end) => {
      this.#gone(worker, end, performance.now() - startedAt)
    })
    return worker.start(this.#start)
  }

  #gone(worker: WorkerProcess, { code, signal }: WorkerEnd, livedMs: number): void {
    this.#workers.delete(worker)
    this.#parts.counts.workerGone(worker.number)
    // What it appended in its last moments it had no time to tell.
    for (const other of this.#workers) other.headMoved()
    if (!this.#isKept) return
    const seconds = Math.round(livedMs / 1000)
    this.#parts.logger.error({ worker: worker.number, code, signal, seconds }, 'a worker ended')
    if (livedMs >= soundMs) this.#failures = 0
    void this.#replace()
  }

  async #replace(): Promise<void> {
    const pauseMs = this.#failures === 0 ? 0 : firstPauseMs * 2 ** (this.#failures - 1)
    this.#failures++
    await pause(Math.min(pauseMs, longestPauseMs))
    if (!this.#isKept) return
    try {
      await this.#startOne()
    } catch (error) {
      // Its end, which follows, has the next one started.
      const { message } = error as Error
      this.#parts.logger.error({ why: message }, 'a worker could not begin')
      this.#giveUpIfHopeless(message)
    }
  }

  #giveUpIfHopeless(why: string): void {
    if (!this.#isKept || this.#failures < maxFailures) return
    if ([...this.#workers].some(({ serving }) => serving)) return
    this.kill()
    this.#parts.onHopeless(why)
  }

  #callsOf(worker: WorkerProcess): Omit<PrimaryCalls, 'ready'> {
    const { counts } = this.#parts
    const { number } = worker
    return {
      askPeers: (message) => this.#askOthers(worker, message),
      putTicket: ({ ticket, kept }) => counts.putTicket(ticket, kept),
      takeTicket: (ticket) => counts.takeTicket(ticket) ?? null,
      takePlace: (owner) => counts.takePlace(number, owner) ?? null,
      giveBackPlace: (owner) => {
        counts.giveBackPlace(number, owner)
      },
      waitMs: (push) => counts.waitMs(push),
      spend: (push) => counts.spend(push),
      headMoved: () => {
        this.#passOn(worker)
      },
    }
  }

  /** Tells the others that the head moved, once for all that say so in a turn of the event loop. */
  #passOn(from: WorkerProcess): void {
    const isFirst = this.#headMoved.size === 0
    this.#headMoved.add(from)
    if (!isFirst) return
    setImmediate(() => {
      const moved = this.#headMoved
      this.#headMoved = new Set()
      for (const worker of this.#workers) {
        if (moved.size > 1 || !moved.has(worker)) worker.headMoved()
      }
    })
  }

  async #askOthers(from: WorkerProcess, message: string): Promise<Answers> {
    const others = [...this.#workers].filter((worker) => worker !== from)
    const waitedFor = others.filter(({ serving }) => serving)
    // One that starts hears it too, and is not waited for: it has nothing to tell.
    for (const worker of others) if (!worker.serving) worker.ask(message).catch(() => {})
    let silent = 0
    const answers = await Promise.all(
      waitedFor.map((worker) =>
        inTime(worker.ask(message), () => {
          silent++
        }),
      ),
    )
    return { answers: answers.filter((answer) => answer !== undefined), silent }
  }
}

/** An answer; undefined for one that does not come in time, or of a worker that ends meanwhile. */
async function inTime(answer: Promise<string>, late: () => void): Promise<string | undefined> {
  let timer: NodeJS.Timeout | undefined
  const time = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => {
      late()
      resolve(undefined)
    }, answerMs)
  })
  const answered = answer.catch(() => undefined)
  try {
    return await Promise.race([answered, time])
  } finally {
    clearTimeout(timer)
  }
}
