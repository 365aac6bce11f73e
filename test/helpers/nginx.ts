import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Test } from 'tap'
import { ask } from './ask.js'
import { until } from './until.js'

/** Which nginx is tested: Debian's, or another one. */
const program = process.env['TEST_NGINX'] ?? 'nginx'

/** Why there is no nginx to test with, or false if there is one. */
export function whyNoNginx(): string | false {
  try {
    execFileSync(program, ['-v'], { stdio: 'ignore' })
    return false
  } catch {
    return 'nginx is not installed: test/install-tools does it'
  }
}

/**
 * Runs a real nginx until the test ends, and resolves with its URL once it answers.
 *
 * @param port where its configuration has it listen.
 * @param output where its standard output goes: a descriptor, or nowhere.
 */
export async function runNginx(
  t: Test,
  port: number,
  args: readonly string[],
  output: number | 'ignore' = 'ignore',
): Promise<string> {
  const child = spawn(program, args, { stdio: ['ignore', output, 'pipe'] })
  let errors = ''
  child.stderr!.on('data', (text: Buffer) => (errors += text.toString()))
  const ended = once(child, 'exit')
  t.teardown(async () => {
    child.kill('SIGTERM')
    await ended
  })
  const failed = ended.then(() => {
    throw new Error(`nginx ended: ${errors}`)
  })
  failed.catch(() => {
    // Told by the race below, if it comes before nginx answers.
  })
  const url = `http://127.0.0.1:${port}`
  const answers = (): Promise<boolean> =>
    ask(`${url}/livez`).then(
      () => true,
      () => false,
    )
  await Promise.race([until(answers, `nginx on port ${port}`), failed])
  return url
}
