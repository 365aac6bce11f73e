import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { isInstalled } from '../machine.js'
import { freePort } from '../free-port.js'
import { isListening, startProgram } from '../process.js'
import { startRingcast, type RingcastServer } from './ringcast.js'

/** A log to run Ringcast on. */
export interface Store {
  readonly name: string
  /** Why it can't be run here; false where it can. */
  readonly missing: string | false
  /** Starts Ringcast on an empty one, which is gone when it stops. */
  readonly start: (...flags: string[]) => Promise<RingcastServer>
}

const folder = (): string => mkdtempSync(join(tmpdir(), 'ringcast-bench-'))

export const memoryStore: Store = { name: 'memory', missing: false, start: startRingcast }

export const fileStore: Store = {
  name: 'file',
  missing: false,
  start: (...flags) => startOnFile(startRingcast, flags),
}

/** Starts Ringcast on an empty file log, which is gone when it stops. */
export async function startOnFile(
  start: Store['start'],
  flags: readonly string[],
): Promise<RingcastServer> {
  const directory = folder()
  const server = await start('--store', `file:${directory}`, ...flags)
  return { ...server, stop: () => server.stop().then(() => removeFolder(directory)) }
}

/** Redis keeps what it has on disk too, synced every second; it shares the core of the server. */
export const redisStore: Store = {
  name: 'redis',
  missing: isInstalled('redis-server') ? false : 'redis-server is not installed',
  async start(...flags) {
    const directory = folder()
    const port = await freePort()
    const redis = startProgram(
      'redis-server',
      ['--port', String(port), '--dir', directory, '--appendonly', 'yes', '--save', ''],
      'SIGKILL',
    )
    const end = async (): Promise<void> => {
      await redis.stop()
      removeFolder(directory)
    }
    try {
      await isListening(port)
      const server = await startRingcast('--store', `redis://127.0.0.1:${port}`, ...flags)
      const cpuNs = (): number => server.cpuNs() + redis.cpuNs()
      return { ...server, cpuNs, stop: () => server.stop().then(end) }
    } catch (error) {
      await end()
      throw error
    }
  },
}

function removeFolder(directory: string): void {
  rmSync(directory, { recursive: true, force: true })
}
