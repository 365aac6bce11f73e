import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { connect } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import type { Server } from './contender.js'
import { cpuNsOf, pinnedTo, projectFolder, rssOf } from './machine.js'

/** The core of every server, where cores can be chosen. */
const serverCore = 0
const reporter = `${projectFolder}test/helpers/process-reporter.mjs`

/** The parts of a server that do not depend on which it is. */
export type ServerProcess = Pick<Server, 'cpuNs' | 'rss' | 'watchTurns' | 'longestTurnMs' | 'stop'>

/** A Node server, and what more can be asked of it. */
export interface NodeProcess extends ServerProcess {
  readonly port: number
  /** `heapUsed + arrayBuffers` after garbage collection, in bytes. */
  heap(): Promise<number>
}

/** Starts a program that is not Node's on the core of servers. */
export function startProgram(
  command: string,
  args: readonly string[],
  endWith: NodeJS.Signals,
): ServerProcess {
  const [first = '', ...rest] = [...pinnedTo(serverCore), command, ...args]
  const child = spawn(first, rest, { stdio: ['ignore', 'ignore', 'inherit'] })
  return {
    cpuNs: () => cpuNsOf(child.pid!),
    rss: () => Promise.resolve(rssOf(child.pid!)),
    watchTurns: () => {},
    longestTurnMs: () => Promise.resolve(undefined),
    stop: () => end(child, endWith),
  }
}

/**
 * Starts a Node program on the core of servers, or on any; it says on which port it listens.
 */
export async function startNode(args: readonly string[], onAnyCore = false): Promise<NodeProcess> {
  const [first = '', ...rest] = [
    ...(onAnyCore ? [] : pinnedTo(serverCore)),
    process.execPath,
    '--expose-gc',
    ...['--import', reporter],
    ...args,
  ]
  const child = spawn(first, rest, { stdio: ['ignore', 'pipe', 'inherit', 'ipc'] })
  const asked = async <T>(question: string): Promise<T> => {
    child.send(question)
    const [answer] = (await once(child, 'message')) as [T]
    return answer
  }
  return {
    port: await listening(child),
    cpuNs: () => cpuNsOf(child.pid!),
    rss: async () => {
      await asked('memory')
      return rssOf(child.pid!)
    },
    watchTurns: () => child.send('watch turns'),
    longestTurnMs: () => asked<number>('longest turn'),
    heap: () => asked<number>('memory'),
    stop: () => end(child, 'SIGKILL'),
  }
}

function listening(child: ChildProcess): Promise<number> {
  let output = ''
  return new Promise((resolve, reject) => {
    // Read to the end: a full pipe would hold the server up.
    child.stdout!.on('data', (text: Buffer) => {
      if (output.length > 4096) return
      output += text.toString()
      const port = /listening on https?:\/\/[^:]+:(\d+)/.exec(output)?.[1]
      if (port !== undefined) resolve(Number(port))
    })
    child.once('exit', (code) => {
      reject(new Error(`a server ended with ${code ?? 'a signal'}: ${output}`))
    })
  })
}

async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill(signal)
  await once(child, 'exit')
}

/** Resolves once something listens on a port. */
export async function isListening(port: number): Promise<void> {
  for (let tries = 0; tries < 200; tries++) {
    const socket = connect(port, '127.0.0.1')
    const answer = await Promise.race([
      once(socket, 'connect').then(() => true),
      once(socket, 'close').then(() => false),
    ]).catch(() => false)
    socket.destroy()
    if (answer) return
    await pause(50)
  }
  throw new Error(`nothing listens on port ${port}`)
}
