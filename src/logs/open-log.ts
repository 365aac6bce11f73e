import type { EventLog } from '../hub/event-log.js'
import { redisAddress } from '../redis/redis-address.js'
import type { FileLogOptions } from './file-log.js'
import { MemoryLog } from './memory-log.js'
import type { RedisLogOptions } from './redis-log.js'

/** The log that the setting `STORE` names: `memory:`, `file:` and a directory, or where a Redis is. */
export type StoreName = 'memory:' | `file:${string}` | `redis://${string}` | `rediss://${string}`

/**
 * Opens the log that the setting `STORE` names; it has been checked there.
 *
 * @throws LogOpenError where it cannot be used, or cannot be trusted.
 */
export async function openLog(
  store: StoreName,
  options: FileLogOptions & RedisLogOptions,
): Promise<EventLog> {
  if (store === 'memory:') return new MemoryLog()
  // Loaded only here: who uses the memory log needs neither LMDB nor Redis.
  const address = redisAddress(store)
  if (address !== undefined) {
    const { RedisLog } = await import('./redis-log.js')
    return RedisLog.open(address, options)
  }
  const { FileLog } = await import('./file-log.js')
  return FileLog.open(store.slice('file:'.length), options)
}
