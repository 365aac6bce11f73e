import { execFileSync } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'
import { availableParallelism, cpus, release, totalmem } from 'node:os'

/** The folder of the project. */
export const projectFolder = new URL('../..', import.meta.url).pathname

/** What stands in front of a command that is to run on a core of its own; nothing where that can't be. */
export function pinnedTo(core: number): readonly string[] {
  return canPin ? ['taskset', '-c', String(core)] : []
}

/** Whether a server and its load can be held to different cores here. */
export const canPin = availableParallelism() > 1 && isInstalled('taskset')

/** Whether a command is found. */
export function isInstalled(command: string): boolean {
  try {
    execFileSync('which', [command], { stdio: 'ignore' })
    return true
  } catch {
    return false
  }
}

/** The CPU time that a process and its descendants have taken, in nanoseconds, by the scheduler's books. */
export function cpuNsOf(pid: number): number {
  let sum = 0
  for (const each of withDescendants(pid)) {
    for (const thread of readdirSync(`/proc/${each}/task`)) {
      const [ns = '0'] = readFileSync(`/proc/${each}/task/${thread}/schedstat`, 'utf8').split(' ')
      sum += Number(ns)
    }
  }
  return sum
}

/** The memory that a process and its descendants hold (RSS), in bytes. */
export function rssOf(pid: number): number {
  let sum = 0
  for (const each of withDescendants(pid)) {
    const kib = /VmRSS:\s*(\d+)/.exec(readFileSync(`/proc/${each}/status`, 'utf8'))?.[1]
    sum += Number(kib ?? 0) * 1024
  }
  return sum
}

function withDescendants(pid: number): number[] {
  const children = readdirSync(`/proc/${pid}/task`).flatMap((thread) =>
    readFileSync(`/proc/${pid}/task/${thread}/children`, 'utf8').split(' ').filter(Boolean),
  )
  return [pid, ...children.flatMap((child) => withDescendants(Number(child)))]
}

/** The machine and its programs, in one line. */
export function describeMachine(): string {
  const { model = 'unknown CPU' } = cpus()[0] ?? {}
  const memory = `${Math.round(totalmem() / 2 ** 30)} GiB`
  const nginx = isInstalled('nginx') ? `, ${versionOf('nginx', '-v')}` : ''
  const pushpin = isInstalled('pushpin') ? `, ${versionOf('pushpin', '--version')}` : ''
  return (
    `${availableParallelism()} × ${model}, ${memory}, Linux ${release()}, ` +
    `Node ${process.version}${nginx}${pushpin}`
  )
}

function versionOf(command: string, flag: string): string {
  const text = execFileSync('sh', ['-c', `${command} ${flag} 2>&1`], { encoding: 'utf8' })
  return text.trim().replace(/^nginx version: /, '')
}
