import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync } from 'node:fs'
import type { Test } from 'tap'
import { until } from './until.js'

const main = new URL('../../dist/cli/main.js', import.meta.url).pathname
const processReporter = new URL('../../test/helpers/process-reporter.mjs', import.meta.url).href

/** What its log says once it can be reached. */
const listening = /listening on (https?:[^"]+)/

/** The built service, as a process of its own. */
export interface ServerProcess {
  readonly process: ChildProcess
  readonly url: string
  readonly port: number
  /** `heapUsed + arrayBuffers` after garbage collection, in bytes. */
  memory(): Promise<number>
  /** What it logged so far. */
  log(): string
}

/** How a process ended. */
export type Exit = readonly [code: number | null, signal: NodeJS.Signals | null]

/** What a command said, once it is over. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts `ringcast serve` on a free port, or that of its flags, and ends it with the test. */
export function startServer(t: Test, ...flags: string[]): Promise<ServerProcess> {
  return startCommand(t, [], flags)
}

/** The same with so few file descriptors. */
export function startServerWithin(
  t: Test,
  descriptors: number,
  ...flags: string[]
): Promise<ServerProcess> {
  return startCommand(t, ['sh', '-c', `ulimit -n ${descriptors}; exec "$0" "$@"`], flags)
}

/** The same with these variables in its environment. */
export function startServerIn(
  t: Test,
  env: Record<string, string>,
  ...flags: string[]
): Promise<ServerProcess> {
  return startCommand(t, [], flags, env)
}

/** A server that is to listen. */
export interface BegunServer {
  readonly process: ChildProcess
  readonly listening: Promise<{ readonly url: string; readonly port: number }>
}

/** Starts one with its log in a file: read it there. */
export function startServerInto(t: Test, file: string, ...flags: string[]): BegunServer {
  const log = openSync(file, 'a')
  const child = spawn(process.execPath, [main, 'serve', '--port', '0', ...flags], {
    stdio: ['ignore', log, 'inherit'],
  })
  closeSync(log)
  t.teardown(() => child.kill('SIGKILL'))
  const reached = async () => {
    const url = (): string | undefined => listening.exec(readFileSync(file, 'utf8'))?.[1]
    await until(() => url() !== undefined, 'a server')
    return { url: url()!, port: Number(new URL(url()!).port) }
  }
  return { process: child, listening: reached() }
}

/** Stops a server by SIGTERM, which drains it, and answers how it ended. */
export async function stopServer({ process }: Pick<ServerProcess, 'process'>): Promise<Exit> {
  const ended = once(process, 'exit')
  process.kill('SIGTERM')
  return (await ended) as unknown as Exit
}

async function startCommand(
  t: Test,
  before: readonly string[],
  flags: readonly string[],
  env: Record<string, string> = {},
): Promise<ServerProcess> {
  const node = [process.execPath, '--expose-gc', '--import', processReporter]
  const port = flags.includes('--port') ? [] : ['--port', '0']
  const [command, ...args] = [...before, ...node, main, 'serve', ...port, ...flags]
  const child = spawn(command!, args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  })
  t.teardown(() => child.kill('SIGKILL'))
  let log = ''
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', (text: Buffer) => {
      log += text.toString()
      const match = listening.exec(log)
      if (match !== null) resolve(match[1]!)
    })
    child.once('exit', (code) => {
      reject(new Error(`the server ended with ${code ?? 'a signal'}: ${log}`))
    })
  })
  return {
    process: child,
    url,
    port: Number(new URL(url).port),
    async memory() {
      child.send('memory')
      const [bytes] = (await once(child, 'message')) as [number]
      return bytes
    },
    log: () => log,
  }
}

/** Runs the built command to its end. */
export async function runCommand(
  args: readonly string[],
  { env = {}, input }: { env?: Record<string, string>; input?: string } = {},
): Promise<Ended> {
  const child = spawn(process.execPath, [main, ...args], { env: { ...process.env, ...env } })
  let [stdout, stderr] = ['', '']
  child.stdout.on('data', (text: Buffer) => (stdout += text.toString()))
  child.stderr.on('data', (text: Buffer) => (stderr += text.toString()))
  child.stdin.end(input)
  const [code] = (await once(child, 'close')) as [number | null]
  return { code, stdout, stderr }
}
