import { spawnSync } from 'node:child_process'

/** What promtool said, and how it ended. */
export interface Checked {
  readonly code: number | null
  readonly said: string
}

/** Runs Prometheus' own tool. */
export function promtool(...args: string[]): Checked {
  const { status, stdout, stderr } = spawnSync('promtool', args, { encoding: 'utf8' })
  return { code: status, said: `${stdout}${stderr}` }
}

/** False where promtool is there, else why not: for `skip`. */
export function whyNoPromtool(): string | false {
  const { error } = spawnSync('promtool', ['--version'])
  return error === undefined ? false : 'promtool is not installed: test/install-tools'
}
