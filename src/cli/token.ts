import { nameProblem, subscriptionProblem } from '../hub/topic.js'
import { parseDuration } from '../setting-kinds.js'
import { parseSettings } from '../settings.js'
import { quote, readArguments, UsageError } from './arguments.js'
import type { Io } from './io.js'

/** What `ringcast token --help` prints. */
export const tokenHelp = `Usage: ringcast token [options]

Makes a token for trying out, signed with RINGCAST_JWT_SECRET (or what RINGCAST_JWT_SECRET_FILE
names), and prints it. The service has to have the same secret. RINGCAST_JWT_AUDIENCE,
_JWT_ISSUER, _JWT_CLAIM and _JWT_USER_CLAIM count as they do for the service.

  --sub U          The user.
  --subscribe P    A topic or pattern that may be subscribed to, as often as needed.
  --publish P      A topic or pattern that may be pushed to, as often as needed.
  --admin          May read what the service says of itself, and end streams.
  --expires D      After how long it expires; default: 1h, 0: never.
  --help           This text.
`

const flagKinds = {
  sub: 'value',
  subscribe: 'values',
  publish: 'values',
  admin: 'switch',
  expires: 'value',
  help: 'switch',
} as const

type Flags = ReadonlyMap<keyof typeof flagKinds, readonly string[]>

/**
 * Runs `ringcast token`. Resolves with the exit code; rejects with a UsageError for a command line
 * or an environment that cannot be followed.
 */
export async function runToken(argv: readonly string[], io: Io): Promise<number> {
  const { flags, operands } = readArguments(argv, flagKinds)
  if (flags.has('help')) {
    io.stdout.write(tokenHelp)
    return 0
  }
  if (operands[0] !== undefined) {
    throw new UsageError(`token takes no ${quote(operands[0])}; a user is given as --sub`)
  }
  const { jwtSecret, jwtClaim, jwtUserClaim, jwtAudience, jwtIssuer } = parseSettings([], io.env)
  if (jwtSecret === '') {
    throw new UsageError(
      'token needs the secret that the service has, as RINGCAST_JWT_SECRET or RINGCAST_JWT_SECRET_FILE ' +
        '(none yet? openssl rand -hex 32 makes one: start the service with it too)',
    )
  }
  const issuedAt = Math.floor(io.now() / 1000)
  const lifetimeMs = readExpires(flags)
  const claims = Object.fromEntries([
    ...(jwtIssuer === '' ? [] : [['iss', jwtIssuer]]),
    ...(jwtAudience === '' ? [] : [['aud', jwtAudience]]),
    ...readUser(flags).map((user) => [jwtUserClaim, user]),
    [jwtClaim, readGrants(flags)],
    ['iat', issuedAt],
    ...(lifetimeMs === 0 ? [] : [['exp', issuedAt + Math.ceil(lifetimeMs / 1000)]]),
  ]) as Record<string, unknown>
  // Loaded only here, as the other commands have no use for it.
  const { SignJWT } = await import('jose')
  const token = new SignJWT(claims).setProtectedHeader({ alg: 'HS256', typ: 'JWT' })
  io.stdout.write(`${await token.sign(Buffer.from(jwtSecret))}\n`)
  return 0
}

function readGrants(flags: Flags): object {
  const subscribe = readPatterns(flags, 'subscribe')
  const publish = readPatterns(flags, 'publish')
  return {
    ...(subscribe.length > 0 && { subscribe }),
    ...(publish.length > 0 && { publish }),
    ...(flags.has('admin') && { admin: true }),
  }
}

function readPatterns(flags: Flags, flag: 'subscribe' | 'publish'): readonly string[] {
  const patterns = flags.get(flag) ?? []
  for (const pattern of patterns) {
    const problem = pattern.startsWith('$')
      ? 'is the service’s: --admin grants those'
      : subscriptionProblem(pattern)
    if (problem !== undefined) throw new UsageError(`--${flag}: ${quote(pattern)} ${problem}`)
  }
  return patterns
}

function readUser(flags: Flags): readonly string[] {
  const users = flags.get('sub') ?? []
  for (const user of users) {
    const problem = nameProblem(user)
    if (problem !== undefined) throw new UsageError(`--sub: ${quote(user)} ${problem}`)
  }
  return users
}

function readExpires(flags: Flags): number {
  const [text = '1h'] = flags.get('expires') ?? []
  const ms = parseDuration(text)
  if (ms !== undefined) return ms
  throw new UsageError(`--expires: ${quote(text)} is not a duration, written 90s, 30m or 24h, or 0`)
}
