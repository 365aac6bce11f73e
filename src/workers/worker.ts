import cluster from 'node:cluster'
import { buildApp, type App } from '../app.js'
import type { Certificate } from '../certificate.js'
import { limitsStreams } from '../limits/stream-limits.js'
import { listen, whyNotListening, type Addresses } from '../listening.js'
import { openLogger, type ProcessLog } from '../process-log.js'
import type { PrimaryCalls, WorkerCalls, WorkerStart } from './calls.js'
import { Channel } from './channel.js'
import { PrimaryLine, PrimaryPlaces, PrimaryPushes, PrimaryTickets } from './primary-line.js'

/** A worker: one process of several that serve the same port and log. The primary tells it what to do. */
class WorkerMain {
  readonly #primary: Channel<PrimaryCalls, WorkerCalls>
  readonly #line: PrimaryLine
  #app: App | undefined
  #log: ProcessLog | undefined
  #onHeadMoved: () => void = () => {}
  #certificate: Certificate | undefined
  #draining = false

  constructor(send: (message: object) => void) {
    this.#primary = new Channel<PrimaryCalls, WorkerCalls>(send, {
      start: (how) => this.#start(how),
      answer: (message) => this.#line.answered(message),
      headMoved: () => {
        this.#onHeadMoved()
      },
      useCertificate: (certificate) => {
        this.#certificate = certificate
        this.#app?.useCertificate(certificate)
      },
      drain: () => {
        this.drain()
      },
    })
    this.#line = new PrimaryLine(this.#primary)
  }

  /** Lets the primary know that it is heard. */
  ready(): void {
    this.#primary.tell('ready', null)
  }

  receive(message: unknown): void {
    this.#primary.receive(message)
  }

  /** Shuts down without loss, and exits. */
  drain(): void {
    if (this.#draining) return
    this.#draining = true
    if (this.#app === undefined) process.exit(0)
    const { logger, exit } = this.#log!
    this.#app.drain().then(
      () => {
        exit(0)
      },
      (error: unknown) => {
        logger.error(error, 'the drain failed')
        exit(1)
      },
    )
  }

  /** The primary is gone: there is nobody to replace this worker, or to end it. */
  orphaned(): void {
    this.#primary.close()
    this.#log?.logger.error('the primary is gone: draining')
    this.drain()
  }

  async #start({ settings, node, worker, certificate }: WorkerStart): Promise<Addresses> {
    const log = openLogger(settings, worker)
    try {
      const app = await buildApp(settings, {
        logger: log.logger,
        certificate,
        shared: {
          node,
          worker,
          line: this.#line,
          tickets: new PrimaryTickets(this.#primary),
          streamPlaces: limitsStreams(settings) ? new PrimaryPlaces(this.#primary) : undefined,
          pushes: new PrimaryPushes(this.#primary),
          logPeers: {
            tell: () => {
              this.#primary.tell('headMoved', null)
            },
            onTold: (listener) => (this.#onHeadMoved = listener),
          },
        },
      })
      const addresses = await listen(app, settings, log.logger, {
        service: () => 'serving',
        internal: () => 'serving health and metrics',
      })
      this.#app = app
      // Renewed while it began.
      if (this.#certificate !== undefined) app.useCertificate(this.#certificate)
      this.#log = log
      return addresses
    } catch (error) {
      // The answer goes first: by it the primary knows why this worker ends.
      setImmediate(() => {
        log.exit(1)
      })
      throw new Error(whyNotListening(error, settings))
    }
  }
}

const main = new WorkerMain((message) => {
  process.send!(message, undefined, undefined, () => {
    // What cannot be sent any more: the primary is gone, which `disconnect` tells.
  })
})
process.on('message', (message) => {
  main.receive(message)
})
// The primary hears this one too, and says what follows from it.
process.on('SIGHUP', () => {})
// A terminal sends it to all of its processes; the primary hears it too, and says what to do.
process.on('SIGINT', () => {})
process.on('SIGTERM', () => {
  main.drain()
})
cluster.worker!.once('disconnect', () => {
  // Else Node would end the process at once.
  cluster.worker!.exitedAfterDisconnect = true
  main.orphaned()
})
main.ready()
