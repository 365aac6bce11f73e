import { parseArgs } from 'node:util'
import { closest } from 'fastest-levenshtein'

/** A command line that cannot be followed. The message is one line; the exit code is 2. */
export class UsageError extends Error {
  override readonly name: string = 'UsageError'
}

/** What a flag takes: one value, a value each time it is given, or none. */
export type FlagKind = 'value' | 'values' | 'switch'

/** A command line, taken apart. */
export interface Arguments<Flag extends string> {
  /** The values of each flag that was given, in order; those of a switch are empty. */
  readonly flags: ReadonlyMap<Flag, readonly string[]>
  /** What is no flag, in order. A lone `-` is one of these, and all that follows `--`. */
  readonly operands: readonly string[]
}

/**
 * Takes a command line apart. `-h` is `--help`. Throws what `Refusal` makes, with the nearest known
 * flag, for an unknown flag, one without its value, or one given twice that is not for many.
 */
export function readArguments<Flag extends string>(
  argv: readonly string[],
  known: Readonly<Record<Flag, FlagKind>>,
  Refusal: new (message: string) => Error = UsageError,
): Arguments<Flag> {
  const { tokens } = parseArgs({
    args: [...argv],
    options: parseArgsOptions(known),
    strict: false,
    tokens: true,
  })
  const flags = new Map<Flag, string[]>()
  const operands: string[] = []
  for (const token of tokens) {
    if (token.kind === 'positional') operands.push(token.value)
    if (token.kind !== 'option') continue
    const problem = problemOf(token, known, flags)
    if (problem !== undefined) throw new Refusal(problem)
    const flag = token.name as Flag
    flags.set(flag, [...(flags.get(flag) ?? []), token.value ?? ''])
  }
  return { flags, operands }
}

/** Says which of the known words is most like an unknown one, as the end of a refusal. */
export function nearest(word: string, known: readonly string[]): string {
  // However it was written: --RING_EVENTS is --ring-events.
  const plain = (name: string): string => name.toLowerCase().replaceAll('_', '-')
  const spelt = new Map(known.map((name) => [plain(name), name]))
  const match = closest(plain(word), [...spelt.keys()])
  return `the nearest is ${spelt.get(match) ?? match}`
}

/**
 * A text in quotes and on one line, cut where a line would become unreadable, and without the
 * password that a URL may carry.
 */
export function quote(text: string): string {
  const safe = text.replace(/:\/\/.*@/s, '://…@')
  return JSON.stringify(safe.length > 100 ? `${safe.slice(0, 100)}…` : safe)
}

interface OptionToken {
  readonly name: string
  readonly rawName: string
  readonly value?: string | undefined
  readonly inlineValue?: boolean | undefined
}

function problemOf(
  token: OptionToken,
  known: Readonly<Record<string, FlagKind>>,
  given: ReadonlyMap<string, unknown>,
): string | undefined {
  const flag = token.rawName
  if (!Object.hasOwn(known, token.name)) {
    const names = Object.keys(known).map((name) => `--${name}`)
    return `unknown flag ${oneLine(flag)}; ${nearest(`--${token.name}`, names)}`
  }
  const kind = known[token.name]
  if (kind === 'switch') {
    return token.value === undefined ? undefined : `${flag} takes no value`
  }
  if (token.value === undefined) return `${flag} needs a value`
  // `--user --topic t` is a forgotten value far more often than a user named `--topic`.
  if (token.inlineValue === false && /^-./.test(token.value)) {
    return `${flag} needs a value; one that starts with a dash is written ${flag}=-…`
  }
  if (kind === 'value' && given.has(token.name)) return `${flag} is given twice`
  return undefined
}

function parseArgsOptions(known: Readonly<Record<string, FlagKind>>) {
  return Object.fromEntries(
    Object.entries(known).map(([name, kind]) => [
      name,
      {
        type: kind === 'switch' ? ('boolean' as const) : ('string' as const),
        ...(name === 'help' && { short: 'h' }),
      },
    ]),
  )
}

function oneLine(text: string): string {
  return quote(text).slice(1, -1)
}
