import { fork, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import type { RetentionLimits } from '../../dist/logs/retention.js'

const script = new URL('../../test/helpers/log-process.mjs', import.meta.url).pathname

/** A process that shares a log with others. */
export interface LogProcess {
  readonly process: ChildProcess
  /** What it pushed and was acknowledged: place and data. */
  readonly acknowledged: [sequence: number, data: string][]
  /** Has it do one of the commands of `log-process.mjs`; rejects with the code of its error. */
  ask<T = unknown>(name: string, value?: unknown): Promise<T>
}

/** What a process says: that it wrote, what it pushed, or how it did what it was asked. */
interface Message {
  readonly moved?: true
  readonly pushed?: [sequence: number, data: string]
  readonly id?: number
  readonly answer?: unknown
  readonly error?: string
}

/** Starts processes that share the log of a directory, and tell each other when it moves. */
export function logProcesses(t: Test, directory: string, { isTold = true } = {}) {
  const all = new Set<ChildProcess>()
  return async (limits: Partial<RetentionLimits> = {}): Promise<LogProcess> => {
    const child = fork(script, [directory, JSON.stringify(limits)], {
      execArgv: [],
      serialization: 'advanced',
    })
    t.teardown(() => child.kill('SIGKILL'))
    const acknowledged: [number, string][] = []
    const asked = new Map<number, { resolve(answer: unknown): void; reject(error: Error): void }>()
    child.on('message', ({ moved, pushed, id, answer, error }: Message) => {
      if (moved === true && isTold) {
        // One that was killed takes no more.
        for (const other of all) if (other !== child) other.send({ moved: true }, () => {})
      }
      if (pushed !== undefined) acknowledged.push(pushed)
      if (id === undefined) return
      if (error === undefined) asked.get(id)!.resolve(answer)
      else asked.get(id)!.reject(new Error(error))
      asked.delete(id)
    })
    await once(child, 'message')
    all.add(child)
    child.once('exit', () => all.delete(child))
    let id = 0
    return {
      process: child,
      acknowledged,
      ask: <T>(name: string, value?: unknown) =>
        new Promise<T>((resolve, reject) => {
          asked.set(++id, {
            resolve: (answer) => {
              resolve(answer as T)
            },
            reject,
          })
          child.send({ id, name, value })
        }),
    }
  }
}
