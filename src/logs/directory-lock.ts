import { randomBytes } from 'node:crypto'
import { linkSync, openSync, closeSync, renameSync, rmSync } from 'node:fs'
import { connect, createServer, type Server } from 'node:net'
import { join } from 'node:path'
import { once } from 'node:events'

/** The longest path that the address of a Unix socket may have, in bytes. */
const maxAddressBytes = 100

/** Holds a directory for this process. */
export interface DirectoryLock {
  release(): void
}

/**
 * Takes a directory for this process alone; answers undefined if another one has it. The lock is a
 * socket in it that somebody listens on: the kernel lets go of it with the process, however that
 * ends, and it is seen from other containers too, where a process number would say nothing.
 */
export async function lockDirectory(directory: string): Promise<DirectoryLock | undefined> {
  const random = randomBytes(6).toString('hex')
  const lock = join(directory, 'lock')
  const own = `lock.${random}`
  const server = await inDirectory(directory, own, async (address) => {
    const server = createServer((socket) => socket.destroy())
    server.listen(address)
    await once(server, 'listening')
    return server.unref()
  })
  try {
    for (let tries = 0; tries < 3; tries++) {
      if (linked(join(directory, own), lock)) return { release: () => release(server, lock) }
      if (await isListenedOn(directory, 'lock')) break
      // Left behind by a process that was killed: taken away, and looked at again, since another one
      // may have come in between.
      const stale = `lock.${random}.stale`
      renameSync(lock, join(directory, stale))
      if (await isListenedOn(directory, stale)) {
        linked(join(directory, stale), lock)
        tries = Infinity
      }
      rmSync(join(directory, stale), { force: true })
    }
    server.close()
    return undefined
  } finally {
    rmSync(join(directory, own), { force: true })
  }
}

/** Whether some process has taken a directory. */
export function isHeld(directory: string): Promise<boolean> {
  return isListenedOn(directory, 'lock')
}

function release(server: Server, lock: string): void {
  rmSync(lock, { force: true })
  server.close()
}

function linked(from: string, to: string): boolean {
  try {
    linkSync(from, to)
    return true
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false
    throw error
  }
}

function isListenedOn(directory: string, name: string): Promise<boolean> {
  return inDirectory(directory, name, async (address) => {
    const socket = connect(address)
    try {
      await once(socket, 'connect')
      return true
    } catch {
      return false
    } finally {
      socket.destroy()
    }
  })
}

/** Uses the address of a socket in a directory, however long the directory's path is. */
async function inDirectory<T>(
  directory: string,
  name: string,
  use: (address: string) => Promise<T>,
): Promise<T> {
  const path = join(directory, name)
  if (process.platform !== 'linux' || Buffer.byteLength(path) <= maxAddressBytes) return use(path)
  const descriptor = openSync(directory, 'r')
  try {
    return await use(`/proc/self/fd/${descriptor}/${name}`)
  } finally {
    closeSync(descriptor)
  }
}
