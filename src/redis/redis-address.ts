/** Where a Redis is, as whom to use it, and what in it is ours. */
export interface RedisAddress {
  readonly host: string
  readonly port: number
  readonly tls: boolean
  readonly username: string | undefined
  readonly password: string | undefined
  readonly database: number
  /** With what the name of every key begins. */
  readonly prefix: string
}

/** What `redisAddress` reads, in words that end the sentence `… is not …`. */
export const redisAddressForm =
  'redis://[user:password@]host[:port][/database][?prefix=ringcast:] (rediss:// for TLS)'

const defaultPort = 6379
const defaultPrefix = 'ringcast:'
const prefixForm = /^[\w:.{}-]{1,64}$/
/** What is printed for a password; read again, it is refused. */
const hidden = '(hidden)'

/** Reads the address of a Redis; undefined where the text is none. */
export function redisAddress(text: string): RedisAddress | undefined {
  if (!/^rediss?:\/\//i.test(text) || !URL.canParse(text)) return undefined
  const { protocol, hostname, port, username, password, pathname, searchParams, hash } = new URL(
    text,
  )
  const prefix = searchParams.get('prefix') ?? defaultPrefix
  const [, database] = /^\/?(\d{0,5})$/.exec(pathname) ?? []
  if (hostname === '' || hash !== '' || database === undefined) return undefined
  if (!prefixForm.test(prefix) || searchParams.size > (searchParams.has('prefix') ? 1 : 0)) {
    return undefined
  }
  const [user, secret] = [decoded(username), decoded(password)]
  if (user === undefined || secret === undefined || secret === hidden) return undefined
  return {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: port === '' ? defaultPort : Number(port),
    tls: protocol === 'rediss:',
    username: user === '' ? undefined : user,
    password: secret === '' ? undefined : secret,
    database: Number(database),
    prefix,
  }
}

/** The same text without the password. */
export function withoutPassword(text: string): string {
  // Up to the last @: one that should have been written as %40 is of the password.
  return text.replace(/^(rediss?:\/\/[^:/?]*):.*@/is, `$1:${hidden}@`)
}

/** How lines of the log name it: `127.0.0.1:6379`. */
export function redisName({ host, port }: RedisAddress): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`
}

function decoded(part: string): string | undefined {
  try {
    return decodeURIComponent(part)
  } catch {
    return undefined
  }
}
