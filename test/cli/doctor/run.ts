import { runCommand } from '../../../dist/cli/commands.js'
import { fakeIo } from '../fake-io.js'

/** What `ringcast doctor --json` says, as far as the tests look at it. */
export interface Report {
  readonly ok: boolean
  readonly proxies: readonly string[]
  readonly findings: readonly {
    readonly check: string
    readonly verdict: string
    readonly text: string
    readonly problem?: string
  }[]
  readonly problems: readonly {
    readonly problem: string
    readonly remedies: readonly {
      readonly proxy: string
      readonly changes: readonly {
        readonly place: string
        readonly put?: readonly string[]
        readonly drop?: readonly string[]
      }[]
    }[]
  }[]
}

/** Runs the command on real sockets. */
export async function doctor(argv: readonly string[], env: NodeJS.ProcessEnv = {}) {
  const io = fakeIo(env)
  const exitCode = await runCommand(['doctor', ...argv], io)
  return { exitCode, stdout: io.stdout.text(), stderr: io.stderr.text() }
}

/** The same with `--json`, read. */
export async function report(...argv: readonly string[]): Promise<Report & { exitCode: unknown }> {
  const { exitCode, stdout } = await doctor([...argv, '--json'])
  return { exitCode, ...(JSON.parse(stdout) as Report) }
}

/** The problems of a report, by name. */
export function named({ problems }: Report): string[] {
  return problems.map(({ problem }) => problem).toSorted()
}
