import { isIP } from 'node:net'
import { quote, UsageError } from './cli/arguments.js'

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
