import { constants } from 'node:os'
import type { Readable, Writable } from 'node:stream'
import { setTimeout as timeout } from 'node:timers/promises'
import { visible } from './visible.js'

/** What a command has of the outside world; a test gives it another one. */
export interface Io {
  readonly stdin: Readable
  readonly stdout: Writable
  readonly stderr: Writable & { readonly isTTY?: boolean | undefined }
  readonly env: NodeJS.ProcessEnv
  /** Milliseconds since the epoch. */
  now(): number
  /** From 0, included, to 1, excluded. */
  random(): number
  /** Resolves after so many milliseconds, or as soon as `stop` is aborted; it never rejects. */
  sleep(ms: number, stop: AbortSignal): Promise<void>
  /** Calls `tick` every so many milliseconds, until the function that it returns is called. */
  every(ms: number, tick: () => void): () => void
  /**
   * A signal that SIGINT or SIGTERM aborts, with an `Interrupted` as its reason. They are listened
   * to from the first call on, and once: a second one ends the process at once.
   */
  interrupted(): AbortSignal
}

/** Why a command ends early: a signal asked for it. */
export class Interrupted extends Error {
  override readonly name = 'Interrupted'
  /** What shells expect of a process that a signal ended: 130 or 143. */
  readonly exitCode: number

  constructor(signal: 'SIGINT' | 'SIGTERM') {
    super(`interrupted by ${signal}`)
    this.exitCode = 128 + constants.signals[signal]
  }
}

/** The outside world of this process. */
export function processIo(): Io {
  // Whoever read the output has left, as `head` does: nobody is there to be told. A command that
  // goes on writing listens too, through `openOutput`.
  for (const output of [process.stdout, process.stderr]) output.on('error', () => undefined)
  let interrupt: AbortSignal | undefined
  return {
    stdin: process.stdin,
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    now: Date.now,
    random: Math.random,
    sleep: (ms, stop) =>
      timeout(ms, undefined, { signal: stop }).catch(() => {
        // Only `stop` makes it reject, and then the wait is over.
      }),
    every(ms, tick) {
      const timer = setInterval(tick, ms)
      return () => clearInterval(timer)
    },
    interrupted: () => (interrupt ??= listenForSignals()),
  }
}

/**
 * Tells the person at the terminal something, on one line of standard error. What the service or a
 * stranger wrote into the message cannot drive the terminal.
 */
export function say(io: Io, message: string): void {
  io.stderr.write(`ringcast: ${visible(message)}\n`)
}

/** The exit code that a command ends with when it was interrupted. */
export function exitCodeOf(interrupt: AbortSignal): number {
  return interrupt.reason instanceof Interrupted ? interrupt.reason.exitCode : 1
}

function listenForSignals(): AbortSignal {
  const controller = new AbortController()
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.once(signal, () => controller.abort(new Interrupted(signal)))
  }
  return controller.signal
}
