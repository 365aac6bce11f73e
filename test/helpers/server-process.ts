import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'

const main = new URL('../../dist/cli/main.js', import.meta.url).pathname
const processReporter = new URL('process-reporter.mjs', import.meta.url).href

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

/** What a command said, once it is over. */
export interface Ended {
  readonly code: number | null
  readonly stdout: string
  readonly stderr: string
}

/** Starts `ringcast serve` on a free port, and ends it with the test. */
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

async function startCommand(
  t: Test,
  before: readonly string[],
  flags: readonly string[],
  env: Record<string, string> = {},
): Promise<ServerProcess> {
  const node = [process.execPath, '--expose-gc', '--import', processReporter]
  const [command, ...args] = [...before, ...node, main, 'serve', '--port', '0', ...flags]
  const child = spawn(command!, args, {
    stdio: ['ignore', 'pipe', 'inherit', 'ipc'],
    env: { ...process.env, ...env },
  })
  t.teardown(() => child.kill('SIGKILL'))
  let log = ''
  const url = await new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', (text: Buffer) => {
      log += text.toString()
      const match = /listening on (http:[^"]+)/.exec(log)
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
