import type { EventLog } from '../hub/event-log.js'
import { MemoryLog } from './memory-log.js'

/** The log that the setting `STORE` names; it has been checked there. */
export function openLog(store: 'memory:'): EventLog {
  const logs = { 'memory:': () => new MemoryLog() }
  return logs[store]()
}
