import { existsSync } from 'node:fs'
import { readValueFile } from '../value-file.js'
import { quote, UsageError } from './arguments.js'

/** The service that a command talks to, and as whom. */
export interface Service {
  /** As the user wrote it, without a closing slash. */
  readonly base: string
  /** Sent with each request; there is no `authorization` without a token. */
  readonly headers: Readonly<Record<string, string>>
}

/** The codes of OpenSSL and Node for a certificate that cannot be trusted, or is for another name. */
const untrusted = /CERT|^UNABLE_TO_/
const defaultBase = 'http://127.0.0.1:8080'

/** A request that got no answer, or an answer that ended in the middle. */
export class ConnectionLost extends Error {
  override readonly name = 'ConnectionLost'

  constructor(
    message: string,
    /** As of the operating system or of undici: `ECONNREFUSED`, `UND_ERR_SOCKET`. */
    readonly code?: string,
  ) {
    super(message)
  }
}

/** An answer that says no. */
export interface Refusal {
  readonly status: number
  /** What the service says, with its code; else the status. */
  readonly message: string
  /** Which of the events that were sent is at fault, from 0. */
  readonly index?: number
  /** After how many milliseconds the service wants to be asked again. */
  readonly retryAfterMs?: number
}

/** The flags that say as whom a command comes. */
export const tokenFlags = { token: 'value', 'token-file': 'value' } as const

/** How something was given, and what. */
type Given = readonly [name: string, value: string | undefined]

type TokenFlags = Pick<ReadonlyMap<keyof typeof tokenFlags, readonly string[]>, 'get'>

/**
 * Where the service is: `--url`, else `RINGCAST_URL`, else the default of `ringcast serve`; a path
 * in it stays. The token is `--token` or in the file of `--token-file`, else `RINGCAST_TOKEN` or in
 * the file of `RINGCAST_TOKEN_FILE`. Throws a UsageError, in which `urlName` is what `--url` is called.
 */
export function findService(
  url: string | undefined,
  flags: TokenFlags,
  env: NodeJS.ProcessEnv,
  urlName = '--url',
): Service {
  const base = url ?? (env['RINGCAST_URL'] || defaultBase)
  if (!isBase(base)) {
    const source = url === undefined ? 'RINGCAST_URL' : urlName
    const right = 'an http or https address such as http://127.0.0.1:8080, without query'
    throw new UsageError(`${source}: ${quote(base)} is not ${right}`)
  }
  const bearer = readToken(flags, env)
  return {
    base: base.replace(/\/+$/, ''),
    headers: bearer ? { authorization: `Bearer ${bearer}` } : {},
  }
}

/** `fetch`, but all that can go wrong on the way is a ConnectionLost; or what `signal` says. */
export async function request(url: string, init: RequestInit): Promise<Response> {
  try {
    return await fetch(url, init)
  } catch (error) {
    throw lostBy(error, init.signal ?? undefined)
  }
}

/** What the failure of a request or of its body is: why it was aborted, else a ConnectionLost. */
export function lostBy(error: unknown, signal: AbortSignal | undefined): unknown {
  if (signal?.aborted === true) return signal.reason
  const cause = rootOf(error)
  return new ConnectionLost(cause.message, cause.code)
}

/** That a service cannot be reached, in words. */
export function unreachable({ base }: Service, { message, code }: ConnectionLost): string {
  return `cannot reach ${base}: ${message}${hintOf(base, code)}`
}

function hintOf(base: string, code: string | undefined): string {
  if (base === defaultBase && code === 'ECONNREFUSED') {
    return ' (is it elsewhere? --url or RINGCAST_URL says where)'
  }
  if (base.startsWith('http:') && code === 'UND_ERR_SOCKET') return ' (is it https there?)'
  return untrusted.test(code ?? '')
    ? ' (NODE_EXTRA_CA_CERTS=ca.pem has one of your own trusted)'
    : ''
}

/** Whether the certificate is at fault, which does not change while one waits. */
export function isUntrusted({ code = '' }: ConnectionLost): boolean {
  return untrusted.test(code)
}

/** Reads what an answer that says no says. Throws a ConnectionLost when it ends in the middle. */
export async function readRefusal(response: Response, signal?: AbortSignal): Promise<Refusal> {
  const retryAfterMs = parseRetryAfter(response.headers.get('retry-after'))
  const said = parseObject(await readText(response, signal))
  const { message, code, index, line } = said ?? {}
  // What the service says is for whoever writes HTTP.
  const hint =
    code === 'RINGCAST_UNAUTHENTICATED' ? '; here: RINGCAST_TOKEN, --token or --token-file' : ''
  return {
    status: response.status,
    message:
      typeof message === 'string'
        ? `${message}${hint}${typeof code === 'string' ? ` (${code})` : ''}`
        : `the answer of ${new URL(response.url).origin} is ${`${response.status} ${response.statusText}`.trimEnd()}, not one of Ringcast (--url or RINGCAST_URL says where that is)`,
    ...(typeof line === 'number' && { index: line - 1 }),
    ...(typeof index === 'number' && { index }),
    ...(retryAfterMs !== undefined && { retryAfterMs }),
  }
}

/** The whole body of an answer. Throws a ConnectionLost when it ends in the middle. */
export async function readText(response: Response, signal?: AbortSignal): Promise<string> {
  try {
    return await response.text()
  } catch (error) {
    throw lostBy(error, signal)
  }
}

/** The object that a JSON text is; undefined when it is none. */
export function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

function readToken(flags: TokenFlags, env: NodeJS.ProcessEnv): string | undefined {
  const flag = (name: keyof typeof tokenFlags): Given => [`--${name}`, flags.get(name)?.[0]]
  const variable = (name: string): Given => [name, env[name] || undefined]
  const token =
    oneToken(flag('token'), flag('token-file')) ??
    oneToken(variable('RINGCAST_TOKEN'), variable('RINGCAST_TOKEN_FILE'))
  if (token && !/^[\x21-\x7e]+$/.test(token)) {
    throw new UsageError('the token has characters that no token has, such as a space')
  }
  return token
}

/** The token that was given itself, or by a file that has it. */
function oneToken([name, token]: Given, [fileName, file]: Given): string | undefined {
  if (file === undefined) {
    if (token === undefined || !existsSync(token)) return token
    throw new UsageError(`${name}: ${quote(token)} is a file, which ${fileName} reads`)
  }
  if (token !== undefined) throw new UsageError(`${name} and ${fileName} exclude each other`)
  // A file of the service may have several keys, a line each.
  const [inFile = ''] = readValueFile(fileName, file).split(/\r?\n/, 1)
  if (inFile !== '') return inFile
  throw new UsageError(`${fileName}: ${quote(file)} has no token in its first line`)
}

function isBase(text: string): boolean {
  if (!URL.canParse(text)) return false
  const { protocol, search, hash, username, password } = new URL(text)
  return /^https?:$/.test(protocol) && `${search}${hash}${username}${password}` === ''
}

/** `fetch` says only that it failed; what failed is the cause, or the first of several. */
function rootOf(error: unknown): { message: string; code?: string } {
  if (error instanceof AggregateError && error.errors.length > 0) return rootOf(error.errors[0])
  if (!(error instanceof Error)) return { message: String(error) }
  if (error.cause instanceof Error) return rootOf(error.cause)
  const { message, code } = error as NodeJS.ErrnoException
  return typeof code === 'string' ? { message, code } : { message }
}

function parseRetryAfter(text: string | null): number | undefined {
  if (text === null) return undefined
  if (/^\d{1,9}$/.test(text)) return Number(text) * 1000
  const date = Date.parse(text)
  return Number.isNaN(date) ? undefined : Math.max(0, date - Date.now())
}
