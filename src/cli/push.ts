import { randomBytes } from 'node:crypto'
import { parseDuration } from '../setting-kinds.js'
import { quote, readArguments, UsageError } from './arguments.js'
import { exitCodeOf, say, type Io } from './io.js'
import { lineBatches } from './line-batches.js'
import { deliver, deliverOne, type Courier } from './push-client.js'
import { eventEncoder, InputError, type EncodeEvent, type InputFormat } from './push-events.js'
import { openProgress } from './push-progress.js'
import { findService, tokenFlags, type Service } from './service.js'

/** What `ringcast push --help` prints. */
export const pushHelp = `Usage: ringcast push [options] DATA
       ringcast push [options] -

Pushes one event and prints its id; or, with -, each line of standard input as an event, as the
lines come. DATA that starts with a dash follows a --.

  --topic T        A topic of the events, as often as needed. Without: broadcast.
  --user U         A user that the events are for, as often as needed; instead of --topic.
  --event E        The name of the events.
  --key K          Your name for the one event: pushed again under it, it is not delivered again.
  --json           DATA, or each line, is JSON and is sent as such; otherwise it is a string.
  --ndjson         With -: each line is an event object; the options above fill what it lacks.
  --retry-for D    How long to try again while the service is away or busy; default: 60s, 0: never.
  --url URL        Where the service is; default: RINGCAST_URL, else http://127.0.0.1:8080
  --token T        The credential; default: RINGCAST_TOKEN
  --token-file F   A file whose first line it is; default: RINGCAST_TOKEN_FILE
  --help           This text.

Exit status: 0 all events were accepted, 1 not all were, 2 the command line is wrong,
130 or 143 interrupted.
`

const flagKinds = {
  topic: 'values',
  user: 'values',
  event: 'value',
  key: 'value',
  json: 'switch',
  ndjson: 'switch',
  'retry-for': 'value',
  url: 'value',
  ...tokenFlags,
  help: 'switch',
} as const

interface PushOptions {
  /** Undefined for standard input. */
  readonly data?: string
  readonly encode: EncodeEvent
  readonly key: string | undefined
  readonly service: Service
  readonly retryForMs: number
}

/**
 * Runs `ringcast push`. Resolves with the exit code; rejects with a UsageError for a command line
 * that cannot be followed.
 */
export async function runPush(argv: readonly string[], io: Io): Promise<number> {
  const options = readOptions(argv, io.env)
  if (options === 'help') {
    io.stdout.write(pushHelp)
    return 0
  }
  const { service, retryForMs } = options
  const courier = { io, service, retryForMs, stop: io.interrupted(), outageTold: false }
  return options.data === undefined
    ? pushLines(courier, options.encode)
    : pushOne(courier, options, options.data)
}

async function pushOne(courier: Courier, options: PushOptions, data: string): Promise<number> {
  const { io, stop } = courier
  const { ids, failure } = await deliverOne(courier, encodeOperand(options, data))
  if (failure === undefined) {
    io.stdout.write(`${ids.join('\n')}\n`)
    return 0
  }
  if (stop.aborted) return exitCodeOf(stop)
  say(io, failure)
  return 1
}

async function pushLines(courier: Courier, encode: EncodeEvent): Promise<number> {
  const { io, stop } = courier
  const progress = openProgress(io)
  const prefix = keyPrefix()
  const batches = lineBatches(io.stdin, (text, line) => encode(text, `${prefix}${line}`), stop)
  let accepted = 0
  let failure: string | undefined
  try {
    for await (const batch of batches) {
      const delivery = await deliver(courier, batch)
      accepted += delivery.ids.length
      progress.show(accepted)
      failure = delivery.failure
      if (failure !== undefined) break
    }
  } catch (error) {
    failure = inputFailure(error)
  }
  progress.clear()
  const events = `${accepted} ${accepted === 1 ? 'event' : 'events'} pushed`
  if (stop.aborted) {
    io.stderr.write(`${events}, then interrupted\n`)
    return exitCodeOf(stop)
  }
  if (failure === undefined) {
    io.stderr.write(`${events}\n`)
    return 0
  }
  say(io, failure)
  io.stderr.write(`${events}, the rest was not\n`)
  return 1
}

function readOptions(argv: readonly string[], env: NodeJS.ProcessEnv): PushOptions | 'help' {
  const { flags, operands } = readArguments(argv, flagKinds)
  if (flags.has('help')) return 'help'
  const [data, surplus] = operands
  if (data === undefined) throw new UsageError('push needs DATA, or - for standard input')
  if (surplus !== undefined) {
    throw new UsageError(`push takes one DATA; what is ${quote(surplus)}? (quote DATA with spaces)`)
  }
  const [key] = flags.get('key') ?? []
  const format = readFormat(flags, data === '-')
  if (key !== undefined && data === '-') {
    throw new UsageError('--key names one event, and - reads many; put keys into --ndjson lines')
  }
  const [topics = [], users = []] = [flags.get('topic'), flags.get('user')]
  if (topics.length > 0 && users.length > 0) {
    throw new UsageError('--topic and --user exclude each other: a user is no limit to a topic')
  }
  const [event] = flags.get('event') ?? []
  return {
    ...(data !== '-' && { data }),
    encode: eventEncoder(format, { topics, users, event }),
    key,
    service: findService(flags.get('url')?.[0], flags, env),
    retryForMs: readRetryFor(flags.get('retry-for')?.[0] ?? '60s'),
  }
}

function readFormat(flags: ReadonlyMap<string, unknown>, many: boolean): InputFormat {
  if (!flags.has('ndjson')) return flags.has('json') ? 'json' : 'text'
  if (flags.has('json')) throw new UsageError('--json and --ndjson exclude each other')
  if (!many) throw new UsageError('--ndjson reads standard input: give - instead of DATA')
  return 'ndjson'
}

function readRetryFor(text: string): number {
  const ms = parseDuration(text)
  if (ms !== undefined) return ms
  throw new UsageError(
    `--retry-for: ${quote(text)} is not a duration, written 250ms, 15s or 5m, or 0`,
  )
}

function encodeOperand({ encode, key }: PushOptions, data: string): string {
  try {
    const json = encode(data, key ?? `${keyPrefix()}1`)
    if (json !== undefined) return json
  } catch (error) {
    if (!(error instanceof InputError)) throw error
  }
  throw new UsageError(`DATA is not JSON: ${quote(data)} (with --json, a string has its quotes)`)
}

/** Every event has a key, so that one whose answer was lost can be pushed again. */
function keyPrefix(): string {
  return `push-${randomBytes(8).toString('hex')}-`
}

function inputFailure(error: unknown): string {
  if (error instanceof InputError) return error.message
  const { code, message } = error as NodeJS.ErrnoException
  // An error of the operating system while reading; all else is a fault of this program.
  if (code === undefined) throw error
  return `cannot read standard input: ${message}`
}
