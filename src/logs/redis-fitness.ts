import { ErrorReply, type RedisConnection } from '../redis/connection.js'
import { redisName, type RedisAddress } from '../redis/redis-address.js'
import { LogOpenError } from './log-open-error.js'

const leastVersion = 7
/** What `format` of the hash `meta` has to be; a log of the first format has none. */
const format = '1'

/**
 * Checks whether a Redis is fit to hold a log.
 *
 * @throws LogOpenError for what will not change by itself.
 */
export async function checkServer(connection: RedisConnection): Promise<void> {
  const info = await infoOf(connection)
  if (info.get('role') === 'slave') throw new Error('it is a replica')
  const version = info.get('redis_version')
  if (version !== undefined && Number.parseInt(version, 10) < leastVersion) {
    throw new LogOpenError(`it is Redis ${version}, and ${leastVersion} or newer is needed`)
  }
  const policy = info.get('maxmemory_policy')
  if (Number(info.get('maxmemory') ?? 0) > 0 && policy !== 'noeviction') {
    throw new LogOpenError(
      `its maxmemory-policy is ${policy ?? 'not known'}, by which it would delete parts of the log: set noeviction`,
    )
  }
}

/**
 * Checks whether the log that a Redis has, if any, is written as this version reads and writes it.
 *
 * @throws LogOpenError where it is not.
 */
export async function checkFormat(connection: RedisConnection, prefix: string): Promise<void> {
  const found = (await connection.send(['HGET', `${prefix}meta`, 'format'])) as string | null
  if (found === null || found === format) return
  throw new LogOpenError(
    `the log in it is of another version of ringcast, in format ${found}: this one reads format ${format}`,
  )
}

/** What the server says of itself; nothing where this user may not ask. */
async function infoOf(connection: RedisConnection): Promise<ReadonlyMap<string, string>> {
  const text = await connection.send(['INFO']).catch((error: unknown) => {
    if (error instanceof ErrorReply) return ''
    throw error
  })
  const lines = (text as string).matchAll(/^(\w+):(.*?)\r?$/gm)
  return new Map(Array.from(lines, ([, name, value]) => [name!, value!]))
}

/** What a server answers that will not become better by waiting. */
const forGood = /^(WRONGPASS|NOAUTH|NOPERM|ERR .*(AUTH|DB index|unknown command))/
/** That what listens there is no Redis, or speaks TLS where none is asked for, or the other way round. */
const foreign =
  /wrong version number|packet length|certificate|altname|Unknown RESP type|unexpected message|EPROTO/i

/** Why a Redis that was reached can never be used as it is; undefined if waiting may help. */
export function whyNeverUsable(address: RedisAddress, error: unknown): LogOpenError | undefined {
  const { message, code = '' } = error as NodeJS.ErrnoException
  const never =
    error instanceof LogOpenError ||
    (error instanceof ErrorReply && forGood.test(message)) ||
    foreign.test(`${code} ${message}`)
  return never
    ? new LogOpenError(`STORE: Redis (${redisName(address)}) cannot be used: ${message}`)
    : undefined
}
