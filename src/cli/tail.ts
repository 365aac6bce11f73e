import { quote, readArguments, UsageError } from './arguments.js'
import { followStream } from './event-stream.js'
import { exitCodeOf, say, type Io } from './io.js'
import { exitCodeOfGone, openOutput } from './output.js'
import { findService, parseObject, tokenFlags, type Service } from './service.js'
import { humanFormat, jsonFormat, type TailFormat } from './tail-format.js'

/** What `ringcast tail --help` prints. */
export const tailHelp = `Usage: ringcast tail [options]

Shows events as they come, one line each, reconnects for ever, and says where events are missing.

  --topic T      A topic or pattern, as often as needed. Without: broadcast.
  --user U       The user whose events to show, while the service has no credentials.
  --from ID      First what came after this id; "earliest": all that is retained.
  --last N       First the newest N (0 to 1000) that are retained; --from wins.
  --json         Each event as one line of JSON, as received; a gap as {"type":"gap",...}.
  --url URL      Where the service is; default: RINGCAST_URL, else http://127.0.0.1:8080
  --token T      The credential; default: RINGCAST_TOKEN
  --token-file F A file whose first line it is; default: RINGCAST_TOKEN_FILE
  --help         This text.

Exit status: 0 the service ended the stream for good, or nobody reads the output; 1 refused;
2 the command line is wrong; 130 or 143 interrupted.
`

const flagKinds = {
  topic: 'values',
  user: 'value',
  from: 'value',
  last: 'value',
  json: 'switch',
  url: 'value',
  ...tokenFlags,
  help: 'switch',
} as const

interface TailOptions {
  readonly service: Service
  readonly query: URLSearchParams
  readonly format: TailFormat
}

/**
 * Runs `ringcast tail`. Resolves with the exit code; rejects with a UsageError for a command line
 * that cannot be followed.
 */
export async function runTail(argv: readonly string[], io: Io): Promise<number> {
  const options = readOptions(argv, io.env)
  if (options === 'help') {
    io.stdout.write(tailHelp)
    return 0
  }
  const { service, query, format } = options
  const output = openOutput(io.stdout)
  const interrupt = io.interrupted()
  const ending = await followStream({
    io,
    service,
    query,
    stop: AbortSignal.any([interrupt, output.gone]),
    onEvent: ({ data }) => output.write(format.event(data, parseObject(data) ?? { data })),
    onGap: ({ data }, gap) => output.write(format.gap(data, gap)),
  })
  if (ending !== undefined) {
    say(io, ending.reason)
    return ending.exitCode
  }
  if (interrupt.aborted) return exitCodeOf(interrupt)
  return exitCodeOfGone(output.gone, (reason) => say(io, reason))
}

function readOptions(argv: readonly string[], env: NodeJS.ProcessEnv): TailOptions | 'help' {
  const { flags, operands } = readArguments(argv, flagKinds)
  if (flags.has('help')) return 'help'
  if (operands[0] !== undefined) {
    throw new UsageError(`tail takes no ${quote(operands[0])}; a topic is given as --topic`)
  }
  const one = (flag: keyof typeof flagKinds) => flags.get(flag)?.[0]
  const query = new URLSearchParams({ envelope: '1' })
  for (const topic of flags.get('topic') ?? []) query.append('topic', topic)
  for (const [name, value] of [
    ['user', one('user')],
    ['lastEventId', one('from')],
    ['last', checkLast(one('last'))],
  ] as const) {
    if (value) query.set(name, value)
  }
  return {
    service: findService(one('url'), flags, env),
    query,
    format: flags.has('json') ? jsonFormat : humanFormat,
  }
}

function checkLast(text: string | undefined): string | undefined {
  if (text === undefined || (/^\d{1,4}$/.test(text) && Number(text) <= 1000)) return text
  throw new UsageError(`--last: ${quote(text)} is not a whole number from 0 to 1000`)
}
