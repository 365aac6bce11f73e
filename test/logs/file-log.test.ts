import { join } from 'node:path'
import type { Test } from 'tap'
import { FileLog, type FileLogOptions } from '../../src/logs/file-log.js'
import { eventLogSuite } from './event-log-suite.js'

const limits = { retainEvents: 1e6, retainForMs: 0, retainBytes: 1e9 }

/** Opens the log of a directory; nothing closes it. */
export function open(directory: string, more: Partial<FileLogOptions> = {}): Promise<FileLog> {
  return FileLog.open(directory, { ...limits, ...more })
}

eventLogSuite('a file log', (t: Test) => open(join(t.testdir(), 'log')))
