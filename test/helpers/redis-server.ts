import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createClient } from 'redis'
import type { Lifetime } from './lifetime.js'
import { freePort } from '../bench/free-port.js'
import { until } from './until.js'

/** A Redis of its own for a test, with a directory of its own. */
export interface RedisServer {
  readonly port: number
  /** `redis://127.0.0.1:<port>`. */
  readonly url: string
  /** Sends one command and answers what it answers. */
  command(...args: string[]): Promise<unknown>
  /** Kills it; what it has not on disk is lost. */
  kill(): Promise<void>
  /** Starts it again, on the same port. */
  start(): Promise<void>
  /** Stops it where it is (SIGSTOP). */
  pause(): void
  resume(): void
}

/** What a Redis may be started with. */
export interface RedisOptions {
  /** Whether it keeps its data over a restart. */
  readonly durable?: boolean
  /** Further arguments of the command line. */
  readonly args?: readonly string[]
}

/** Which server is tested: `redis-server`, or one that speaks the same. */
const program = process.env['TEST_REDIS_SERVER'] ?? 'redis-server'

/** Starts a Redis on a free port, and ends it with the test. */
export async function startRedis(
  t: Lifetime,
  { durable = false, args = [] }: RedisOptions = {},
): Promise<RedisServer> {
  const directory = mkdtempSync(join(tmpdir(), 'ringcast-redis-'))
  const port = await freePort()
  let child: ChildProcess | undefined
  const kill = async (): Promise<void> => {
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const exit = once(child, 'exit')
    child.kill('SIGKILL')
    await exit
  }
  t.teardown(async () => {
    await kill()
    rmSync(directory, { recursive: true, force: true })
  })
  const command = async (...words: string[]): Promise<unknown> => {
    const password = args[args.indexOf('--requirepass') + 1]
    const client = createClient({
      RESP: 2,
      socket: { port, reconnectStrategy: false },
      ...(args.includes('--requirepass') ? { password: password! } : {}),
    })
    client.on('error', () => {
      // Told by the command.
    })
    await client.connect()
    try {
      return await client.sendCommand(words)
    } finally {
      client.destroy()
    }
  }
  const server: RedisServer = {
    port,
    url: `redis://127.0.0.1:${port}`,
    command,
    kill,
    async start() {
      child = spawn(
        program,
        [
          ...['--port', `${port}`, '--bind', '127.0.0.1', '--dir', directory, '--save', ''],
          ...['--appendonly', durable ? 'yes' : 'no', '--appendfsync', 'always'],
          ...['--repl-diskless-sync-delay', '0', '--daemonize', 'no', ...args],
        ],
        { stdio: ['ignore', process.env['REDIS_LOG'] ? 'inherit' : 'ignore', 'inherit'] },
      )
      await until(
        () =>
          command('PING').then(
            () => true,
            () => false,
          ),
        `Redis on port ${port}`,
      )
    },
    pause: () => child!.kill('SIGSTOP'),
    resume: () => child!.kill('SIGCONT'),
  }
  await server.start()
  return server
}
