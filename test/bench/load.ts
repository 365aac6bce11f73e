import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync } from 'node:fs'
import { createInterface } from 'node:readline'
import { cpuNsOf, pinnedTo, projectFolder } from './machine.js'

/** The core of the load, where cores can be chosen; the server has core 0. */
const loadCore = 1
/** How long a load program may take to do one thing, in seconds. */
const patienceSeconds = 60

const sources = `${projectFolder}test/bench/load`
const programs = `${projectFolder}.test/bench/load`

/** Builds the load programs. */
export function buildLoad(): void {
  mkdirSync(programs, { recursive: true })
  for (const name of ['streams', 'push']) {
    const output = `${programs}/${name}`
    execFileSync(
      'cc',
      ['-O2', '-Wall', '-Wextra', '-D_GNU_SOURCE', '-o', output, `${sources}/${name}.c`],
      { stdio: 'inherit' },
    )
  }
}

/** The load programs over TLS run on Node, which has it: C would need a library's headers. */
function nodeProgram(name: string): readonly string[] {
  return [process.execPath, `${programs}/${name}.js`]
}

/** In a push's body: where its time goes. */
export const stamp = '~0000000000000000000'
/** In a path or a push's body: where a number of five digits goes. */
export const numberMark = '@@@@@'

/** Data of 120 bytes with a stamp, or of so many: JSON. */
export function stampedData(bytes = 120): string {
  const [head, tail] = [`{"at":"${stamp}","pad":"`, '"}']
  return head + 'x'.repeat(bytes - head.length - tail.length) + tail
}

/**
 * What a client has got once its stream is open: the head of the answer, something behind it, or the
 * first frame, of a stream that is a WebSocket.
 */
export type OpensWith = 'head' | 'body' | 'frame'

/** How opening streams went. Times are in milliseconds, from the first packet to what counts as open. */
export interface Opened {
  readonly open: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** What the streams got since the last reset. */
export interface Received {
  /** Whole events, over all streams; of the one that got fewest, and most. */
  readonly events: number
  readonly least: number
  readonly most: number
  readonly bytes: number
  readonly reads: number
  /** Streams that were closed from the other side. */
  readonly closed: number
  /** When the first and the last event came: CLOCK_MONOTONIC, nanoseconds. */
  readonly firstNs: number
  readonly lastNs: number
  /** From an event's stamp to its receipt, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** Many streams, held by a process of its own. */
export class StreamLoad {
  readonly #child: ChildProcess
  readonly #lines: AsyncIterator<string>

  /** @param streamsAConnection has them over HTTP/2 and TLS, so many to a connection. */
  constructor(port: number, streamsAConnection?: number) {
    const program =
      streamsAConnection === undefined
        ? [`${programs}/streams`, port]
        : [...nodeProgram('http2-streams'), port, streamsAConnection]
    const command = [...pinnedTo(loadCore), ...program.map(String)]
    this.#child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
    this.#lines = createInterface({ input: this.#child.stdout! })[Symbol.asyncIterator]()
  }

  /**
   * Opens so many more streams, and answers once all are open.
   *
   * @param atOnce the most handshakes on the way at a time.
   */
  open(
    count: number,
    path: string,
    { opensWith = 'body', atOnce = 500 }: { opensWith?: OpensWith; atOnce?: number } = {},
  ): Promise<Opened> {
    return this.#command(`open ${count} ${atOnce} ${opensWith} ${path}`)
  }

  /** Opens so many streams that never read, with the smallest receive buffer (`SO_RCVBUF` 4096). */
  async stall(count: number, path: string): Promise<void> {
    await this.#command(`stall ${count} ${path}`)
  }

  /** Begins to count anew. */
  async reset(): Promise<void> {
    await this.#command('reset')
  }

  /** Answers once so many events came since the reset, or says how many are missing. */
  async received(events: number): Promise<Received> {
    const received = await this.#command<Received>(`await ${events} ${patienceSeconds}`)
    if (received.events !== events || received.closed > 0) {
      throw new Error(
        `${received.events} of ${events} events came in ${patienceSeconds} s ` +
          `(${received.least} to ${received.most} a stream, ${received.closed} streams closed)`,
      )
    }
    return received
  }

  /** The CPU time that it has taken so far, in nanoseconds. */
  cpuNs(): number {
    return cpuNsOf(this.#child.pid!)
  }

  /** Cuts every connection, and ends the process. */
  async end(): Promise<void> {
    this.#child.stdin!.end()
    await once(this.#child, 'exit')
  }

  async #command<T = unknown>(line: string): Promise<T> {
    this.#child.stdin!.write(`${line}\n`)
    const answer = await this.#lines.next()
    if (answer.done === true) throw new Error(`the load program ended during: ${line}`)
    return JSON.parse(answer.value) as T
  }
}

/** One push as it goes over the wire; stamps and numbers in it are filled in by the load program. */
export interface PushRequest {
  readonly path: string
  readonly type: string
  readonly body: string
}

/** How pushing went. */
export interface Pushed {
  readonly accepted: number
  readonly refused: number
  readonly firstRefusal: string
  /** When it began: CLOCK_MONOTONIC, nanoseconds. */
  readonly startedNs: number
  readonly seconds: number
  /** From the moment that a push was due to its answer, in milliseconds. */
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
}

/** How to push. */
export interface PushPlan {
  readonly port: number
  readonly request: PushRequest
  /** Each has one request in flight. */
  readonly connections: number
  /** How many requests in all. */
  readonly count: number
  /** How many a second over all connections; as fast as they are answered by default. */
  readonly rate?: number
  /** Numbers in the request go round below this. */
  readonly numbers?: number
  /** Whether it is HTTP/2 over TLS: for few a second, without numbers. */
  readonly http2?: boolean | undefined
}

/** Pushes from a process of its own, to the end; every push must be accepted. */
export async function push(plan: PushPlan): Promise<Pushed> {
  const pushed = await startPushing(plan).done
  if (pushed.refused > 0) {
    throw new Error(`${pushed.refused} pushes were refused: ${pushed.firstRefusal}`)
  }
  return pushed
}

/** Pushes that go on in the background. */
export interface Pushing {
  readonly done: Promise<Pushed>
  /** Sends no more, and answers how it went. */
  stop(): Promise<Pushed>
}

/** Begins to push from a process of its own. */
export function startPushing(plan: PushPlan): Pushing {
  const { port, connections, count, rate = 0, numbers = 1, http2 = false, request } = plan
  const command = [
    ...pinnedTo(loadCore),
    ...(http2 ? nodeProgram('http2-push') : [`${programs}/push`]),
    ...[port, connections, count, rate, request.path, request.type, request.body, numbers].map(
      String,
    ),
  ]
  const child = spawn(command[0]!, command.slice(1), { stdio: ['pipe', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', (text: Buffer) => (output += text.toString()))
  const done = once(child, 'close').then((answer) => {
    if (answer[0] !== 0) throw new Error('the push program failed')
    return JSON.parse(output) as Pushed
  })
  return {
    done,
    stop: () => {
      child.stdin.end()
      return done
    },
  }
}
