import { nearest, quote, UsageError } from './arguments.js'
import { runDoctor } from './doctor/doctor.js'
import { say, type Io } from './io.js'
import { runPush } from './push.js'
import { runServe } from './serve.js'
import { runTail } from './tail.js'
import { runToken } from './token.js'
import { version } from '../version.js'

type Command = (argv: readonly string[], io: Io) => Promise<number | undefined>

const commands: ReadonlyMap<string, Command> = new Map<string, Command>([
  ['serve', runServe],
  ['push', runPush],
  ['tail', runTail],
  ['token', runToken],
  ['doctor', runDoctor],
])

const help = `Usage: ringcast COMMAND [options]

  serve     Runs the service.
  push      Pushes an event, or each line of standard input.
  tail      Shows events as they come.
  token     Makes a token for trying out.
  doctor    Says what stands in the way to the service, and what mends it.

  --version
  --help    This text; after a command, that command's.

RINGCAST_URL and RINGCAST_TOKEN (or RINGCAST_TOKEN_FILE) say where the service is and who one is,
to push, tail and doctor.
`

/**
 * Runs a command line. Resolves with the exit code, or with undefined when the process goes on, as
 * a service does. What is wrong with the command line is said in one line of standard error.
 */
export async function runCommand(argv: readonly string[], io: Io): Promise<number | undefined> {
  try {
    return await dispatch(argv, io)
  } catch (error) {
    if (!(error instanceof UsageError)) throw error
    say(io, error.message)
    return 2
  }
}

async function dispatch(argv: readonly string[], io: Io): Promise<number | undefined> {
  const [word, ...rest] = argv
  const command = commands.get(word ?? '')
  if (command !== undefined) return command(rest, io)
  if (word === undefined) {
    io.stderr.write(help)
    return 2
  }
  if (word === '--version') {
    io.stdout.write(`${version()}\n`)
    return 0
  }
  if (word === '--help' || word === '-h') {
    io.stdout.write(help)
    return 0
  }
  const known = [...commands.keys(), '--help', '--version']
  throw new UsageError(`unknown command ${quote(word)}; ${nearest(word, known)}`)
}
