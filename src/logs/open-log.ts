import type { EventLog } from '../hub/event-log.js'
import type { FileLogOptions } from './file-log.js'
import { MemoryLog } from './memory-log.js'

/** The log that the setting `STORE` names: `memory:`, or `file:` and a directory. */
export type StoreName = 'memory:' | `file:${string}`

/**
 * Opens the log that the setting `STORE` names; it has been checked there.
 *
 * @throws LogOpenError where it cannot be used, or cannot be trusted.
 */
export async function openLog(store: StoreName, options: FileLogOptions): Promise<EventLog> {
  if (store === 'memory:') return new MemoryLog()
  // Loaded only here: who uses the memory log needs no LMDB.
  const { FileLog } = await import('./file-log.js')
  return FileLog.open(store.slice('file:'.length), options)
}
