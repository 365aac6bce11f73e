import { randomBytes } from 'node:crypto'
import { parseDuration } from '../../setting-kinds.js'
import { nearest, quote, readArguments, UsageError } from '../arguments.js'
import { exitCodeOf, say, type Io } from '../io.js'
import { findService, tokenFlags } from '../service.js'
import { examine } from './examine.js'
import type { Examination } from './examination.js'
import { SeenLogs } from './seen-logs.js'
import { proxyNames, type ProxyName } from './proxies.js'
import { humanReport, jsonReport } from './report.js'

/** What `ringcast doctor --help` prints. */
export const doctorHelp = `Usage: ringcast doctor [options] [URL]

Opens streams and WebSockets through whatever stands between here and the service, and says what
holds back events, cuts quiet streams or strips headers, and which line of configuration mends it.
URL: where clients find the service, with its path; default: RINGCAST_URL, else
http://127.0.0.1:8080

  --url URL      The same, as the other commands have it.
  --origin O     The origin of the pages that are to use it, to look at CORS for them.
  --idle D       How long to hold a quiet stream; default: two heartbeats and 2 s.
  --proxy P      What is in between, where it does not show: nginx, apache, haproxy, caddy,
                 traefik, alb or cloudflare, as often as needed. Otherwise all have their lines.
  --json         One JSON object, for machines.
  --token T      The credential; default: RINGCAST_TOKEN. One that may push to public/** shows
                 most; an administrator's shows as whom the service counts this client.
  --token-file F A file whose first line it is; default: RINGCAST_TOKEN_FILE
  --help         This text.

It pushes four events to a topic of its own, public/doctor/…, which nobody else listens to.

Exit status: 0 nothing is wrong, 1 something is, 2 the command line is wrong, 130 or 143
interrupted.
`

const flagKinds = {
  url: 'value',
  origin: 'value',
  idle: 'value',
  proxy: 'values',
  json: 'switch',
  ...tokenFlags,
  help: 'switch',
} as const

type Flags = ReadonlyMap<keyof typeof flagKinds, readonly string[]>

/**
 * Runs `ringcast doctor`. Resolves with the exit code; rejects with a UsageError for a command line
 * that cannot be followed.
 */
export async function runDoctor(argv: readonly string[], io: Io): Promise<number> {
  const { flags, operands } = readArguments(argv, flagKinds)
  if (flags.has('help')) {
    io.stdout.write(doctorHelp)
    return 0
  }
  if (operands[1] !== undefined) {
    throw new UsageError(`doctor takes one URL; what is ${quote(operands[1])}?`)
  }
  const named = readProxies(flags)
  const examination: Examination = {
    service: findService(operands[0] ?? flags.get('url')?.[0], flags, io.env, 'URL'),
    origin: readOrigin(flags),
    idleMs: readIdle(flags),
    topic: `public/doctor/${randomBytes(8).toString('hex')}`,
    logs: new SeenLogs(),
    stop: io.interrupted(),
  }
  if (io.stderr.isTTY === true) say(io, 'looking, and holding a quiet stream meanwhile …')
  const examined = await examine(examination)
  if (examination.stop.aborted) return exitCodeOf(examination.stop)
  const report = flags.has('json') ? jsonReport : humanReport
  const proxies = [...new Set([...named, ...examined.proxies])]
  const all = Object.keys(proxyNames) as ProxyName[]
  io.stdout.write(report(examination.service.base, examined, proxies.length > 0 ? proxies : all))
  return examined.findings.some(({ verdict }) => verdict === 'problem') ? 1 : 0
}

function readProxies(flags: Flags): readonly ProxyName[] {
  return (flags.get('proxy') ?? []).map((text) => {
    if (Object.hasOwn(proxyNames, text)) return text as ProxyName
    const known = nearest(text, Object.keys(proxyNames))
    throw new UsageError(`--proxy: ${quote(text)} has no remedies here; ${known}`)
  })
}

function readOrigin(flags: Flags): string | undefined {
  const [text] = flags.get('origin') ?? []
  if (text === undefined) return undefined
  if (/^https?:\/\//i.test(text) && URL.canParse(text)) {
    const { origin, href } = new URL(text)
    if (href === `${origin}/`) return origin
  }
  throw new UsageError(`--origin: ${quote(text)} is no origin, written https://app.example.com`)
}

function readIdle(flags: Flags): number | undefined {
  const [text] = flags.get('idle') ?? []
  if (text === undefined) return undefined
  const ms = parseDuration(text)
  if (ms !== undefined && ms > 0 && ms <= 86_400_000) return ms
  throw new UsageError(`--idle: ${quote(text)} is not a duration up to 24h, written 75s or 5m`)
}
