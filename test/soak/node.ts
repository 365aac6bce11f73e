import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readdirSync, readFileSync, rmSync } from 'node:fs'
import { setTimeout as pause } from 'node:timers/promises'
import { ask } from '../helpers/ask.js'
import type { Lifetime } from '../helpers/lifetime.js'
import { until } from '../helpers/until.js'
import { heapWithoutCode } from './heap-snapshot.js'
import type { Report } from './reporter.js'

const main = new URL('../../dist/cli/main.js', import.meta.url).pathname
const reporter = new URL('reporter.js', import.meta.url).href

/** How long a start, a drain or the replacing of a worker may take, in milliseconds: machines are slow. */
const patienceMs = 120_000
/** So much of its log is kept, for who has to find out what went wrong. */
const keptLines = 40

/** What a process holds. */
export interface Holdings extends Report {
  /** The heap in use without compiled code, in bytes. */
  readonly heap: number
  /** Resident memory, in bytes, without files that are mapped, as a log on disk is. */
  readonly rss: number
}

interface Worker {
  readonly worker: number
  readonly pid: number
}

/** A node of the service: a `serve` with its workers, which may be killed and started again. */
export class ServedNode {
  readonly name: string
  readonly url: string
  readonly failures: string[] = []
  readonly #flags: readonly string[]
  readonly #folder: string
  readonly #workers: number
  #process: ChildProcess | undefined
  #isMeantToEnd = false
  /** Whether the run is over: nothing is started any more. */
  #isOver = false
  #lines: string[] = []
  #workerEnds = 0
  #workersEnded = 0

  /** @param folder where its processes write what they hold. */
  constructor(
    t: Lifetime,
    {
      name,
      address,
      port,
      workers,
      store,
      folder,
      flags,
    }: {
      name: string
      address: string
      port: number
      workers: number
      store: string
      folder: string
      flags: readonly string[]
    },
  ) {
    this.name = name
    this.url = `http://${address}:${port}`
    this.#workers = workers
    this.#folder = folder
    this.#flags = [
      ...['--host', address, '--port', String(port), '--anonymous', 'all'],
      ...['--workers', String(workers), '--store', store, '--log-level', 'warn', ...flags],
    ]
    t.teardown(() => {
      this.#isOver = true
      this.#isMeantToEnd = true
      this.#process?.kill('SIGKILL')
    })
  }

  /** How many of its processes serve streams. */
  get serving(): number {
    return this.#workers
  }

  /** Its processes: the first, and its workers if it has more than itself. */
  async pids(): Promise<{ name: string; pid: number }[]> {
    const first = { name: this.name, pid: this.#process!.pid! }
    if (this.#workers === 1) return [first]
    const workers = await this.#serving()
    return [
      first,
      ...workers.map(({ worker, pid }) => ({ name: `${this.name}, worker ${worker}`, pid })),
    ]
  }

  /** How many streams it has, by its own count. */
  async streams(): Promise<number> {
    return (await this.#stats()).streams
  }

  /** The last lines of its log. */
  log(): string {
    return this.#lines.join('\n')
  }

  /** Starts it; resolves once it is ready. As a service manager does it tries again what fails. */
  async start(): Promise<void> {
    const deadline = performance.now() + patienceMs
    while (!(await this.#begin(deadline))) {
      if (this.#isOver || performance.now() > deadline)
        throw new Error(`${this.name} won't start: ${this.log()}`)
      await pause(300)
    }
  }

  async #begin(deadline: number): Promise<boolean> {
    if (this.#isOver) return false
    this.#isMeantToEnd = false
    const args = ['--expose-gc', '--import', reporter, main, 'serve', ...this.#flags]
    const child = spawn(process.execPath, args, {
      stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
      env: { ...process.env, SOAK_FOLDER: this.#folder },
    })
    this.#process = child
    for (const output of [child.stdout!, child.stderr!]) {
      output.setEncoding('utf8').on('data', (text: string) => {
        this.#read(text)
      })
    }
    let [isReady, isOver] = [false, false]
    child.once('exit', (code, signal) => {
      isOver = true
      if (!isReady || this.#isMeantToEnd) return
      this.failures.push(
        `${this.name} ended by itself (${signal ?? `code ${code ?? 0}`}): ${this.log()}`,
      )
    })
    while (!isReady && !isOver && performance.now() < deadline) {
      isReady = (await this.#status()) === 200
      if (!isReady) await pause(50)
    }
    return isReady
  }

  /** Kills its first process; its workers have to see by themselves that they are orphans. */
  async kill(): Promise<void> {
    await this.#end('SIGKILL')
  }

  /** Has it drain; that it ends with 0 is part of what is proved. */
  async drain(): Promise<void> {
    const code = await this.#end('SIGTERM')
    if (code !== 0)
      this.failures.push(`${this.name} drained with ${code ?? 'a signal'}: ${this.log()}`)
  }

  /** Ends a worker by a signal; resolves once another is there in its place. */
  async endWorker(
    signal: 'SIGKILL' | 'SIGTERM',
    choose: <T>(of: readonly T[]) => T,
  ): Promise<void> {
    const { pid } = choose(await this.#serving())
    this.#workersEnded++
    process.kill(pid, signal)
    const isReplaced = async (): Promise<boolean> => {
      const { workers } = await this.#stats().catch(() => ({ workers: [] }))
      return workers.length === this.#workers && workers.every((worker) => worker.pid !== pid)
    }
    await until(isReplaced, `a worker of ${this.name} in the place of ${pid}`, patienceMs)
  }

  /** What one of its processes holds, after garbage collection. */
  async holdings(pid: number): Promise<Holdings> {
    const [path, snapshot] = ['json', 'heapsnapshot'].map((end) => `${this.#folder}/${pid}.${end}`)
    rmSync(path!, { force: true })
    process.kill(pid, 'SIGUSR2')
    let written: Report | undefined
    await until(
      () => (written = readJson(path!)) !== undefined,
      `what ${this.name} holds`,
      patienceMs,
    )
    const status = readFileSync(`/proc/${pid}/status`, 'utf8')
    const rss = Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024
    const heap = heapWithoutCode(snapshot!)
    rmSync(snapshot!)
    return { ...written!, heap, rss }
  }

  /** How many file descriptors its processes have open. */
  async descriptors(): Promise<number> {
    const pids = await this.pids()
    return pids.reduce((sum, { pid }) => sum + readdirSync(`/proc/${pid}/fd`).length, 0)
  }

  /** Looks whether workers ended that nobody had ended. */
  checkWorkers(): void {
    if (this.#workerEnds <= this.#workersEnded) return
    const by = `${this.#workersEnded} of them by the soak`
    this.failures.push(`${this.#workerEnds} workers of ${this.name} ended, ${by}: ${this.log()}`)
  }

  /** The workers, the oldest first. */
  async #serving(): Promise<readonly Worker[]> {
    let workers: readonly Worker[] = []
    const all = async (): Promise<boolean> => {
      workers = (await this.#stats().catch(() => ({ workers: [] }))).workers
      return workers.length === this.#workers
    }
    await until(all, `all workers of ${this.name}`, patienceMs)
    return [...workers].sort((a, b) => a.worker - b.worker)
  }

  async #stats(): Promise<{ streams: number; workers: readonly Worker[] }> {
    const { json, status } = await ask(`${this.url}/api/stats`)
    if (status !== 200) throw new Error(`${this.name} answers ${status}`)
    return json as unknown as { streams: number; workers: readonly Worker[] }
  }

  async #status(): Promise<number> {
    return ask(`${this.url}/readyz`).then(
      ({ status }) => status,
      () => 0,
    )
  }

  async #end(signal: NodeJS.Signals): Promise<number | null> {
    const child = this.#process!
    this.#isMeantToEnd = true
    if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
    const exit = once(child, 'exit')
    child.kill(signal)
    const [code] = (await exit) as [number | null]
    return code
  }

  #read(text: string): void {
    this.#workerEnds += text.split('"a worker ended"').length - 1
    this.#lines = [...this.#lines, ...text.trimEnd().split('\n')].slice(-keptLines)
  }
}

function readJson(path: string): Report | undefined {
  try {
    return JSON.parse(readFileSync(path, 'utf8')) as Report
  } catch {
    return undefined
  }
}
