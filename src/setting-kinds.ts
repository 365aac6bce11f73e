import { createPrivateKey, createPublicKey } from 'node:crypto'
import { existsSync } from 'node:fs'
import { isIP } from 'node:net'
import { algorithmsOf } from './auth/key-algorithms.js'
import { quote, UsageError } from './cli/arguments.js'
import { isReserved, subscriptionProblem } from './hub/topic.js'
import { redisAddress, redisAddressForm, withoutPassword } from './redis/redis-address.js'

/** A setting that cannot be followed. The message is one line; the exit code is 2. */
export class SettingsError extends UsageError {
  override readonly name = 'SettingsError'
}

/** One setting: its default, its limits, and how its values are read and written. */
export interface Setting<Value, Suffix extends string = ''> {
  /** As a user writes it. */
  readonly default: string
  /** What is accepted, in words that end the sentence `"x" is not …`. */
  readonly accepts: string
  readonly help: string
  /** What the unit adds to the name of the field: `Ms` for durations. */
  readonly suffix: Suffix
  /**
   * Whether it may come from a file, named by `…_FILE`. What is said of such a setting never has its
   * value.
   */
  readonly fromFile?: true
  /** Throws a SettingsError, without the name of the setting. */
  parse(text: string): Value
  print(value: Value): string
}

/** How a unit is written, and how many of the smallest unit it is; the largest comes first. */
type Units = Readonly<Record<string, number>>

const counts: Units = { '': 1 }
const durations: Units = { h: 3_600_000, m: 60_000, s: 1_000, ms: 1 }
const sizes: Units = { GiB: 2 ** 30, MiB: 2 ** 20, KiB: 2 ** 10, B: 1, '': 1 }

/** A setting that is a whole number. */
export const integer = quantity('', counts, 'a whole number')

/** A setting that is a duration; its values are in milliseconds, its field ends in `Ms`. */
export const duration = quantity('Ms', durations, 'a duration (written 250ms, 15s, 5m or 24h)')

/** A setting that is a size; its values are in bytes. */
export const size = quantity('', sizes, 'a size (written 512B, 64KiB, 64MiB, 1GiB or in bytes)')

/** A setting that is a port, or off, which is undefined. */
export function optionalPort(told: Told): Setting<number | undefined> {
  const accepts = 'off, or a whole number from 0 to 65535'
  return {
    ...told,
    accepts,
    suffix: '',
    parse(text) {
      if (text === 'off') return undefined
      const port = parseQuantity(text, counts)
      return port === undefined || port > 65535 ? refuse(text, accepts) : port
    },
    print: (value) => (value === undefined ? 'off' : String(value)),
  }
}

/** A default, limits and help of a setting that is a number of units, as a user writes them. */
export interface Range {
  readonly default: string
  readonly min: string
  readonly max: string
  /** What 0 means, where it may be given though it is below `min`. */
  readonly zero?: string
  readonly help: string
}

/** A kind of setting that is a number of units, between limits. `zero` says what 0 means beyond. */
function quantity<Suffix extends string>(suffix: Suffix, units: Units, kind: string) {
  return ({ min, max, zero, ...rest }: Range): Setting<number, Suffix> => {
    const [least = 0, most = 0] = [min, max].map((limit) => parseQuantity(limit, units))
    const accepts = `${kind} from ${min} to ${max}${zero ? `, or 0 (${zero})` : ''}`
    return {
      ...rest,
      accepts,
      suffix,
      parse(text) {
        const value = parseQuantity(text, units)
        if (value === undefined) return refuse(text, accepts)
        const inside = (value >= least && value <= most) || (zero !== undefined && value === 0)
        return inside ? value : refuse(text, accepts)
      },
      print: (value) => printQuantity(value, units),
    }
  }
}

/** Reads a duration as settings write it, in milliseconds; undefined when it is none. */
export function parseDuration(text: string): number | undefined {
  return parseQuantity(text, durations)
}

function parseQuantity(text: string, units: Units): number | undefined {
  if (text === '0') return 0
  const [, digits, unit = ''] = /^(\d{1,15})([a-zA-Z]*)$/.exec(text) ?? []
  if (digits === undefined || !Object.hasOwn(units, unit)) return undefined
  return Number(digits) * (units[unit] ?? 1)
}

function printQuantity(value: number, units: Units): string {
  if (value === 0) return '0'
  const [unit, worth] = Object.entries(units).find(([, each]) => value % each === 0) ?? ['', 1]
  return `${value / worth}${unit}`
}

interface Told {
  readonly default: string
  readonly help: string
}

/** A setting that is one of a few words. `accepts` says it where a bare list would mislead. */
export function choice<const Choice extends string>(
  choices: readonly Choice[],
  told: Told & { readonly accepts?: string },
): Setting<Choice> {
  const accepts = told.accepts ?? `one of ${choices.join(', ')}`
  return {
    ...told,
    accepts,
    suffix: '',
    parse: (text) => choices.find((each) => each === text) ?? refuse(text, accepts),
    print: (value) => value,
  }
}

/** A setting that names a log: `memory:`, `file:` and a directory, or where a Redis is. */
export function store(
  told: Told,
): Setting<'memory:' | `file:${string}` | `redis://${string}` | `rediss://${string}`> {
  const accepts = `memory:, file: and a directory (file:/var/lib/ringcast), or ${redisAddressForm}`
  return {
    ...told,
    accepts,
    suffix: '',
    fromFile: true,
    parse(text) {
      if (text === 'memory:') return text
      const [, scheme] = /^(rediss?):/i.exec(text) ?? []
      if (scheme !== undefined) {
        if (redisAddress(text) === undefined) return refuse(text, accepts)
        const rest = text.slice(scheme.length + '://'.length)
        return scheme.toLowerCase() === 'redis' ? `redis://${rest}` : `rediss://${rest}`
      }
      const [, directory] = /^file:([^\u0000-\u001f\u007f]+)$/.exec(text) ?? []
      return directory === undefined ? refuse(text, accepts) : `file:${directory}`
    },
    print: withoutPassword,
  }
}

/** A setting that is an address or a name to listen on. */
export function host(told: Told): Setting<string> {
  const accepts = 'an IP address or a host name, without scheme and port'
  const hostName = /^[a-z\d]([a-z\d._-]{0,251}[a-z\d])?$/i
  return {
    ...told,
    accepts,
    suffix: '',
    parse: (text) => (isIP(text) || hostName.test(text) ? text : refuse(text, accepts)),
    print: (value) => value,
  }
}

/** A setting that lists which origins of web pages are allowed; `*` is all of them. */
export function origins(told: Told): Setting<readonly string[]> {
  const accepts =
    'a comma-separated list of https://app.example.com (scheme://host[:port], no path), https://*.example.com, or *'
  return {
    ...told,
    accepts,
    suffix: '',
    parse: (text) =>
      text.trim() === '' ? [] : text.split(',').map((item) => parseOrigin(item.trim(), accepts)),
    print: (value) => value.join(','),
  }
}

/** Brings an origin into the form in which browsers send it: lower case, no default port. */
function parseOrigin(text: string, accepts: string): string {
  if (text === '*') return text
  const origin = /^([a-z][a-z\d+.-]*):\/\/(?:\*\.)?(?:[a-z\d][a-z\d._-]*|\[[\da-f:.]+\])(?::\d+)?$/i
  const scheme = origin.exec(text)?.[1]?.toLowerCase()
  if (scheme === undefined || !URL.canParse(text)) return refuse(text, accepts)
  return scheme === 'http' || scheme === 'https' ? new URL(text).origin : text.toLowerCase()
}

/** The fewest characters of an API key: one of these is not found by trying. */
const minKeyLength = 16
/** The fewest bytes of a secret for HS256 (RFC 7518 section 3.2). */
const minSecretBytes = 32
/** What is printed for a secret; read again, it is refused for its length. */
const hidden = '(hidden)'

/** A setting that lists secrets of which each is good by itself. */
export function keys(told: Told): Setting<readonly string[]> {
  const accepts = `a list of keys of ${minKeyLength} characters or more, without spaces and commas (openssl rand -hex 24 makes one)`
  return {
    ...told,
    accepts,
    suffix: '',
    fromFile: true,
    parse(text) {
      refusePath(text)
      // In a file, a line each.
      const list = text.split(/[\s,]+/).filter((key) => key !== '')
      const good = list.every((key) => key.length >= minKeyLength && /^[\x21-\x7e]+$/.test(key))
      if (good && (list.length > 0 || text === '')) return list
      throw new SettingsError(`what it has is not ${accepts}`)
    },
    print: (value) => (value.length === 0 ? '' : hidden),
  }
}

/** The path of a file, given for what is in it, would itself be the secret: one that can be guessed. */
function refusePath(text: string): void {
  if (text === '' || !existsSync(text)) return
  throw new SettingsError('what it has is the path of a file: …_FILE, or --…-file, reads that')
}

/** A setting that is a secret for signing; empty if there is none. */
export function secret(told: Told): Setting<string> {
  const accepts = `a text of ${minSecretBytes} bytes or more (RFC 7518 section 3.2; openssl rand -hex 32 makes one)`
  return {
    ...told,
    accepts,
    suffix: '',
    fromFile: true,
    parse(text) {
      refusePath(text)
      if (text === '' || Buffer.byteLength(text) >= minSecretBytes) return text
      throw new SettingsError(`what it has is not ${accepts}`)
    },
    print: (value) => (value === '' ? '' : hidden),
  }
}

/** A setting that is a public key (PEM); empty if there is none. */
export function publicKey(told: Told): Setting<string> {
  const accepts =
    'one public key of RSA, P-256, P-384, P-521 or Ed25519 in PEM, its line ends perhaps written \\n'
  return {
    ...told,
    accepts,
    suffix: '',
    fromFile: true,
    parse(text) {
      const pem = text.replaceAll('\\n', '\n').trim()
      if (text === '' || isPublicKey(pem)) return pem
      throw new SettingsError(`what it has is not ${accepts}`)
    },
    print: (value) => value.replaceAll('\n', '\\n'),
  }
}

function isPublicKey(pem: string): boolean {
  if (pem.split('-----BEGIN ').length !== 2) return false
  try {
    // A private key would be taken too, for the public one that is in it.
    createPrivateKey(pem)
    return false
  } catch {
    // It is not private, as it should be.
  }
  try {
    const key = createPublicKey(pem)
    const { modulusLength = Infinity } = key.asymmetricKeyDetails ?? {}
    return algorithmsOf(key).length > 0 && modulusLength >= 2048
  } catch {
    return false
  }
}

/** A setting that is the address of a page on the web; empty if there is none. */
export function address(told: Told): Setting<string> {
  const accepts = 'an http or https address, without user and password'
  return {
    ...told,
    accepts,
    suffix: '',
    parse(text) {
      if (text === '') return text
      if (!/^https?:\/\//i.test(text) || !URL.canParse(text)) return refuse(text, accepts)
      const { username, password, href } = new URL(text)
      return `${username}${password}` === '' ? href : refuse(text, accepts)
    },
    print: (value) => value,
  }
}

/** A setting that is any text on one line; empty if there is none. */
export function freeText(told: Told): Setting<string> {
  const accepts = 'a text of 1 to 1,024 characters on one line'
  return {
    ...told,
    accepts,
    suffix: '',
    parse: (value) =>
      /^[^\u0000-\u001f\u007f]{0,1024}$/.test(value) ? value : refuse(value, accepts),
    print: (value) => value,
  }
}

/** A setting that lists topic patterns in which `{user}` stands for a user's name. */
export function userPatterns(told: Told): Setting<readonly string[]> {
  const accepts = 'a comma-separated list of topic patterns such as users/{user}/**'
  return {
    ...told,
    accepts,
    suffix: '',
    parse: (list) =>
      list
        .split(',')
        .map((pattern) => pattern.trim())
        .filter((pattern, _, all) => pattern !== '' || all.length > 1)
        .map((pattern) => (isUserPattern(pattern) ? pattern : refuse(pattern, accepts))),
    print: (value) => value.join(','),
  }
}

/** A pattern in which no other braces stand than those of `{user}`: a misspelt one grants nothing. */
function isUserPattern(pattern: string): boolean {
  return (
    subscriptionProblem(pattern) === undefined &&
    !isReserved(pattern) &&
    !/[{}]/.test(pattern.replaceAll('{user}', ''))
  )
}

/**
 * A setting that says which proxies are trusted: a number of them in a row, or their addresses and
 * networks, joined by commas; false is none.
 */
export function proxies(told: Told): Setting<false | number | string> {
  const accepts =
    'off, how many proxies there are in a row (1 to 100), or a comma-separated list of their addresses and networks (10.0.0.0/8)'
  return {
    ...told,
    accepts,
    suffix: '',
    parse(text) {
      if (text === 'off') return false
      if (/^[1-9]\d?$|^100$/.test(text)) return Number(text)
      const items = text.split(',').map((item) => item.trim())
      return items.every(isNetwork) ? items.join(',') : refuse(text, accepts)
    },
    print: (value) => (value === false ? 'off' : String(value)),
  }
}

/** An address, alone or with the length of a prefix; not all addresses at once. */
function isNetwork(text: string): boolean {
  const [, address = '', prefix = '1'] = /^([^/]*)(?:\/(\d{1,3}))?$/.exec(text) ?? []
  const version = isIP(address)
  return version > 0 && Number(prefix) >= 1 && Number(prefix) <= (version === 4 ? 32 : 128)
}

function refuse(text: string, accepts: string): never {
  throw new SettingsError(`${quote(text)} is not ${accepts}`)
}
